/**
 * A collection with history: every write is recorded in its own commit, and no more is kept than was asked for.
 */
import { strict as assert } from "node:assert"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as History from "../../state/history/History.ts"
import * as Atomic from "../../store/Atomic.ts"
import * as StateStore from "../../store/StateStore.ts"
import { type Case, failure, storeCase } from "../Case.ts"

const nothingLost = storeCase("nothing lost")
const atomic = storeCase("atomic")
const time = storeCase("time")
const keys = storeCase("keys")

const open = (store: StateStore.Service, keep: History.Keep, ttl?: "1 second" | undefined) =>
  Effect.provideService(History.make("pages", { schema: Schema.Unknown, keep, ttl }), StateStore.StateStore, store)

/** The values of an entry's past, the newest first; `"deleted"` where it was. */
const valuesOf = (pages: History.History<unknown>, id: string) =>
  Effect.map(pages.history.list(id), ({ entries }) =>
    entries.map(({ value }) => Option.getOrElse(value, () => "deleted"))
  )

export const historyCases: ReadonlyArray<Case> = [
  nothingLost("history records every write with its version and time", (store) =>
    Effect.gen(function* () {
      const pages = yield* open(store, {})
      const first = yield* pages.set("home", { n: 1 })
      yield* pages.update("home", () => ({ n: 2 }))
      const beside = store.namespace("beside", { placement: () => pages.store.key("home") }).key("x")
      yield* store.commit(Atomic.make.pipe(yield* pages.put("home", { n: 3 }), Atomic.set(beside, true)))
      const live = Option.getOrThrow(yield* pages.get("home"))
      yield* pages.delete("home")
      assert.equal(yield* pages.delete("home"), false)
      assert.deepEqual(yield* valuesOf(pages, "home"), ["deleted", { n: 3 }, { n: 2 }, { n: 1 }])
      const { entries } = yield* pages.history.list("home")
      assert.equal(entries[3]?.version, first)
      assert.deepEqual([entries[1]?.version, entries[1]?.atMs], [live.version, live.updatedAtMs])
      assert.equal(yield* pages.exists("home"), false)
      assert.deepEqual(Option.getOrThrow(yield* pages.history.atVersion("home", first)).value, Option.some({ n: 1 }))
    })
  ),
  nothingLost("concurrent writers lose no record", (store) =>
    Effect.gen(function* () {
      const pages = yield* open(store, {})
      const members = Arr.range(1, 12)
      yield* Effect.forEach(members, (i) => pages.set("a", [i]), { concurrency: "unbounded" })
      yield* Effect.forEach(members, (i) => pages.update("a", (list) => [...(list as Array<number>), i]), {
        concurrency: "unbounded"
      })
      const { entries } = yield* pages.history.list("a")
      assert.equal(entries.length, 24)
      assert.equal(new Set(entries.map(({ version }) => version)).size, 24)
      assert.equal(entries[0]?.version, Option.getOrThrow(yield* pages.get("a")).version)
      assert.deepEqual(
        entries[0]?.value,
        Option.map(yield* pages.get("a"), ({ value }) => value)
      )
    })
  ),
  atomic("a write that fails leaves no record", (store) =>
    Effect.gen(function* () {
      const pages = yield* open(store, {})
      yield* pages.set("a", 1)
      yield* failure(pages.set("a", 2, { ifVersion: "absent" }), "VersionConflict")
      const put = yield* pages.put("a", 3)
      yield* failure(
        store.commit(Atomic.make.pipe(Atomic.check(pages.store.key("a"), "absent"), put)),
        "VersionConflict"
      )
      yield* Effect.exit(pages.modify("a", () => Effect.fail("no")))
      assert.deepEqual(yield* valuesOf(pages, "a"), [1])
    })
  ),
  atomic("history keeps the last values, and one too many for each writer that met another", (store) =>
    Effect.gen(function* () {
      const pages = yield* open(store, { count: 3 })
      yield* Effect.forEach(Arr.range(1, 8), (i) => pages.set("a", i))
      assert.deepEqual(yield* valuesOf(pages, "a"), [8, 7, 6])
      yield* Effect.forEach(Arr.range(1, 8), (i) => pages.set("a", i), { concurrency: "unbounded" })
      assert.ok((yield* valuesOf(pages, "a")).length <= 3 + 8)
      yield* pages.set("a", "last")
      const values = yield* valuesOf(pages, "a")
      assert.equal(values[0], "last")
      assert.equal(values.length, 3)
    })
  ),
  time("history keeps a value for a while after it was superseded", (store, { advance }) =>
    Effect.gen(function* () {
      const pages = yield* open(store, { duration: "1 second" })
      yield* pages.set("a", 1)
      yield* advance(1_001)
      yield* pages.set("a", 2)
      assert.deepEqual(yield* valuesOf(pages, "a"), [2, 1])
      yield* advance(1_001)
      assert.deepEqual(yield* valuesOf(pages, "a"), [2])
      yield* pages.delete("a")
      assert.deepEqual(yield* valuesOf(pages, "a"), ["deleted", 2])
      yield* advance(1_001)
      assert.deepEqual(yield* valuesOf(pages, "a"), [])
    })
  ),
  time("history outlives what expires by what it keeps", (store, { advance }) =>
    Effect.gen(function* () {
      const pages = yield* open(store, { duration: "1 second" }, "1 second")
      yield* pages.set("a", 1)
      yield* pages.set("longer", 1)
      yield* pages.expire("longer", "1 hour")
      yield* advance(1_001)
      assert.equal(yield* pages.exists("a"), false)
      assert.deepEqual(yield* valuesOf(pages, "a"), [1])
      yield* advance(1_001)
      assert.deepEqual(yield* valuesOf(pages, "a"), [])
      assert.deepEqual(yield* valuesOf(pages, "longer"), [1])
    })
  ),
  keys("the histories of ids that look alike don't mix", (store) =>
    Effect.gen(function* () {
      const pages = yield* open(store, { count: 2 })
      const ids = ["a", "a:", "a/b", "a:0000000000000001", "1:a", "1:a:", "%", "*", "a*", "[a]", "\\", "é", "😀", "1"]
      yield* Effect.forEach(ids, (id) => pages.set(id, `${id}, old`))
      yield* Effect.forEach(ids, (id) => pages.set(id, id))
      for (const id of ids) assert.deepEqual(yield* valuesOf(pages, id), [id, `${id}, old`])
      yield* pages.history.purge("a")
      for (const id of ids) assert.equal((yield* valuesOf(pages, id)).length, id === "a" ? 0 : 2)
      assert.deepEqual(Option.getOrThrow(yield* pages.get("a")).value, "a")
    })
  ),
  keys("an id with a history may take 1,002 bytes", (store) =>
    Effect.gen(function* () {
      const pages = yield* open(store, {})
      for (const id of ["x".repeat(History.idBytesMax), "é".repeat(History.idBytesMax / 2)]) {
        yield* pages.set(id, 1)
        assert.deepEqual(yield* valuesOf(pages, id), [1])
        yield* failure(pages.set(`${id}x`, 1), "InvalidKey")
      }
    })
  )
]
