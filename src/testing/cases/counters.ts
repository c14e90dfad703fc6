/**
 * Counters: every add counts, and counts once.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import { type Case, entry, failure, storeCase, value } from "../Case.ts"

const atomic = storeCase("atomic")

const { MAX_SAFE_INTEGER } = Number

/**
 * @since 0.1.0
 * @category cases
 */
export const counterCases: ReadonlyArray<Case> = [
  atomic("add counts from nothing, up and down", (store) =>
    Effect.gen(function* () {
      assert.equal(yield* store.add("n", 5), 5)
      assert.equal(yield* store.add("n", -7), -2)
      assert.equal(yield* store.add("n", 2), 0)
      assert.ok(Object.is(yield* store.add("n", 0), 0))
      assert.ok(Object.is(yield* store.add("new", -0), 0))
      assert.ok(Object.is(yield* value(store, "new"), 0))
      yield* store.set("s", 40)
      assert.equal(yield* store.add("s", 2), 42)
      assert.equal(yield* value(store, "s"), 42)
    })
  ),
  atomic("add keeps to safe integers", (store) =>
    Effect.gen(function* () {
      assert.equal(yield* store.add("n", MAX_SAFE_INTEGER), MAX_SAFE_INTEGER)
      yield* failure(store.add("n", 1), "NotInteger")
      assert.equal(yield* value(store, "n"), MAX_SAFE_INTEGER)
      assert.equal(yield* store.add("n", -1), MAX_SAFE_INTEGER - 1)
      assert.equal(yield* store.add("m", -MAX_SAFE_INTEGER), -MAX_SAFE_INTEGER)
      assert.deepEqual((yield* failure(store.add("m", -1), "NotInteger")).keys, ["m"])
      for (const delta of [0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
        yield* failure(store.add("d", delta), "NotInteger")
      }
      assert.equal(yield* store.exists("d"), false)
    })
  ),
  atomic("add refuses what is no integer", (store) =>
    Effect.gen(function* () {
      for (const other of ["1", "", 1.5, null, true, [1], {}, 2 ** 53, 1e300, -1e21]) {
        yield* store.set("a", other)
        const before = yield* entry(store, "a")
        assert.deepEqual((yield* failure(store.add("a", 1), "NotInteger")).keys, ["a"])
        assert.deepEqual(yield* entry(store, "a"), before)
      }
    })
  ),
  atomic("a hundred adds at once are a hundred", (store) =>
    Effect.gen(function* () {
      const sums = yield* Effect.forEach(Array.from({ length: 100 }), () => store.add("n", 1), {
        concurrency: "unbounded"
      })
      assert.deepEqual(
        sums.toSorted((a, b) => a - b),
        Array.from({ length: 100 }, (_, i) => i + 1)
      )
      assert.equal(yield* value(store, "n"), 100)
    })
  )
]
