import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { Atomic, type StateError, StateStore } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import { client, raw, temporaryFile, withLocksSeen } from "./support.ts"

const onClient = SqliteStore.layerFromClient({ sweep: false }).pipe(Layer.provideMerge(client(":memory:")))

describe("SqliteStore on an app's client", () => {
  it.scoped("joins the app's transaction: committed and rolled back with it", () =>
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      const sql = yield* SqliteClient.SqliteClient
      yield* sql`CREATE TABLE orders (id INTEGER)`
      const order = (id: number) => Effect.zipRight(sql`INSERT INTO orders VALUES (${id})`, store.set(`order${id}`, id))
      yield* sql.withTransaction(order(1))
      yield* Effect.either(sql.withTransaction(Effect.zipRight(order(2), Effect.fail("no"))))
      assert.isTrue(yield* store.exists("order1"))
      assert.isFalse(yield* store.exists("order2"))
      assert.deepStrictEqual(yield* sql`SELECT id FROM orders`, [{ id: 1 }])
    }).pipe(Effect.provide(onClient))
  )

  it.scoped("sweeps inside the app's transaction, and what was removed is back with it", () =>
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      const sql = yield* SqliteClient.SqliteClient
      yield* store.set("k", 1, { ttl: "1 second" })
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Effect.flip(sql.withTransaction(Effect.flatMap(store.sweep, Effect.fail))), 1)
      assert.strictEqual(yield* sql.withTransaction(store.sweep), 1)
    }).pipe(Effect.provide(onClient))
  )

  it.scoped("never gives a version again that was seen in a transaction which was rolled back", () =>
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      const sql = yield* SqliteClient.SqliteClient
      const commit = (atomic: Atomic.Atomic) => Effect.map(store.commit(atomic), ({ version }) => version)
      const ways: ReadonlyArray<Effect.Effect<number, unknown>> = [
        store.set("k", 1),
        store.set("k", 1, { ttl: "keep" }),
        Effect.map(store.setMany(["k", "l"].map((key) => ({ key, value: 1 }))), (versions) => Math.max(...versions)),
        commit(Atomic.make.pipe(Atomic.append("log", 1))),
        commit(Atomic.make.pipe(Atomic.add("n", 1))),
        commit(Atomic.make.pipe(Atomic.delete("k")))
      ]
      for (const undone of ways) {
        for (const next of ways) {
          const seen = yield* Effect.flip(sql.withTransaction(Effect.flatMap(undone, Effect.fail)))
          assert.isAbove(yield* sql.withTransaction(next), Number(seen))
        }
      }
    }).pipe(Effect.provide(onClient))
  )

  it.scoped("takes a conflict inside the app's transaction for data: the transaction goes on", () =>
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      const sql = yield* SqliteClient.SqliteClient
      yield* store.set("k", 1)
      const result = yield* sql.withTransaction(
        Effect.zipRight(Effect.either(store.set("k", 2, { ifVersion: "absent" })), store.set("other", 3))
      )
      assert.isAbove(result, 0)
      assert.strictEqual(Option.getOrThrow(yield* store.get("k")).value, 1)
    }).pipe(Effect.provide(onClient))
  )

  it.scoped("is unsupported inside another client's transaction", () =>
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      const other = yield* Layer.build(client(":memory:")).pipe(Effect.map((context) => context))
      const sql = yield* Effect.provide(SqliteClient.SqliteClient, other)
      const errors = yield* sql.withTransaction(
        Effect.all([
          Effect.flip(store.get("k")),
          Effect.flip(store.set("k", 1)),
          Effect.flip(store.count({})),
          Effect.flip(store.sweep)
        ])
      )
      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        ["Unsupported", "Unsupported", "Unsupported", "Unsupported"]
      )
      assert.isFalse(yield* store.exists("k"))
    }).pipe(Effect.provide(onClient))
  )

  it.scoped("is unavailable once it is closed, though its client is not", () =>
    Effect.gen(function* () {
      const sql = yield* SqliteClient.SqliteClient
      const own = yield* Scope.make()
      const store = yield* Scope.extend(SqliteStore.makeFromClient(sql, { sweep: false }), own)
      yield* store.set("k", 1)
      yield* Scope.close(own, Exit.void)
      const calls: ReadonlyArray<Effect.Effect<unknown, StateError.ReadError | StateError.WriteError>> = [
        store.get("k"),
        store.set("k", 2),
        store.getMany(["k"]),
        store.count({}),
        store.clear({}),
        store.sweep
      ]
      for (const call of calls) {
        assert.strictEqual((yield* Effect.flip(call))._tag, "StoreUnavailable")
        assert.propertyVal(yield* Effect.flip(sql.withTransaction(call)), "_tag", "StoreUnavailable")
      }
    }).pipe(Effect.provide(client(":memory:")))
  )

  it.live("neither shows nor loses anything to another fiber's open transaction", () =>
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      const sql = yield* SqliteClient.SqliteClient
      const written = yield* Deferred.make<void>()
      const finish = yield* Deferred.make<void>()
      const transaction = yield* Effect.fork(
        store
          .set("inside", 1)
          .pipe(
            Effect.zipRight(Deferred.succeed(written, undefined)),
            Effect.zipRight(Deferred.await(finish)),
            Effect.zipRight(Effect.fail("no")),
            sql.withTransaction,
            Effect.either
          )
      )
      yield* Deferred.await(written)
      const outside = yield* Effect.fork(
        Effect.all([store.set("outside", 2), store.exists("inside")], { concurrency: 2 })
      )
      yield* Effect.yieldNow()
      assert.isNull(outside.unsafePoll())
      yield* Deferred.succeed(finish, undefined)
      const [version, inside] = yield* Fiber.join(outside)
      assert.isTrue(Either.isLeft(yield* Fiber.join(transaction)))
      assert.isFalse(inside)
      assert.strictEqual(Option.getOrThrow(yield* store.get("outside")).version, version)
    }).pipe(Effect.provide(onClient))
  )

  it.live("leaves no transaction open and no permit taken when it is interrupted", () =>
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      const sql = yield* SqliteClient.SqliteClient
      for (let i = 0; i < 100; i++) {
        const fibers = yield* Effect.forEach([1, 2, 3, 4], (n) => Effect.fork(store.set(`k${n}`, i)))
        if (i % 3 > 0) yield* Effect.yieldNow()
        yield* Fiber.interruptAll(fibers)
      }
      yield* sql.withTransaction(store.set("after", true))
      assert.isTrue(yield* store.exists("after"))
    }).pipe(Effect.provide(onClient))
  )

  it.live("waits for a lock without stopping the process, though its client would", () =>
    withLocksSeen((locksSeen) =>
      Effect.gen(function* () {
        const filename = yield* temporaryFile
        yield* Effect.gen(function* () {
          const store = yield* StateStore.StateStore
          const other = yield* raw(filename)
          other.exec("BEGIN IMMEDIATE")
          const writing = yield* Effect.fork(store.set("k", 1))
          yield* locksSeen
          assert.isNull(writing.unsafePoll())
          other.exec("COMMIT")
          yield* Fiber.join(writing)
          const sql = yield* SqliteClient.SqliteClient
          assert.deepStrictEqual(yield* sql`PRAGMA busy_timeout`, [{ timeout: 5_000 }])
        }).pipe(
          Effect.provide(SqliteStore.layerFromClient({ sweep: false }).pipe(Layer.provideMerge(client(filename))))
        )
      }).pipe(Effect.scoped)
    )
  )
})
