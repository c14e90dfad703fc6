/**
 * The transactional outbox: an order's row, its state and the message about it are written together or not at all, and the
 * messages go out in order, once each relay's lock says so.
 *
 * The row belongs to the app, the state and the message to the store, which works on the app's own connection, to SQLite or to
 * PostgreSQL: inside `sql.withTransaction` its commits belong to the app's transaction.
 *
 * Run it with `npx tsx examples/outbox.ts`, or with the URL of an empty PostgreSQL database behind it.
 */
import { pathToFileURL } from "node:url"
import { SqlClient } from "@effect/sql"
import { SqliteClient } from "@effect/sql-sqlite-node"
import { Console, Data, Effect, Layer, Redacted, Stream } from "effect"
import { Atomic, KeyRange, Lock, StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import { SqliteStore } from "effect-state/sqlite"

export interface Order {
  readonly id: string
  readonly item: string
  readonly amount: number
}

export class OutOfStock extends Data.TaggedError("OutOfStock")<{ readonly item: string }> {}

export const migrate = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, item TEXT NOT NULL, amount INTEGER NOT NULL)`
)

/** Places an order. Whatever fails in here, neither the row nor the state nor the message is there afterwards. */
export const place = (order: Order) =>
  Effect.gen(function* () {
    const sql = yield* SqlClient.SqlClient
    const store = yield* StateStore.StateStore
    return yield* sql.withTransaction(
      Effect.gen(function* () {
        yield* sql`INSERT INTO orders ${sql.insert({ ...order })}`
        const committed = yield* store.commit(
          Atomic.make.pipe(
            Atomic.set(store.namespace("orders").key(order.id), { state: "new" }),
            Atomic.append(store.namespace("outbox").key("message:"), { event: "OrderPlaced", id: order.id }),
            Atomic.add(store.namespace("stock").key(order.item), -order.amount)
          )
        )
        if (Number(committed.results[2]) < 0) return yield* new OutOfStock({ item: order.item })
        return order
      })
    )
  })

/**
 * Sends what is in the outbox, in order. One relay works at a time, and removes a message only while it holds the lock: two
 * relays never send alternately. A message is sent again if its relay dies before it is removed, so the receiver must bear that.
 */
export const relay = <E, R>(send: (message: unknown) => Effect.Effect<void, E, R>) =>
  Effect.gen(function* () {
    const store = yield* StateStore.StateStore
    const outbox = store.namespace("outbox")
    return yield* Lock.withLock("relay")((lease) =>
      outbox.entries(KeyRange.prefix("message:")).pipe(
        Stream.mapEffect(({ key, value }) =>
          Effect.zipRight(
            send(value),
            store.commit(Atomic.make.pipe(Atomic.fencedBy(lease), Atomic.delete(outbox.key(key))))
          )
        ),
        Stream.runCount
      )
    )
  })

/** The app's client of SQLite, and the store on its connection. */
export const onSqlite = (filename: string) =>
  Layer.provideMerge(SqliteStore.layerFromClient(), SqliteClient.layer({ filename }))

/** A store of PostgreSQL, and the app's client on the store's connections. */
export const onPostgres = (url: string) => PostgresStore.layerWithClient({ url: Redacted.make(url) })

const program = Effect.gen(function* () {
  yield* migrate
  const store = yield* StateStore.StateStore
  yield* store.namespace("stock").set("tea", 3)
  yield* place({ id: "1", item: "tea", amount: 2 })
  yield* Effect.catchTag(place({ id: "2", item: "tea", amount: 2 }), "OutOfStock", ({ item }) =>
    Console.log(`order 2 is refused, ${item} is out of stock: no row, no state, no message`)
  )
  yield* place({ id: "3", item: "tea", amount: 1 })
  const sent = yield* relay((message) => Console.log(`sent ${JSON.stringify(message)}`))
  yield* Console.log(`${sent} messages sent, ${yield* store.namespace("orders").count(KeyRange.all)} orders placed`)
})

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const url = process.argv[2]
  await Effect.runPromise(
    url === undefined ? Effect.provide(program, onSqlite(":memory:")) : Effect.provide(program, onPostgres(url))
  )
}
