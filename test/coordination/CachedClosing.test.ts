import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { counting, lease, open, settle, test } from "./answers.ts"

describe("A cache whose scope closes", () => {
  test(
    "ends its lookups when its scope closes, and their leases",
    Effect.gen(function* () {
      const { lookup } = yield* counting(() => Effect.never)
      const scope = yield* Scope.make()
      const cache = yield* Scope.extend(open(lookup), scope)
      const fiber = yield* Effect.fork(cache.get("a"))
      yield* settle
      assert.isTrue(yield* lease("a"))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
      assert.isFalse(yield* lease("a"))
    })
  )

  test(
    "waits when its scope closes until its lookups have ended, also those that ran out of time, but not for ever",
    Effect.gen(function* () {
      const ended: Array<number> = []
      const { lookup } = yield* counting((n) =>
        Effect.onInterrupt(Effect.never, () =>
          Effect.zipRight(
            Effect.sleep(n === 3 ? "1 day" : "5 seconds"),
            Effect.sync(() => ended.push(n))
          )
        )
      )
      for (const [hardTimeout, ends] of [
        ["1 second", true],
        ["1 hour", true],
        ["1 hour", false]
      ] as const) {
        const scope = yield* Scope.make()
        const cache = yield* Scope.extend(open(lookup, { hardTimeout }), scope)
        const fiber = yield* Effect.fork(cache.get(`a${ended.length}`))
        yield* TestClock.adjust("1 second")
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(ends ? "3 seconds" : "9 seconds")
        assert.isTrue(Option.isNone(yield* Fiber.poll(closing)))
        yield* TestClock.adjust(ends ? "2 seconds" : "1 second")
        assert.isTrue(Option.isSome(yield* Fiber.poll(closing)))
        assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      }
      assert.deepStrictEqual(ended, [1, 2])
    })
  )

  test(
    "interrupts who asks for a lookup once its scope has closed, and serves what is there",
    Effect.gen(function* () {
      const { count, lookup } = yield* counting()
      const scope = yield* Scope.make()
      const cache = yield* Scope.extend(open(lookup, { staleWhileRevalidate: "1 hour" }), scope)
      yield* cache.get("a")
      yield* Scope.close(scope, Exit.void)
      for (const asked of [cache.get("b"), cache.get("b"), cache.refresh("a")]) {
        const fiber = yield* Effect.fork(asked)
        yield* settle
        assert.isTrue(Option.exists(yield* Fiber.poll(fiber), Exit.isInterrupted))
      }
      assert.strictEqual((yield* cache.get("a")).n, 1)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* cache.get("a")).n, 1)
      assert.strictEqual(yield* count, 1)
    })
  )
})
