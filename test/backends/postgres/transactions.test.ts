/**
 * Calls in an app's transactions happen with them or not at all.
 */
import type { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { PostgresStore } from "effect-state/postgres"
import * as Atomic from "../../../src/store/Atomic.ts"
import * as StateStore from "../../../src/store/StateStore.ts"
import * as SharedServers from "../../servers/SharedServers.ts"
import { connect, poolAt, query } from "./database.ts"

type Services = StateStore.StateStore | PgClient.PgClient | SqlClient.SqlClient

const ways: Record<string, (url: string) => Layer.Layer<Services, unknown>> = {
  layerWithClient: (url) => PostgresStore.layerWithClient({ url, sweep: false, maxConnections: 4 }),
  layerFromClient: (url) =>
    Layer.provideMerge(
      PostgresStore.layerFromClient({ sweep: false }),
      PgClient.layer({ url: Redacted.make(url), maxConnections: 4 })
    ),
  layerFromPool: (url) =>
    Layer.unwrapScoped(
      Effect.map(poolAt(url), (pool) =>
        Layer.merge(
          PostgresStore.layerFromPool(pool, { sweep: false }),
          PgClient.layerFromPool({ acquire: Effect.succeed(pool) })
        )
      )
    )
}

const world = (url: string, way: (url: string) => Layer.Layer<Services, unknown>) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(way(url))
    const sql = Context.get(context, PgClient.PgClient)
    yield* sql`CREATE TABLE orders (id int PRIMARY KEY)`
    return { store: Context.get(context, StateStore.StateStore), sql }
  })

const valueOf = (store: StateStore.Service, key: string) =>
  Effect.map(
    store.get(key),
    Option.map((entry) => entry.value)
  )

