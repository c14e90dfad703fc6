import * as ChildProcess from "node:child_process"
import { fileURLToPath } from "node:url"
import * as SqlClient from "@effect/sql/SqlClient"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { KeyRange, Lock, StateStore } from "effect-state"
import { migrate, onPostgres, onSqlite, place, relay } from "../../examples/outbox.ts"
import * as SharedServers from "../servers/SharedServers.ts"

/** How many rows, states and messages there are. */
const counts = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  const store = yield* StateStore.StateStore
  const rows = yield* sql`SELECT id FROM orders`
  const states = yield* store.namespace("orders").count(KeyRange.all)
  return [rows.length, states, yield* store.namespace("outbox").count(KeyRange.all)]
})

interface Database {
  readonly name: string
  readonly argument: Effect.Effect<ReadonlyArray<string>, unknown, Scope.Scope>
  readonly layer: Layer.Layer<SqlClient.SqlClient | StateStore.StateStore, unknown>
}

const databases: ReadonlyArray<Database> = [
  { name: "SQLite", argument: Effect.succeed([]), layer: onSqlite(":memory:") },
  {
    name: "PostgreSQL",
    argument: Effect.map(SharedServers.postgresDatabase, (url) => [url]),
    layer: Layer.unwrapScoped(Effect.map(SharedServers.postgresDatabase, onPostgres))
  }
]

describe.each(databases)("The transactional outbox on $name", ({ argument, layer }) => {
  const inApp = <A, E>(effect: Effect.Effect<A, E, SqlClient.SqlClient | StateStore.StateStore>) =>
    Effect.provide(Effect.zipRight(migrate, effect), layer)

  it.scopedLive("runs as a program", () =>
    Effect.gen(function* () {
      const program = fileURLToPath(new URL("../../examples/outbox.ts", import.meta.url))
      const args = ["--import", "tsx", program, ...(yield* argument)]
      const output = yield* Effect.async<string, Error>((resume) => {
        ChildProcess.execFile(process.execPath, args, (error, stdout) =>
          resume(error === null ? Effect.succeed(stdout) : Effect.fail(error))
        )
      })
      assert.deepStrictEqual(output.trim().split("\n"), [
        "order 2 is refused, tea is out of stock: no row, no state, no message",
        'sent {"event":"OrderPlaced","id":"1"}',
        'sent {"event":"OrderPlaced","id":"3"}',
        "2 messages sent, 2 orders placed"
      ])
    })
  )

  it.live("writes row, state and message together or not at all, whatever ends it", () =>
    inApp(
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const store = yield* StateStore.StateStore
        yield* store.namespace("stock").set("tea", 5)
        yield* place({ id: "1", item: "tea", amount: 2 })
        assert.deepStrictEqual(yield* counts, [1, 1, 1])
        // Out of stock; the row's key is taken; an outer transaction ends badly.
        for (const end of [
          place({ id: "2", item: "tea", amount: 4 }),
          place({ id: "1", item: "tea", amount: 1 }),
          sql.withTransaction(Effect.zipRight(place({ id: "3", item: "tea", amount: 1 }), Effect.fail("no"))),
          sql.withTransaction(Effect.zipRight(place({ id: "4", item: "tea", amount: 1 }), Effect.die("bug")))
        ]) {
          yield* Effect.flip(Effect.sandbox(end))
          assert.deepStrictEqual(yield* counts, [1, 1, 1])
        }
        const placed = yield* Deferred.make<void>()
        const placing = yield* Effect.fork(
          sql.withTransaction(
            place({ id: "5", item: "tea", amount: 1 }).pipe(
              Effect.zipRight(Deferred.succeed(placed, undefined)),
              Effect.zipRight(Effect.never)
            )
          )
        )
        yield* Deferred.await(placed)
        yield* Fiber.interrupt(placing)
        assert.deepStrictEqual(yield* counts, [1, 1, 1])
      })
    )
  )

  it.live("sends each message once, in order, though several relays are at work", () =>
    inApp(
      Effect.gen(function* () {
        const store = yield* StateStore.StateStore
        yield* store.namespace("stock").set("tea", 100)
        const ids = Array.from({ length: 20 }, (_, i) => String(i))
        yield* Effect.forEach(ids, (id) => place({ id, item: "tea", amount: 1 }))
        const sent: Array<unknown> = []
        const send = (message: unknown) =>
          Effect.zipRight(
            Effect.yieldNow(),
            Effect.sync(() => sent.push(message))
          )
        yield* Effect.replicateEffect(relay(send), 3, { concurrency: "unbounded" })
        assert.deepStrictEqual(
          sent,
          ids.map((id) => ({ event: "OrderPlaced", id }))
        )
      })
    )
  )

  it.live("refuses a lock inside the transaction, where nobody would see it", () =>
    inApp(
      Effect.gen(function* () {
        const sql = yield* SqlClient.SqlClient
        const error = yield* Effect.flip(sql.withTransaction(Lock.withLock("relay")(Effect.void)))
        assert.strictEqual(error._tag, "Unsupported")
      })
    )
  )
})
