/**
 * An expired entry counts as absent everywhere, swept or not.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Modification from "../../store/Modification.ts"
import {
  type Case,
  entry,
  entryKeys,
  failure,
  numbered,
  pagedKeys,
  setAll,
  setExpired,
  storeCase,
  value
} from "../Case.ts"

const time = storeCase("time")

/**
 * @since 0.1.0
 * @category cases
 */
export const expiryCases: ReadonlyArray<Case> = [
  time("an expired entry is not read", (store, harness) =>
    Effect.gen(function* () {
      yield* setAll(store, ["live"])
      yield* setExpired(store, harness, "a")
      assert.deepEqual(yield* store.get("a"), Option.none())
      assert.equal(yield* store.exists("a"), false)
      assert.deepEqual((yield* store.getMany(["a", "live"])).map(Option.isSome), [false, true])
    })
  ),
  time("an expired entry is not listed", (store, harness) =>
    Effect.gen(function* () {
      yield* setAll(store, ["b"])
      yield* setExpired(store, harness, "a", "c")
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["b"])
      assert.deepEqual(yield* entryKeys(store, KeyRange.all, { reverse: true }), ["b"])
      assert.deepEqual(
        (yield* store.page(KeyRange.all)).entries.map(({ key }) => key),
        ["b"]
      )
      assert.deepEqual(Array.from(yield* Stream.runCollect(store.keys("*"))), ["b"])
    })
  ),
  time("an expired entry is not counted or cleared", (store, harness) =>
    Effect.gen(function* () {
      yield* setAll(store, ["b"])
      yield* setExpired(store, harness, "a", "c")
      assert.equal(yield* store.count(KeyRange.all), 1)
      assert.equal(yield* store.count(KeyRange.prefix("a")), 0)
      assert.equal(yield* store.clear(KeyRange.all), 1)
    })
  ),
  time("pages come full although entries expired", (store, harness) =>
    Effect.gen(function* () {
      const keys = numbered("k", 30)
      const live = keys.filter((_, i) => i % 3 === 0)
      yield* setExpired(store, harness, ...keys.filter((key) => !live.includes(key)))
      yield* setAll(store, live)
      for (const limit of [1, 2, 3, 5, 9, 10, 11]) {
        assert.deepEqual(yield* pagedKeys(store, KeyRange.all, { limit }), live)
        assert.deepEqual(yield* pagedKeys(store, KeyRange.all, { limit, reverse: true }), [...live].reverse())
      }
    })
  ),
  time("a long run of expired entries is passed over", (store, harness) =>
    Effect.gen(function* () {
      yield* setExpired(store, harness, ...numbered("b", 999))
      yield* setAll(store, ["a", "c"])
      assert.deepEqual(yield* pagedKeys(store, KeyRange.all, { limit: 2 }), ["a", "c"])
      assert.deepEqual(yield* pagedKeys(store, KeyRange.all, { limit: 1, reverse: true }), ["c", "a"])
    })
  ),
  time("a check finds an expired entry absent", (store, harness) =>
    Effect.gen(function* () {
      const version = yield* store.set("a", 1)
      yield* store.expire("a", "1 milli")
      yield* harness.advance(1)
      yield* failure(store.set("a", 2, { ifVersion: version }), "VersionConflict")
      yield* failure(store.delete("a", { ifVersion: version }), "VersionConflict")
      yield* store.commit(Atomic.make.pipe(Atomic.check("a", "absent"), Atomic.set("b", 1)))
      yield* store.set("a", 3, { ifVersion: "absent" })
      assert.equal(yield* value(store, "a"), 3)
    })
  ),
  time("an expired entry is not revived", (store, harness) =>
    Effect.gen(function* () {
      yield* setExpired(store, harness, "a")
      assert.equal(yield* store.expire("a", "1 hour"), false)
      assert.equal(yield* store.persist("a"), false)
      assert.equal(yield* store.exists("a"), false)
      const { results } = yield* store.commit(Atomic.make.pipe(Atomic.expire("a", "1 hour"), Atomic.persist("a")))
      assert.deepEqual(results, [false, false])
      assert.equal(yield* store.exists("a"), false)
    })
  ),
  time("deleting an expired entry finds nothing", (store, harness) =>
    Effect.gen(function* () {
      yield* setExpired(store, harness, "a", "b", "c")
      assert.equal(yield* store.delete("a"), false)
      assert.deepEqual(yield* store.deleteMany(["b"]), [false])
      assert.deepEqual((yield* store.commit(Atomic.make.pipe(Atomic.delete("c")))).results, [false])
    })
  ),
  time("a counter starts anew after its end", (store, harness) =>
    Effect.gen(function* () {
      yield* store.set("n", 41, { ttl: 1 })
      yield* store.set("text", "no counter", { ttl: 1 })
      yield* harness.advance(1)
      assert.equal(yield* store.add("n", 1), 1)
      assert.equal((yield* entry(store, "n")).expiresAtMs, undefined)
      assert.equal(yield* store.add("text", 5), 5)
    })
  ),
  time("modify sees nothing of an expired entry", (store, harness) =>
    Effect.gen(function* () {
      yield* setExpired(store, harness, "a")
      const seen = yield* store.modify("a", (current) => Effect.succeed([current, Modification.write("new")]))
      assert.ok(Option.isNone(seen))
      const found = yield* entry(store, "a")
      assert.equal(found.value, "new")
      assert.equal(found.expiresAtMs, undefined)
    })
  ),
  time("sweep removes what is expired and nothing else", (store, harness) =>
    Effect.gen(function* () {
      const live = numbered("l", 20)
      yield* setAll(store, live)
      yield* store.setMany(live.slice(0, 10).map((key) => ({ key, value: { of: key }, ttl: "1 hour" })))
      yield* setExpired(store, harness, ...numbered("e", 50))
      // Others may share the store.
      assert.ok((yield* store.sweep) >= 50)
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), live)
      const again = yield* store.set("e001", "back", { ifVersion: "absent" })
      yield* store.sweep
      assert.equal((yield* entry(store, "e001")).version, again)
    })
  ),
  time("sweep spares what was written over an expired entry", (store, harness) =>
    Effect.gen(function* () {
      const keys = numbered("k", 30)
      yield* setExpired(store, harness, ...keys)
      yield* Effect.all([store.sweep, setAll(store, keys), store.sweep], { concurrency: "unbounded" })
      yield* store.sweep
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), keys)
    })
  )
]