for (const [name, way] of Object.entries(ways)) {
  describe(`a store by ${name}`, () => {
    it.scopedLive("commits with the app's transaction, and is undone with it", () =>
      Effect.gen(function* () {
        const url = yield* SharedServers.postgresDatabase
        const { store, sql } = yield* world(url, way)
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`INSERT INTO orders VALUES (1)`
            yield* store.set("order", 1)
            assert.deepEqual(yield* valueOf(store, "order"), Option.some<unknown>(1))
            const outside = yield* connect(url)
            assert.deepEqual(yield* query(outside, "SELECT key FROM effect_state"), [])
          })
        )
        assert.deepEqual(yield* valueOf(store, "order"), Option.some<unknown>(1))
        const failed = yield* Effect.either(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`INSERT INTO orders VALUES (2)`
              yield* store.set("order", 2)
              yield* store.setMany([{ key: "other", value: 2 }])
              return yield* Effect.fail("no")
            })
          )
        )
        assert.strictEqual(failed._tag, "Left")
        assert.deepEqual(yield* valueOf(store, "order"), Option.some<unknown>(1))
        assert.deepEqual(yield* valueOf(store, "other"), Option.none())
        assert.strictEqual((yield* sql`SELECT id FROM orders`).length, 1)
      })
    )

    it.scopedLive("a nested transaction is undone alone", () =>
      Effect.gen(function* () {
        const { store, sql } = yield* world(yield* SharedServers.postgresDatabase, way)
        yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* store.set("outer", 1)
            yield* Effect.either(sql.withTransaction(Effect.zipRight(store.set("inner", 1), Effect.fail("no"))))
          })
        )
        assert.deepEqual(yield* valueOf(store, "outer"), Option.some<unknown>(1))
        assert.deepEqual(yield* valueOf(store, "inner"), Option.none())
      })
    )

    it.scopedLive("a conflict leaves the transaction whole", () =>
      Effect.gen(function* () {
        const { store, sql } = yield* world(yield* SharedServers.postgresDatabase, way)
        yield* store.set("a", 1)
        const conflict = yield* sql.withTransaction(
          Effect.gen(function* () {
            const conflict = yield* Effect.flip(store.commit(Atomic.make.pipe(Atomic.check("a", "absent"))))
            yield* sql`INSERT INTO orders VALUES (3)`
            yield* store.set("b", 2)
            return conflict._tag
          })
        )
        assert.strictEqual(conflict, "VersionConflict")
        assert.deepEqual(yield* valueOf(store, "b"), Option.some<unknown>(2))
        assert.strictEqual((yield* sql`SELECT id FROM orders`).length, 1)
      })
    )

    it.scopedLive("a call that fails leaves the transaction whole", () =>
      Effect.gen(function* () {
        const { store, sql } = yield* world(yield* SharedServers.postgresDatabase, way)
        const failed = yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`INSERT INTO orders VALUES (4)`
            yield* sql`ALTER TABLE effect_state ADD CONSTRAINT short CHECK (length(key) < 5)`
            const failed = yield* Effect.flip(store.set("too long", 1))
            yield* store.set("ok", 1)
            return failed
          })
        )
        assert.strictEqual(failed._tag, "StoreFailure")
        assert.deepEqual(yield* valueOf(store, "ok"), Option.some<unknown>(1))
        assert.strictEqual((yield* sql`SELECT id FROM orders`).length, 1)
      })
    )

    it.scopedLive("a call that fails undoes nothing that the app does meanwhile", () =>
      Effect.gen(function* () {
        const { store, sql } = yield* world(yield* SharedServers.postgresDatabase, way)
        yield* sql`ALTER TABLE effect_state ADD CONSTRAINT short CHECK (length(key) < 5)`
        const insert = (id: number) => Effect.zipRight(sql`INSERT INTO orders VALUES (${id})`, Effect.yieldNow())
        const inserts = Effect.forEach(Array.range(1, 20), insert, { discard: true })
        const failures = Effect.replicateEffect(Effect.flip(store.set("too long", 1)), 5)
        const [failed] = yield* sql.withTransaction(Effect.all([failures, inserts], { concurrency: "unbounded" }))
        assert.deepEqual([...new Set(failed.map((error) => error._tag))], ["StoreFailure"])
        assert.strictEqual((yield* sql`SELECT id FROM orders`).length, 20)
      })
    )

    it.scopedLive("a call that is cancelled leaves the transaction whole", () =>
      Effect.gen(function* () {
        const { store, sql } = yield* world(yield* SharedServers.postgresDatabase, way)
        yield* store.set("held", 0)
        const holding = yield* Deferred.make<void>()
        const over = yield* Deferred.make<void>()
        const hold = Effect.zipRight(store.set("held", 1), Deferred.succeed(holding, undefined))
        const holder = yield* Effect.fork(sql.withTransaction(Effect.zipRight(hold, Deferred.await(over))))
        yield* Deferred.await(holding)
        const error = yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`INSERT INTO orders VALUES (5)`
            yield* sql`SET LOCAL statement_timeout = '100ms'`
            const error = yield* Effect.flip(store.set("held", 2))
            yield* store.set("ok", 1)
            return error
          })
        )
        assert.deepEqual([error._tag, error.isRetryable], ["StoreUnavailable", true])
        yield* Deferred.succeed(over, undefined)
        yield* Fiber.join(holder)
        assert.deepEqual(yield* valueOf(store, "held"), Option.some<unknown>(1))
        assert.deepEqual(yield* valueOf(store, "ok"), Option.some<unknown>(1))
        assert.strictEqual((yield* sql`SELECT id FROM orders`).length, 1)
      })
    )

    it.scopedLive("transactions that see the past are Unsupported", () =>
      Effect.gen(function* () {
        const { store, sql } = yield* world(yield* SharedServers.postgresDatabase, way)
        for (const level of ["SERIALIZABLE", "REPEATABLE READ"]) {
          const [write, read, count] = yield* sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`SET TRANSACTION ISOLATION LEVEL ${sql.literal(level)}`
              const write = yield* Effect.flip(store.set("a", 1))
              const read = yield* Effect.flip(store.get("a"))
              return [write, read, yield* Effect.flip(store.count({}))]
            })
          )
          assert.deepEqual([write?._tag, read?._tag, count?._tag], ["Unsupported", "Unsupported", "Unsupported"])
          assert.include(write?.message, level)
        }
        assert.deepEqual(yield* valueOf(store, "a"), Option.none())
      })
    )

    it.scopedLive("the transaction of another client is Unsupported", () =>
      Effect.gen(function* () {
        const url = yield* SharedServers.postgresDatabase
        const { store } = yield* world(url, way)
        const context = yield* Layer.build(PgClient.layer({ url: Redacted.make(url), maxConnections: 2 }))
        const other = Context.get(context, PgClient.PgClient)
        const error = yield* other.withTransaction(Effect.flip(store.set("a", 1)))
        assert.strictEqual(error._tag, "Unsupported")
        assert.deepEqual(yield* valueOf(store, "a"), Option.none())
      })
    )
  })
}

describe("a server that defaults to another isolation level", () => {
  it.scopedLive("is Unsupported, in batches and alone", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const admin = yield* connect(url)
      const name = new URL(url).pathname.slice(1)
      yield* query(admin, `ALTER DATABASE ${name} SET default_transaction_isolation = 'serializable'`)
      const context = yield* Layer.build(PostgresStore.layer({ url, sweep: false }))
      const store = Context.get(context, StateStore.StateStore)
      assert.strictEqual((yield* Effect.flip(store.set("a", 1)))._tag, "Unsupported")
      assert.strictEqual((yield* Effect.flip(store.add("a", 1)))._tag, "Unsupported")
    })
  )
})
