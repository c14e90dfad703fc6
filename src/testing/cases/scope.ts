/**
 * Scope: closing, interrupting, and what both must not break.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as KeyRange from "../../store/KeyRange.ts"
import { type Case, failure, numbered, setAll, storeCase, value } from "../Case.ts"

const scope = storeCase("scope")
const lossless = storeCase("nothing lost")

/**
 * @since 0.1.0
 * @category cases
 */
export const scopeCases: ReadonlyArray<Case> = [
  scope("a closed store is unavailable, and says so at once", (_, harness) =>
    Effect.gen(function* () {
      const own = yield* Scope.make()
      const store = yield* Scope.extend(harness.open(), own)
      yield* store.set("a", 1)
      yield* Scope.close(own, Exit.void)
      const startMs = Date.now()
      const { results } = yield* failure(store.setMany([{ key: "a", value: 1 }]), "BatchError")
      const raised = [
        yield* failure(store.get("a"), "StoreUnavailable"),
        yield* failure(store.exists("a"), "StoreUnavailable"),
        yield* failure(store.getMany(["a"]), "StoreUnavailable"),
        yield* failure(store.set("a", 1), "StoreUnavailable"),
        yield* failure(store.delete("a"), "StoreUnavailable"),
        yield* failure(store.add("a", 1), "StoreUnavailable"),
        yield* failure(store.count(KeyRange.all), "StoreUnavailable"),
        yield* failure(store.page(KeyRange.all), "StoreUnavailable"),
        yield* failure(Stream.runDrain(store.entries(KeyRange.all)), "StoreUnavailable"),
        yield* failure(store.clear(KeyRange.all), "StoreUnavailable"),
        yield* failure(store.ping, "StoreUnavailable"),
        yield* failure(store.stats, "StoreUnavailable"),
        yield* failure(store.sweep, "StoreUnavailable"),
        ...results.flatMap((result) =>
          Either.isLeft(result) && result.left._tag === "StoreUnavailable" ? [result.left] : []
        )
      ]
      assert.equal(raised.length, 14)
      assert.ok(Date.now() - startMs < 2_000, "nobody waits for what will never be")
      for (const error of raised) assert.equal(error.outcome, "not-applied")
    })
  ),
  scope("stores open and close, again and again", (_, harness) =>
    Effect.gen(function* () {
      for (let i = 0; i < 5; i++) {
        yield* Effect.scoped(Effect.flatMap(harness.open(), (store) => store.set(`k${i}`, i)))
      }
    })
  ),
  scope("interrupting a call harms nobody else's", (store) =>
    Effect.gen(function* () {
      const keys = numbered("k", 60)
      const fibers = yield* Effect.forEach(keys, (key, i) =>
        Effect.fork(Effect.zipRight(Effect.yieldNow(), Effect.zipRight(store.set(key, i), store.get(key))))
      )
      for (let turn = 0; turn < 3; turn++) {
        yield* Effect.yieldNow()
        yield* Fiber.interruptAll(fibers.filter((_, i) => i % 6 === turn))
      }
      for (const [i, fiber] of fibers.entries()) {
        if (i % 6 >= 3) assert.equal(Option.getOrThrow(yield* Fiber.join(fiber)).value, i)
      }
      yield* store.set("after", 1)
      assert.equal(yield* value(store, "after"), 1)
    })
  ),
  scope("interrupting one of many reads of a key leaves the others theirs", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      const fibers = yield* Effect.forEach(Array.from({ length: 40 }), () => Effect.fork(store.get("a")))
      yield* Fiber.interruptAll(fibers.filter((_, i) => i % 2 === 0))
      for (const [i, fiber] of fibers.entries()) {
        if (i % 2 === 1) assert.ok(Option.isSome(yield* Fiber.join(fiber)))
      }
    })
  ),
  scope("a stream that is left in the middle leaves nothing behind", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, numbered("k", 300))
      for (let i = 0; i < 20; i++) {
        yield* Stream.runDrain(Stream.take(store.entries(KeyRange.all), 1))
        yield* Fiber.interrupt(yield* Effect.fork(Stream.runDrain(store.entries(KeyRange.all))))
      }
      assert.equal(yield* store.count(KeyRange.all), 300)
    })
  ),
  lossless("what was acknowledged is there, whoever was batched or interrupted with it", (store) =>
    Effect.gen(function* () {
      const acknowledged = new Set<string>()
      const writers = yield* Effect.forEach(numbered("k", 90), (key, i) => {
        const write = Effect.tap(store.set(key, i % 3 === 0 ? Number.NaN : i), () =>
          Effect.sync(() => acknowledged.add(key))
        )
        return Effect.fork(write)
      })
      yield* Effect.yieldNow()
      yield* Fiber.interruptAll(writers.filter((_, i) => i % 3 === 1))
      yield* Fiber.awaitAll(writers)
      assert.ok(acknowledged.size >= 30)
      for (const key of acknowledged) assert.equal(yield* store.exists(key), true, key)
    })
  ),
  lossless("many writers of many keys all find theirs", (store) =>
    Effect.gen(function* () {
      yield* Effect.forEach(
        numbered("k", 200),
        (key, i) =>
          Effect.gen(function* () {
            const version = yield* store.set(key, i)
            const found = Option.getOrThrow(yield* store.get(key))
            assert.deepEqual([found.value, found.version], [i, version])
            assert.equal(yield* store.add(`n${i % 7}`, 1).pipe(Effect.as(true)), true)
          }),
        { concurrency: "unbounded" }
      )
      assert.equal(yield* store.count(KeyRange.prefix("k")), 200)
      let total = 0
      for (let i = 0; i < 7; i++) total += Number(yield* value(store, `n${i}`))
      assert.equal(total, 200)
    })
  )
]
