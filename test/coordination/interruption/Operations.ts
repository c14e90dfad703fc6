/**
 * What is interrupted, and what must hold of it afterwards.
 */
import type { SqlClient } from "@effect/sql"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  Atomic,
  Cached,
  Collection,
  History,
  KeyRange,
  Lock,
  Modification,
  Namespace,
  Sessions,
  type StateStore
} from "effect-state"
import { soon, type Watch } from "./Points.ts"

/** One interruption of an operation: the calls to watch, and a look at what they did under an id that nobody had before. */
export interface Trial {
  readonly run: (watch: Watch) => Effect.Effect<unknown, unknown>
  readonly after?: Effect.Effect<unknown, unknown>
}

export type Operation = (id: string) => Effect.Effect<Trial, unknown>

const Count = Schema.Struct({ count: Schema.Number })

/** An entry that is there throughout. */
export const lasting = "there"

export const operations = (
  store: StateStore.Service
): Effect.Effect<Record<string, Operation>, unknown, StateStore.StateStore | Scope.Scope> =>
  Effect.gen(function* () {
    const counts = yield* Collection.make("counts", { schema: Count })
    const sessions = yield* Sessions.make("sessions", { data: Count })
    const logins = yield* Sessions.make("logins", {
      data: Count,
      maxConcurrent: { max: 2, onExceed: "endOldest" }
    })
    const pages = yield* History.make("pages", { schema: Count, keep: { count: 3 } })
    const cached = yield* Cached.make("cached", {
      schema: Schema.Number,
      key: (key: string) => key,
      lookup: () => Effect.as(Effect.yieldNow(), 1),
      ttl: "1 hour"
    })

    const simply =
      (call: (id: string) => Effect.Effect<unknown, unknown>): Operation =>
      (id) =>
        Effect.succeed({ run: (watch) => watch(call(id)) })

    const pair = (id: string) => Atomic.make.pipe(Atomic.set(`${id}:a`, 1), Atomic.set(`${id}:b`, 1))
    const bothOrNone = (id: string) =>
      Effect.map(store.getMany([`${id}:a`, `${id}:b`]), ([a, b]) =>
        assert.strictEqual(a && Option.isSome(a), b && Option.isSome(b), "half of a commit is there")
      )
    const isFree = (subject: StateStore.Service, id: string) =>
      Lock.withLockOn(subject, id, { wait: "1 second" })(Effect.void)

    /** A session, and what happens to it; there is one afterwards as before. */
    const ofSession =
      (change: (id: string) => Effect.Effect<unknown, unknown>): Operation =>
      (id) =>
        Effect.gen(function* () {
          yield* sessions.create({ id, data: { count: 0 } })
          return {
            run: (watch) => watch(change(id)),
            after: Effect.gen(function* () {
              const live = (yield* sessions.list()).entries
              assert.strictEqual(live.length, 1, "there is not one session")
              yield* isFree(store.namespace("sessions"), id)
              yield* sessions.clear
            })
          }
        })

    const index = logins.store.namespace(Namespace.inner("owners"), { placement: "prefix" })
    /** Sessions of an owner, each of which has its place in the index; and nothing else has. */
    const ofOwner =
      (change: (id: string) => Effect.Effect<unknown, unknown>): Operation =>
      () =>
        Effect.gen(function* () {
          const { id } = yield* logins.create({ owner: "ada", data: { count: 0 } })
          return {
            run: (watch) => watch(change(id)),
            after: Effect.gen(function* () {
              const [there, places] = yield* Effect.all([logins.count, index.count({ prefix: "ada:session:" })])
              assert.isAtMost(there, 2, "there are more sessions than an owner may have")
              if (there !== places) return yield* Effect.fail(`${there} sessions have ${places} places in the index`)
            }).pipe(
              // What was sent may arrive between the two reads.
              Effect.retry({ times: 3, schedule: Schedule.spaced("20 millis") }),
              Effect.zipRight(logins.endAllForOwner("ada"))
            )
          }
        })

    return {
      get: simply(() => store.get(lasting)),
      getMany: simply((id) => store.getMany([lasting, id])),
      set: simply((id) => store.set(id, 1)),
      add: simply((id) => store.add(id, 1)),
      modify: simply((id) => store.modify(id, () => Effect.succeed([1, Modification.write(1)] as const))),
      page: simply(() => store.page(KeyRange.prefix(lasting))),
      entries: simply(() => Stream.runDrain(store.entries(KeyRange.prefix(lasting)))),
      "a commit with a check": (id) =>
        Effect.succeed({
          run: (watch) => watch(store.commit(pair(id).pipe(Atomic.check(id, "absent")))),
          after: bothOrNone(id)
        }),
      "a commit under a lock": (id) =>
        Effect.succeed({
          run: (watch) =>
            watch(Lock.withLockOn(store, id)((lease) => store.commit(pair(id).pipe(Atomic.fencedBy(lease))))),
          after: Effect.zipRight(isFree(store, id), bothOrNone(id))
        }),
      "Collection.withEntry": (id) =>
        Effect.succeed({
          run: (watch) =>
            watch(counts.withEntry(id)(() => Effect.succeed([1, Modification.write({ count: 1 })] as const))),
          after: isFree(counts.store, id)
        }),
      "Sessions.update": ofSession((id) => sessions.update(id, { data: { count: 1 } })),
      "Sessions.rotate": ofSession((id) => sessions.rotate(id)),
      "Sessions.withSession": ofSession((id) =>
        sessions.withSession(id)(() => Effect.succeed([1, { data: { count: 1 } }] as const))
      ),
      "Sessions.create, of an owner": ofOwner(() => logins.create({ owner: "ada", data: { count: 1 } })),
      "Sessions.touch, of an owner": ofOwner((id) => logins.touch(id)),
      "Sessions.rotate, of an owner": ofOwner((id) => logins.rotate(id)),
      "Sessions.delete, of an owner": ofOwner((id) => logins.delete(id)),
      "Sessions.endAllForOwner": ofOwner(() => logins.endAllForOwner("ada")),
      "History.set": (id) =>
        Effect.succeed({
          run: (watch) => watch(pages.set(id, { count: 1 })),
          // What was sent may arrive meanwhile: each is looked for after the other was found.
          after: Effect.gen(function* () {
            const before = yield* pages.exists(id)
            const records = (yield* pages.history.list(id)).entries.length
            assert.ok(records >= Number(before), "a value without its record")
            assert.ok(Number(yield* pages.exists(id)) >= records, "a record without its value")
          })
        }),
      "Cached.get": (id) =>
        Effect.succeed({ run: (watch) => watch(cached.get(id)), after: soon(cached.get(id), "its lookup is blocked") })
    }
  })

