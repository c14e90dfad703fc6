import * as fs from "node:fs"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Atomic, type StateError, type StateStore, Version } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import { client, open, raw, temporaryFile, withLocksSeen } from "./support.ts"

/** How many entries each page had while one of them went from the range's start to its end and back. */
const pageSizesWhileMoving = (store: StateStore.Service, mover: StateStore.Service, limit: number) =>
  Effect.gen(function* () {
    const move = (from: string, to: string) => mover.commit(Atomic.make.pipe(Atomic.delete(from), Atomic.set(to, 1)))
    // For one turn there and two turns back: no two steps, however far apart, find it always in one place.
    const once = Effect.all([move("a", "z"), turn, move("z", "a"), turn, turn])
    const moving = yield* Effect.fork(Effect.forever(Effect.uninterruptible(once)))
    const pages = yield* Effect.forEach(Array.from({ length: 20 }), (_, i) =>
      Effect.map(store.page({}, { limit, reverse: i % 2 === 1 }), ({ entries }) => entries.length)
    )
    yield* Fiber.interrupt(moving)
    return pages
  })

/** A turn for others. */
const turn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

describe("SqliteStore", () => {
  it.scoped("keeps entries, their versions and their bytes in the file", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const version = yield* Effect.scoped(
        Effect.flatMap(open({ filename }), (store) => store.set("k", "v\0\u{1f600}"))
      )
      const store = yield* open({ filename })
      const entry = Option.getOrThrow(yield* store.get("k"))
      assert.deepStrictEqual([entry.value, entry.version], ["v\0\u{1f600}", version])
      assert.isAbove(yield* store.set("k", 1), version)
    })
  )

  it.scoped("never gives a key a version again, though its row was deleted or swept and the file reopened", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const versions: Array<number> = []
      for (const remove of ["delete", "sweep", "overwrite"] as const) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const store = yield* open({ filename })
            for (let i = 0; i < 5; i++) versions.push(yield* store.set("k", i, { ttl: "1 minute" }))
            if (remove === "delete") assert.isTrue(yield* store.delete("k"))
            else yield* TestClock.adjust("1 minute")
            if (remove === "sweep") assert.strictEqual(yield* store.sweep, 1)
          })
        )
      }
      const store = yield* open({ filename })
      versions.push(yield* store.set("k", "last"))
      assert.deepStrictEqual(
        versions,
        [...versions].sort((a, b) => a - b)
      )
      assert.strictEqual(new Set(versions).size, versions.length)
    })
  )

  it.scoped("appends above every version that an appended key has", () =>
    Effect.gen(function* () {
      const store = yield* open({ filename: ":memory:" })
      const taken = Atomic.stamped("log", Version.Version(1))
      for (let i = 0; i < 5; i++) yield* store.set(taken, i)
      const { version } = yield* store.commit(Atomic.make.pipe(Atomic.append("log", "first")))
      assert.isTrue(Option.isSome(yield* store.get(Atomic.stamped("log", version))))
      assert.isAbove((yield* store.commit(Atomic.make.pipe(Atomic.append("log", "second")))).version, version)
    })
  )

  it.scoped("loses no entry that moves within a large page while it is read", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const store = yield* open({ filename })
      const stable = Array.from({ length: 700 }, (_, i) => ({ key: `k${i}`, value: i }))
      yield* store.setMany([...stable, { key: "a", value: 0 }])
      for (const mover of [store, yield* open({ filename })]) {
        for (const size of yield* pageSizesWhileMoving(store, mover, 1_000)) assert.strictEqual(size, stable.length + 1)
      }
    })
  )

  it.scoped("loses no entry that moves within a page which goes past much that expired", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const own = yield* open({ filename })
      const old = Array.from({ length: 5_000 }, (_, i) => ({ key: `k${i}`, value: i, ttl: "1 second" as const }))
      yield* own.setMany(old)
      yield* own.setMany(["a", "b", "k25", "y"].map((key) => ({ key, value: 0 })))
      yield* TestClock.adjust("1 second")
      const shared = yield* Effect.provide(
        Effect.flatMap(SqliteClient.SqliteClient, (sql) => SqliteStore.makeFromClient(sql, { sweep: false })),
        yield* Layer.build(client(filename))
      )
      for (const store of [own, shared]) {
        for (const mover of [own, shared]) {
          for (const size of yield* pageSizesWhileMoving(store, mover, 10)) assert.strictEqual(size, 4)
        }
        // Steps that nobody disturbs.
        for (const limit of [4, 10]) {
          for (const reverse of [false, true]) {
            const { entries } = yield* store.page({}, { limit, reverse })
            const keys = ["a", "b", "k25", "y"]
            assert.deepStrictEqual(
              entries.map(({ key }) => key),
              reverse ? keys.reverse() : keys
            )
          }
        }
      }
    })
  )

  it.scoped("sweeps step by step what expired, and nothing else", () =>
    Effect.gen(function* () {
      const store = yield* open({ filename: ":memory:" })
      yield* store.setMany(Array.from({ length: 1_200 }, (_, i) => ({ key: `old${i}`, value: i, ttl: "1 second" })))
      yield* store.setMany(Array.from({ length: 100 }, (_, i) => ({ key: `new${i}`, value: i, ttl: "1 hour" })))
      yield* TestClock.adjust("1 second")
      yield* store.set("old7", "again")
      assert.strictEqual(yield* store.count({}), 101)
      assert.strictEqual(yield* store.sweep, 1_199)
      const { bytesApprox, entriesApprox } = yield* store.stats
      assert.strictEqual(entriesApprox, 101)
      assert.isAbove(bytesApprox ?? 0, 4_096)
    })
  )

  it.scoped("commits together at durability full; a conflict or a bad counter among them fails alone", () =>
    Effect.gen(function* () {
      const store = yield* open({ filename: yield* temporaryFile, durability: "full" })
      yield* store.set("text", "no number")
      const write = (i: number): Effect.Effect<unknown, unknown> => {
        if (i % 20 === 7) return store.add("text", 1)
        return i % 20 === 8 ? store.set("text", i, { ifVersion: "absent" }) : store.set(`k${i}`, i)
      }
      const each = yield* Effect.forEach(
        Array.from({ length: 60 }, (_, i) => i),
        (i) => Effect.either(write(i)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(each.filter(Either.isLeft).length, 6)
      assert.strictEqual(yield* store.count({ prefix: "k" }), 54)
    })
  )

  it.live("waits for another process's lock without stopping this one, then goes on", () =>
    withLocksSeen((locksSeen) =>
      Effect.gen(function* () {
        const filename = yield* temporaryFile
        const store = yield* open({ filename })
        const other = yield* raw(filename)
        other.exec("BEGIN IMMEDIATE")
        const writes = yield* Effect.fork(
          Effect.forEach([1, 2, 3], (i) => store.set(`k${i}`, i), { concurrency: "unbounded" })
        )
        yield* locksSeen
        assert.isNull(writes.unsafePoll())
        assert.isTrue(Option.isNone(yield* store.get("k1")))
        other.exec("COMMIT")
        assert.strictEqual((yield* Fiber.join(writes)).length, 3)
      }).pipe(Effect.scoped)
    )
  )

  it.live("is unavailable once the lock outlasts the busy timeout, also to a layer that is built", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const store = yield* open({ filename, busyTimeout: "40 millis" })
      const other = yield* raw(filename)
      other.exec("BEGIN IMMEDIATE")
      const error = yield* Effect.flip(store.set("k", 1))
      assert.strictEqual(error._tag, "StoreUnavailable")
      assert.isTrue(error.isRetryable)
      const building = yield* Effect.flip(open({ filename, table: "another", busyTimeout: "40 millis" }))
      assert.strictEqual(building._tag, "StoreUnavailable")
      other.exec("ROLLBACK")
      yield* store.set("k", 1)
    }).pipe(Effect.scoped)
  )

  it.scoped("says what is wrong with its options", () =>
    Effect.gen(function* () {
      const filename = ":memory:"
      const untyped = (text: string) => text as "1 second"
      const bad: ReadonlyArray<readonly [string, SqliteStore.Options]> = [
        ["filename", { filename: "" }],
        ["table", { filename, table: "" }],
        ["table", { filename, table: "a\0b" }],
        ["table", { filename, table: "sqlite_mine" }],
        ["table", { filename, table: "x".repeat(129) }],
        ["busyTimeout", { filename, busyTimeout: Number.POSITIVE_INFINITY }],
        ["closeTimeout", { filename, closeTimeout: untyped("soon") }],
        ["sweep.every", { filename, sweep: { every: untyped("soon") } }]
      ]
      for (const [option, options] of bad) {
        const error = yield* Effect.flip(open(options))
        assert.strictEqual(error._tag, "InvalidOption")
        assert.strictEqual((error as { readonly option?: string }).option, option) // Just seen to be one.
      }
      const odd = yield* open({ filename, table: `it's "odd"; -- %` })
      yield* odd.set("k", 1)
      assert.strictEqual(yield* odd.count({}), 1)
    })
  )

  it.scoped(
    "refuses a file that is no database, that can't be opened, that a later version wrote or that is not its own",
    () =>
      Effect.gen(function* () {
        const filename = yield* temporaryFile
        const refused = (options: SqliteStore.Options, reason: RegExp) =>
          Effect.map(Effect.flip(open(options)), (error) => {
            assert.strictEqual(error._tag, "StoreFailure")
            assert.match(error.message, reason)
            assert.match(error.message, /^open: /)
          })
        fs.writeFileSync(`${filename}.txt`, "This is certainly no database, however long it may be. ".repeat(100))
        yield* refused({ filename: `${filename}.txt` }, /no SQLite database/)
        yield* refused({ filename: `${filename}/none/such.db` }, /directory/)
        yield* refused({ filename: filename.replace(/[^/]*$/, "") }, /can't be opened|directory/)
        const db = yield* raw(filename)
        db.exec("CREATE TABLE foreign_table (key TEXT, x INTEGER)")
        yield* refused({ filename, table: "foreign_table" }, /another program|SQLite answered/)
        yield* Effect.scoped(open({ filename }))
        db.exec("UPDATE effect_state_meta SET value = 2 WHERE name = 'schema'")
        yield* refused({ filename }, /schema version 2/)
      })
  )

  it.scoped(
    "refuses a database that keeps text in UTF-16, where keys lie in another order, and makes no tables there",
    () =>
      Effect.gen(function* () {
        const filename = yield* temporaryFile
        const db = yield* raw(filename)
        db.exec("PRAGMA encoding = 'UTF-16le'; CREATE TABLE others (x)")
        const onItsClient = Effect.flatMap(SqliteClient.SqliteClient, (sql) => SqliteStore.makeFromClient(sql))
        for (const opening of [open({ filename }), Effect.provide(onItsClient, client(filename))]) {
          const error = yield* Effect.flip(opening)
          assert.strictEqual(error._tag, "StoreFailure")
          assert.match(error.message, /^open: .*UTF-16le, and UTF-8 is needed/)
        }
        assert.deepStrictEqual(db.prepare("SELECT name FROM sqlite_master").pluck().all(), ["others"])
      })
  )

  it.scoped("is unavailable when it is closed", () =>
    Effect.gen(function* () {
      const store = yield* Effect.scoped(open({ filename: ":memory:" }))
      const calls: ReadonlyArray<Effect.Effect<unknown, StateError.ReadError | StateError.WriteError>> = [
        store.exists("k"),
        store.set("k", 1),
        store.ping
      ]
      for (const call of calls) assert.strictEqual((yield* Effect.flip(call))._tag, "StoreUnavailable")
    })
  )
})
