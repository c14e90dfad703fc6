/**
 * One meaning: what each operation answers.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as KeyRange from "../../store/KeyRange.ts"
import { type Case, entry, entryKeys, failure, numbered, setAll, storeCase, value } from "../Case.ts"

const meaning = storeCase("one meaning")

/**
 * @since 0.1.0
 * @category cases
 */
export const meaningCases: ReadonlyArray<Case> = [
  meaning("nothing is under a key that was never written", (store) =>
    Effect.gen(function* () {
      assert.deepEqual(yield* store.get("a"), Option.none())
      assert.equal(yield* store.exists("a"), false)
      assert.equal(yield* store.delete("a"), false)
      assert.equal(yield* store.expire("a", "1 hour"), false)
      assert.equal(yield* store.persist("a"), false)
      assert.equal(yield* store.count(KeyRange.all), 0)
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), [])
      assert.equal(yield* store.clear(KeyRange.all), 0)
    })
  ),
  meaning("what was set is there, with its key, version and times", (store, harness) =>
    Effect.gen(function* () {
      const beforeMs = yield* harness.nowMs
      const version = yield* store.set("a", { n: 1 })
      const afterMs = yield* harness.nowMs
      const found = yield* entry(store, "a")
      assert.equal(found.key, "a")
      assert.deepEqual(found.value, { n: 1 })
      assert.equal(found.version, version)
      assert.equal(found.createdAtMs, found.updatedAtMs)
      assert.ok(beforeMs <= found.createdAtMs && found.createdAtMs <= afterMs)
      assert.ok(Number.isInteger(found.createdAtMs))
      assert.equal(found.expiresAtMs, undefined)
      assert.equal(yield* store.exists("a"), true)
    })
  ),
  meaning("setting again replaces", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", { n: 1, only: "first" })
      yield* store.set("a", { n: 2 })
      assert.deepEqual(yield* value(store, "a"), { n: 2 })
      assert.equal(yield* store.count(KeyRange.all), 1)
    })
  ),
  meaning("delete removes one key, and tells whether it was there", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["a", "b"])
      assert.equal(yield* store.delete("a"), true)
      assert.equal(yield* store.delete("a"), false)
      assert.equal(yield* store.exists("a"), false)
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["b"])
    })
  ),
  meaning("an effect of the store is a description: running it twice does it twice", (store) =>
    Effect.gen(function* () {
      const increment = store.add("n", 1)
      yield* increment
      assert.equal(yield* increment, 2)
      const get = store.get("n")
      yield* get
      yield* increment
      assert.equal(Option.getOrThrow(yield* get).value, 3)
    })
  ),
  meaning("getMany answers in the order of its keys, absent and repeated ones included", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["a", "b", "c"])
      const found = yield* store.getMany(["c", "x", "a", "c", "b", "y", "a"])
      assert.deepEqual(
        found.map((item) => Option.getOrUndefined(item)?.value),
        [{ of: "c" }, undefined, { of: "a" }, { of: "c" }, { of: "b" }, undefined, { of: "a" }]
      )
      assert.deepEqual(
        found.map((item) => Option.getOrUndefined(item)?.key),
        ["c", undefined, "a", "c", "b", undefined, "a"]
      )
      assert.deepEqual(Option.getOrThrow(found[2] ?? Option.none()), yield* entry(store, "a"))
    })
  ),
  meaning("getMany of nothing is nothing", (store) =>
    Effect.gen(function* () {
      assert.deepEqual(yield* store.getMany([]), [])
      assert.deepEqual(yield* store.getMany([], { onInvalid: "either" }), [])
    })
  ),
  meaning("getMany, setMany and deleteMany take more than one batch", (store) =>
    Effect.gen(function* () {
      const keys = Arr.makeBy(2_345, (i) => `k${i}`)
      const versions = yield* setAll(store, keys)
      assert.equal(versions.length, keys.length)
      const found = yield* store.getMany(keys)
      assert.deepEqual(
        found.map((item) => Option.getOrUndefined(item)?.value),
        keys.map((of) => ({ of }))
      )
      assert.deepEqual(
        found.map((item) => Option.getOrUndefined(item)?.version),
        versions
      )
      assert.deepEqual(yield* store.deleteMany([...keys.slice(0, 2_000), "none"]), [
        ...Arr.replicate(true, 2_000),
        false
      ])
      assert.equal(yield* store.count(KeyRange.all), 345)
      assert.equal(yield* store.clear(KeyRange.all), 345)
    })
  ),
  meaning("setMany gives a version for each, and sets each one's time to live", (store) =>
    Effect.gen(function* () {
      const versions = yield* store.setMany([
        { key: "a", value: 1, ttl: "1 hour" },
        { key: "b", value: 2 },
        { key: "a", value: 3, ttl: "2 hours" }
      ])
      const a = yield* entry(store, "a")
      assert.equal(a.value, 3)
      assert.equal(a.version, versions[2])
      assert.equal(a.expiresAtMs, a.updatedAtMs + 2 * 3_600_000)
      const b = yield* entry(store, "b")
      assert.equal(b.version, versions[1])
      assert.equal(b.expiresAtMs, undefined)
      assert.ok(Number(versions[0]) < Number(versions[2]))
      assert.deepEqual(yield* store.setMany([]), [])
    })
  ),
  meaning("deleteMany tells of each whether it was there", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["a", "b", "c"])
      assert.deepEqual(yield* store.deleteMany(["b", "x", "a", "b"]), [true, false, true, false])
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["c"])
      assert.deepEqual(yield* store.deleteMany([]), [])
    })
  ),
  meaning("one bad item of setMany fails alone", (store) =>
    Effect.gen(function* () {
      const { results } = yield* failure(
        store.setMany([
          { key: "a", value: 1 },
          { key: "", value: 2 },
          { key: "b", value: Number.NaN },
          { key: "c", value: 3, ttl: 0 },
          { key: "d", value: 4 }
        ]),
        "BatchError"
      )
      assert.deepEqual(
        results.map((result) => (Either.isRight(result) ? "done" : result.left._tag)),
        ["done", "InvalidKey", "EncodeError", "InvalidTtl", "done"]
      )
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["a", "d"])
      assert.deepEqual(
        Arr.getRights(results),
        (yield* store.getMany(["a", "d"])).map((item) => Option.getOrThrow(item).version)
      )
    })
  ),
  meaning("one bad item of deleteMany fails alone", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["a", "b"])
      const error = yield* failure(store.deleteMany(["a", "\0", "x", "b"]), "BatchError")
      assert.deepEqual(
        error.results.map((result) => (Either.isRight(result) ? result.right : result.left._tag)),
        [true, "InvalidKey", false, true]
      )
      assert.equal(error.isRetryable, false)
      assert.equal(yield* store.count(KeyRange.all), 0)
    })
  ),
  meaning("count tells how many entries a range has", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["a", "aa", "ab", "b", "ba"])
      assert.equal(yield* store.count(KeyRange.all), 5)
      assert.equal(yield* store.count(KeyRange.prefix("a")), 3)
      assert.equal(yield* store.count(KeyRange.between("aa", "b")), 2)
      assert.equal(yield* store.count({ start: "b" }), 2)
      assert.equal(yield* store.count({ end: "b" }), 3)
      assert.equal(yield* store.count(KeyRange.prefix("x")), 0)
      assert.equal(yield* store.count(KeyRange.between("a", "a")), 0)
    })
  ),
  meaning("clear removes a range, all of it and nothing else", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["a", "b", "ba", "bb", "c"])
      assert.equal(yield* store.clear(KeyRange.prefix("b")), 3)
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["a", "c"])
      assert.equal(yield* store.clear(KeyRange.between("a", "c")), 1)
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["c"])
    })
  ),
  meaning("a stream of entries goes over more than one page", (store) =>
    Effect.gen(function* () {
      const keys = numbered("k", 700)
      yield* setAll(store, keys)
      const entries = yield* Stream.runCollect(store.entries(KeyRange.all))
      assert.deepEqual(
        Array.from(entries, ({ key, value }) => [key, value]),
        keys.map((key) => [key, { of: key }])
      )
      assert.deepEqual(yield* entryKeys(store, KeyRange.all, { reverse: true }), [...keys].reverse())
      assert.equal(Chunk.size(yield* Stream.runCollect(Stream.take(store.entries(KeyRange.all), 3))), 3)
    })
  ),
  meaning("an entry that is listed is the entry that is got", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", { n: [1] }, { ttl: "1 hour" })
      const { entries } = yield* store.page(KeyRange.all)
      assert.deepEqual(entries, [yield* entry(store, "a")])
    })
  ),
  meaning("stats and ping answer", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      yield* store.ping
      const stats = yield* store.stats
      assert.ok(stats.backend.length > 0)
      assert.ok(stats.server.length > 0)
      assert.ok(Number.isInteger(stats.nowMs) && stats.nowMs > Date.UTC(2020))
      assert.ok(Number.isFinite(stats.entriesApprox) && stats.entriesApprox >= 0)
      assert.ok(stats.bytesApprox === undefined || (Number.isSafeInteger(stats.bytesApprox) && stats.bytesApprox > 0))
    })
  )
]