/** What joins the app's transaction: the app's row and the state are there together, or neither is. */
export const joinedOperations = (
  store: StateStore.Service,
  sql: SqlClient.SqlClient
): Effect.Effect<Record<string, Operation>, unknown> =>
  Effect.gen(function* () {
    yield* sql`CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY)`
    const inTransaction =
      (call: (id: string) => Effect.Effect<unknown, unknown>): Operation =>
      (id) =>
        Effect.succeed({
          run: (watch) => sql.withTransaction(Effect.zipRight(sql`INSERT INTO orders VALUES (${id})`, watch(call(id)))),
          after: Effect.gen(function* () {
            const rows = yield* sql`SELECT id FROM orders WHERE id = ${id}`
            assert.strictEqual(rows.length === 1, yield* store.exists(id), "row and state are not together")
          })
        })
    return {
      "set in the app's transaction": inTransaction((id) => store.set(id, 1)),
      "a commit in the app's transaction": inTransaction((id) =>
        store.commit(Atomic.make.pipe(Atomic.check(id, "absent"), Atomic.set(id, 1), Atomic.add(`${id}:n`, 1)))
      ),
      "modify in the app's transaction": inTransaction((id) =>
        store.modify(id, () => Effect.succeed([1, Modification.write(1)] as const))
      )
    }
  })
