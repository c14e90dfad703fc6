/**
 * Versions rise per key, whatever happens to it.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import { isVersion, Version } from "../../store/Version.ts"
import { type Case, entry, failure, setExpired, storeCase, value } from "../Case.ts"

const versions = storeCase("versions")

/**
 * @since 0.1.0
 * @category cases
 */
export const versionCases: ReadonlyArray<Case> = [
  versions("every write gives a greater one, a positive safe integer", (store) =>
    Effect.gen(function* () {
      let last = 0
      for (let i = 0; i < 20; i++) {
        const version = yield* store.set("a", i)
        assert.ok(isVersion(version))
        assert.ok(version > last, `${version} after ${last}`)
        assert.equal((yield* entry(store, "a")).version, version)
        last = version
      }
    })
  ),
  versions("writing an equal value is a new one", (store) =>
    Effect.gen(function* () {
      const first = yield* store.set("a", { n: 1 })
      const second = yield* store.set("a", { n: 1 })
      assert.ok(second > first)
      yield* store.add("n", 1)
      const before = (yield* entry(store, "n")).version
      yield* store.add("n", 0)
      assert.ok((yield* entry(store, "n")).version > before)
    })
  ),
  versions("they rise across delete and re-creation", (store) =>
    Effect.gen(function* () {
      let last = yield* store.set("a", 1)
      for (let i = 0; i < 5; i++) {
        yield* store.delete("a")
        const next = yield* store.set("a", 1)
        assert.ok(next > last, `${next} after ${last}`)
        last = next
      }
    })
  ),
  versions("they rise across expiry and re-creation, swept or not", (store, harness) =>
    Effect.gen(function* () {
      let last = yield* store.set("a", 1)
      for (let i = 0; i < 4; i++) {
        yield* store.expire("a", "1 milli")
        yield* harness.advance(1)
        if (i % 2 === 0) yield* store.sweep
        const next = yield* store.set("a", 1)
        assert.ok(next > last, `${next} after ${last}`)
        last = next
      }
    })
  ),
  versions("a stale one never matches again", (store) =>
    Effect.gen(function* () {
      const stale = yield* store.set("a", "same")
      yield* store.delete("a")
      assert.equal((yield* failure(store.set("a", 0, { ifVersion: stale }), "VersionConflict")).keys.length, 1)
      yield* store.set("a", "same")
      yield* failure(store.set("a", 0, { ifVersion: stale }), "VersionConflict")
      yield* failure(store.delete("a", { ifVersion: stale }), "VersionConflict")
      yield* failure(store.commit(Atomic.make.pipe(Atomic.check("a", stale))), "VersionConflict")
      assert.equal(yield* value(store, "a"), "same")
    })
  ),
  versions("set with ifVersion writes only over that one", (store) =>
    Effect.gen(function* () {
      const first = yield* store.set("a", 1)
      const second = yield* store.set("a", 2, { ifVersion: first })
      assert.ok(second > first)
      const error = yield* failure(store.set("a", 3, { ifVersion: first }), "VersionConflict")
      assert.deepEqual(error.keys, ["a"])
      yield* failure(store.set("a", 3, { ifVersion: Version(second + 1) }), "VersionConflict")
      const found = yield* entry(store, "a")
      assert.equal(found.value, 2)
      assert.equal(found.version, second)
    })
  ),
  versions("set if absent writes only where nothing is", (store) =>
    Effect.gen(function* () {
      const first = yield* store.set("a", 1, { ifVersion: "absent" })
      yield* failure(store.set("a", 2, { ifVersion: "absent" }), "VersionConflict")
      const found = yield* entry(store, "a")
      assert.equal(found.value, 1)
      assert.equal(found.version, first)
      yield* store.delete("a")
      yield* store.set("a", 3, { ifVersion: "absent" })
      assert.equal(yield* value(store, "a"), 3)
    })
  ),
  versions("no version matches an absent key", (store) =>
    Effect.gen(function* () {
      yield* failure(store.set("a", 1, { ifVersion: Version(1) }), "VersionConflict")
      yield* failure(store.delete("a", { ifVersion: Version(1) }), "VersionConflict")
      assert.equal(yield* store.exists("a"), false)
    })
  ),
  versions("what can be no version matches nothing", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      for (const bad of [0, -1, 1.5, Number.NaN, 2 ** 60]) {
        // A caller may have parsed it from anywhere.
        const ifVersion = bad as Version
        yield* failure(store.set("a", 2, { ifVersion }), "VersionConflict")
        yield* failure(store.set("new", 2, { ifVersion }), "VersionConflict")
      }
      assert.equal(yield* value(store, "a"), 1)
    })
  ),
  versions("delete with ifVersion deletes only that one", (store) =>
    Effect.gen(function* () {
      const first = yield* store.set("a", 1)
      const second = yield* store.set("a", 2)
      yield* failure(store.delete("a", { ifVersion: first }), "VersionConflict")
      assert.equal(yield* value(store, "a"), 2)
      assert.equal(yield* store.delete("a", { ifVersion: second }), true)
      assert.equal(yield* store.exists("a"), false)
    })
  ),
  versions("expire and persist keep version and updatedAt", (store, harness) =>
    Effect.gen(function* () {
      const version = yield* store.set("a", 1)
      const before = yield* entry(store, "a")
      yield* harness.advance(5)
      assert.equal(yield* store.expire("a", "1 hour"), true)
      const expiring = yield* entry(store, "a")
      assert.equal(expiring.version, version)
      assert.equal(expiring.updatedAtMs, before.updatedAtMs)
      assert.equal(expiring.createdAtMs, before.createdAtMs)
      assert.equal(expiring.value, 1)
      assert.ok(Number(expiring.expiresAtMs) >= before.updatedAtMs + 5 + 3_600_000)
      assert.equal(yield* store.persist("a"), true)
      assert.deepEqual(yield* entry(store, "a"), before)
      yield* store.set("a", 2, { ifVersion: version })
    })
  ),
  versions("an update keeps createdAt and moves updatedAt", (store, harness) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      const { createdAtMs } = yield* entry(store, "a")
      yield* harness.advance(5)
      yield* store.set("a", 2)
      const updated = yield* entry(store, "a")
      assert.equal(updated.createdAtMs, createdAtMs)
      assert.ok(updated.updatedAtMs >= createdAtMs + 5)
      yield* store.add("n", 1)
      const counter = yield* entry(store, "n")
      yield* harness.advance(5)
      yield* store.add("n", 1)
      const added = yield* entry(store, "n")
      assert.equal(added.createdAtMs, counter.createdAtMs)
      assert.ok(added.updatedAtMs >= counter.updatedAtMs + 5)
    })
  ),
  versions("re-creation starts createdAt anew", (store, harness) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      const first = yield* entry(store, "a")
      yield* harness.advance(5)
      yield* store.delete("a")
      yield* store.set("a", 1)
      const second = yield* entry(store, "a")
      assert.ok(second.createdAtMs >= first.createdAtMs + 5, "after delete")
      yield* store.expire("a", "1 milli")
      yield* harness.advance(5)
      yield* store.set("a", 1)
      const third = yield* entry(store, "a")
      assert.ok(third.createdAtMs >= second.createdAtMs + 5, "after expiry")
      assert.equal(third.createdAtMs, third.updatedAtMs)
      yield* setExpired(store, harness, "b")
      const againMs = yield* harness.nowMs
      yield* store.add("c", 1)
      yield* store.set("b", 2, { ttl: "keep" })
      assert.ok((yield* entry(store, "b")).createdAtMs >= againMs, "keeping a deadline revives nothing")
    })
  ),
  versions("many writers at once all get their own", (store) =>
    Effect.gen(function* () {
      const drawn = yield* Effect.forEach(
        Array.from({ length: 100 }, (_, i) => i),
        (i) => store.set("a", i),
        {
          concurrency: "unbounded"
        }
      )
      assert.equal(new Set(drawn).size, 100)
      const last = Option.getOrThrow(yield* store.get("a"))
      assert.equal(last.version, Math.max(...drawn))
      assert.equal(drawn[Number(last.value)], last.version, "the last version has its writer's value")
    })
  )
]
