/**
 * Commits and counters: all or nothing, and nothing in between.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import { Version } from "../../store/Version.ts"
import { type Case, entry, entryKeys, failure, setAll, storeCase, value } from "../Case.ts"

const atomic = storeCase("atomic")

/**
 * @since 0.1.0
 * @category cases
 */
export const atomicCases: ReadonlyArray<Case> = [
  atomic("a commit does all of its changes, under one version", (store, harness) =>
    Effect.gen(function* () {
      yield* setAll(store, ["old", "touched", "kept"])
      const before = yield* entry(store, "touched")
      const beforeMs = yield* harness.nowMs
      const committed = yield* store.commit(
        Atomic.make.pipe(
          Atomic.set("a", 1),
          Atomic.set("b", 2, { ttl: "1 hour" }),
          Atomic.add("n", 5),
          Atomic.delete("old"),
          Atomic.delete("none"),
          Atomic.expire("touched", "1 hour"),
          Atomic.expire("none", "1 hour"),
          Atomic.persist("kept"),
          Atomic.persist("none")
        )
      )
      const afterMs = yield* harness.nowMs
      assert.deepEqual(committed.results, [true, true, 5, true, false, true, false, true, false])
      assert.ok(beforeMs <= committed.atMs && committed.atMs <= afterMs)
      for (const key of ["a", "b", "n"]) {
        const found = yield* entry(store, key)
        assert.equal(found.version, committed.version)
        assert.equal(found.updatedAtMs, committed.atMs)
      }
      assert.equal((yield* entry(store, "b")).expiresAtMs, committed.atMs + 3_600_000)
      const touched = yield* entry(store, "touched")
      assert.equal(touched.version, before.version)
      assert.equal(touched.expiresAtMs, committed.atMs + 3_600_000)
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["a", "b", "kept", "n", "touched"])
    })
  ),
  atomic("a check that fails changes nothing, and names its key", (store) =>
    Effect.gen(function* () {
      const version = yield* store.set("a", 1)
      yield* store.set("b", 1)
      const before = yield* store.getMany(["a", "b", "n", "new"])
      const error = yield* failure(
        store.commit(
          Atomic.make.pipe(
            Atomic.set("new", 1),
            Atomic.check("a", version),
            Atomic.set("a", 2),
            Atomic.add("n", 1),
            Atomic.delete("b"),
            Atomic.check("b", "absent"),
            Atomic.check("none", Version(1))
          )
        ),
        "VersionConflict"
      )
      assert.deepEqual(new Set(error.keys), new Set(["b", "none"]))
      assert.deepEqual(yield* store.getMany(["a", "b", "n", "new"]), before)
    })
  ),
  atomic("checks that hold let a commit through", (store) =>
    Effect.gen(function* () {
      const version = yield* store.set("a", 1)
      const committed = yield* store.commit(
        Atomic.make.pipe(
          Atomic.check("a", version),
          Atomic.check("b", "absent"),
          Atomic.set("a", 2),
          Atomic.set("b", 2)
        )
      )
      assert.ok(committed.version > version)
      assert.deepEqual([yield* value(store, "a"), yield* value(store, "b")], [2, 2])
    })
  ),
  atomic("checks look at what was there before the commit", (store) =>
    Effect.gen(function* () {
      yield* store.commit(Atomic.make.pipe(Atomic.set("a", 1), Atomic.check("a", "absent")))
      assert.equal(yield* value(store, "a"), 1)
      const { version } = yield* entry(store, "a")
      yield* store.commit(Atomic.make.pipe(Atomic.delete("a"), Atomic.check("a", version)))
      assert.equal(yield* store.exists("a"), false)
    })
  ),
  atomic("checks alone draw a version, and change nothing", (store) =>
    Effect.gen(function* () {
      const first = yield* store.set("a", 1)
      const before = yield* entry(store, "a")
      const checked = yield* store.commit(Atomic.make.pipe(Atomic.check("a", first), Atomic.check("b", "absent")))
      assert.ok(checked.version > first)
      assert.deepEqual(checked.results, [])
      assert.deepEqual(yield* entry(store, "a"), before)
      assert.ok((yield* store.set("a", 2)) > checked.version)
    })
  ),
  atomic("changes apply in order: the later one wins", (store) =>
    Effect.gen(function* () {
      yield* store.set("gone", 1)
      const { results, version } = yield* store.commit(
        Atomic.make.pipe(
          Atomic.set("a", 1),
          Atomic.set("a", 2),
          Atomic.delete("b"),
          Atomic.set("b", 1),
          Atomic.set("c", 1),
          Atomic.delete("c"),
          Atomic.delete("c"),
          Atomic.set("n", 10),
          Atomic.add("n", 5),
          Atomic.add("n", -1),
          Atomic.set("t", 1),
          Atomic.expire("t", "1 hour"),
          Atomic.set("p", 1, { ttl: "1 hour" }),
          Atomic.persist("p"),
          Atomic.set("k", 1, { ttl: "1 hour" }),
          Atomic.set("k", 2, { ttl: "keep" }),
          Atomic.delete("gone"),
          Atomic.expire("gone", "1 hour"),
          Atomic.add("gone", 1)
        )
      )
      assert.deepEqual(results, [
        true,
        true,
        false,
        true,
        true,
        true,
        false,
        true,
        15,
        14,
        true,
        true,
        true,
        true,
        true,
        true,
        true,
        false,
        1
      ])
      assert.equal(yield* value(store, "a"), 2)
      assert.equal(yield* value(store, "b"), 1)
      assert.equal(yield* store.exists("c"), false)
      assert.equal(yield* value(store, "n"), 14)
      assert.notEqual((yield* entry(store, "t")).expiresAtMs, undefined)
      assert.equal((yield* entry(store, "p")).expiresAtMs, undefined)
      const kept = yield* entry(store, "k")
      assert.equal(kept.value, 2)
      assert.equal(kept.expiresAtMs, kept.updatedAtMs + 3_600_000)
      assert.equal(yield* value(store, "gone"), 1)
      for (const key of ["a", "b", "n", "t", "p", "k", "gone"])
        assert.equal((yield* entry(store, key)).version, version)
    })
  ),
  atomic("a commit with a bad change changes nothing", (store) =>
    Effect.gen(function* () {
      yield* store.set("text", "no counter")
      const before = yield* entry(store, "text")
      const start = Atomic.make.pipe(Atomic.set("a", 1), Atomic.delete("text"), Atomic.set("text", "x"))
      const error = yield* failure(store.commit(start.pipe(Atomic.add("text", 1), Atomic.set("b", 1))), "NotInteger")
      assert.deepEqual(error.keys, ["text"])
      yield* failure(store.commit(start.pipe(Atomic.set("b", Number.NaN))), "EncodeError")
      yield* failure(store.commit(start.pipe(Atomic.set("b", 1, { ttl: -1 }))), "InvalidTtl")
      yield* failure(store.commit(start.pipe(Atomic.set("", 1))), "InvalidKey")
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["text"])
      assert.deepEqual(yield* entry(store, "text"), before)
    })
  ),
  atomic("a commit spans the namespaces of its store", (store) =>
    Effect.gen(function* () {
      const placement = () => store.key("together")
      const a = store.namespace("a", { placement })
      const b = store.namespace("a", { placement }).namespace("b", { placement, ttl: "1 hour" })
      const committed = yield* store.commit(
        Atomic.make.pipe(
          Atomic.check(a.key("k"), "absent"),
          Atomic.set(a.key("k"), 1),
          Atomic.set(b.key("k"), 2),
          Atomic.set("k", 3)
        )
      )
      assert.deepEqual([yield* value(a, "k"), yield* value(b, "k"), yield* value(store, "k")], [1, 2, 3])
      assert.equal((yield* entry(a, "k")).version, committed.version)
      const inB = yield* entry(b, "k")
      assert.equal(inB.expiresAtMs, inB.updatedAtMs + 3_600_000, "each namespace has its own time to live")
      const error = yield* failure(
        a.commit(Atomic.make.pipe(Atomic.check("k", "absent"), Atomic.check(b.key("k"), "absent"), Atomic.set("k", 0))),
        "VersionConflict"
      )
      assert.equal(error.keys.length, 2)
      assert.ok(error.keys.includes("k"))
      assert.equal(yield* value(a, "k"), 1)
    })
  ),
  atomic("a key of another store is a StoreMismatch", (store, harness) =>
    Effect.gen(function* () {
      const other = yield* harness.open()
      yield* failure(store.commit(Atomic.make.pipe(Atomic.set("a", 1), Atomic.set(other.key("b"), 1))), "StoreMismatch")
      yield* failure(
        store.commit(Atomic.make.pipe(Atomic.set("a", 1), Atomic.check(other.key("b"), "absent"))),
        "StoreMismatch"
      )
      assert.equal(yield* store.exists("a"), false)
    })
  ),
  atomic("a commit that is too large is refused", (store) =>
    Effect.gen(function* () {
      let large: Atomic.Atomic = Atomic.make
      for (let i = 0; i < 20; i++) large = large.pipe(Atomic.set(`k${i}`, i), Atomic.check(`k${i}`, "absent"))
      yield* store.commit(large)
      assert.equal(yield* store.count(KeyRange.all), 20)
      const steps = Array.from({ length: 100_001 }, (_, i) => ({ _tag: "Delete" as const, key: `k${i}` }))
      const error = yield* failure(store.commit({ ...large, steps }), "CommitTooLarge")
      assert.equal(error.steps, 100_001)
      assert.equal(yield* store.count(KeyRange.all), 20)
    })
  ),
  atomic("a commit whose values together are too large is refused, and nothing of it is written", (store, harness) =>
    Effect.gen(function* () {
      const { capabilities } = (yield* harness.openBackend).backend
      const bytesMax = capabilities.commitBytesMax ?? capabilities.valueBytesMax
      // As JSON it takes two bytes more: each alone is small enough.
      const half = "x".repeat(Math.floor(bytesMax / 2) - 1)
      const halves = Atomic.make.pipe(Atomic.set("a", half), Atomic.set("b", half), Atomic.add("n", 1))
      const error = yield* failure(store.commit(halves), "CommitTooLarge")
      assert.deepEqual([error.bytesMax, error.bytes], [bytesMax, 2 * (half.length + 2)])
      assert.equal(yield* store.count(KeyRange.all), 0)
      yield* store.commit(Atomic.make.pipe(Atomic.set("a", half.slice(0, 9)), Atomic.set("b", half.slice(0, 9))))
      assert.equal(yield* store.count(KeyRange.all), 2)
    })
  ),
  atomic("append makes keys in the order of their commits", (store) =>
    Effect.gen(function* () {
      const keys: Array<string> = []
      for (let i = 0; i < 12; i++) {
        const { version, results } = yield* store.commit(
          Atomic.make.pipe(Atomic.append("log:", i, { ttl: "1 hour" }), Atomic.set("last", i))
        )
        assert.deepEqual(results, [true, true])
        const key = Atomic.stamped("log:", version)
        const found = yield* entry(store, key)
        assert.deepEqual([found.value, found.version], [i, version])
        assert.equal(found.expiresAtMs, found.updatedAtMs + 3_600_000)
        keys.push(key)
      }
      assert.deepEqual(yield* entryKeys(store, KeyRange.prefix("log:")), keys)
      assert.equal(yield* store.exists("log:"), false)
    })
  ),
  atomic("a commit of nothing is one", (store) =>
    Effect.gen(function* () {
      const { results, version } = yield* store.commit(Atomic.make)
      assert.deepEqual(results, [])
      assert.ok((yield* store.set("a", 1)) > version)
    })
  ),
  atomic("of many who want to be first, one is", (store) =>
    Effect.gen(function* () {
      const exits = yield* Effect.forEach(
        Array.from({ length: 30 }, (_, i) => i),
        (i) => Effect.exit(store.set("a", i, { ifVersion: "absent" })),
        { concurrency: "unbounded" }
      )
      const winners = exits.flatMap((exit, i) => (Exit.isSuccess(exit) ? [i] : []))
      assert.equal(winners.length, 1)
      assert.equal(yield* value(store, "a"), winners[0])
    })
  ),
  atomic("commits never show half of themselves", (store) =>
    Effect.gen(function* () {
      const transfer = (amount: number) =>
        store.commit(Atomic.make.pipe(Atomic.add("a", -amount), Atomic.add("b", amount)))
      const look = Effect.map(store.getMany(["a", "b"]), (found) =>
        found.reduce((sum, item) => sum + Number(Option.getOrThrow(item).value), 0)
      )
      yield* transfer(0)
      const [, sums] = yield* Effect.all(
        [
          Effect.forEach(
            Array.from({ length: 60 }, (_, i) => i),
            transfer,
            { concurrency: 8 }
          ),
          Effect.forEach(Array.from({ length: 60 }), () => look, { concurrency: 4 })
        ],
        { concurrency: "unbounded" }
      )
      assert.deepEqual(new Set(sums), new Set([0]))
    })
  )
]
