import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Concurrent from "../../src/store/Concurrent.ts"
import { everyPoint, interruptAt } from "../coordination/interruption/Points.ts"

const work = Effect.yieldNow()

describe("Effects at the same time", () => {
  it.live.each([
    ["all", Concurrent.all([work, work])],
    ["both", Concurrent.both(work, work)],
    ["forEach", Concurrent.forEach([1, 2, 3], 2, () => work)]
  ] as const)("end wherever they are interrupted, also before the first of them begins: %s", ([, effect]) =>
    Effect.gen(function* () {
      const points = yield* everyPoint(
        (point) =>
          Effect.gen(function* () {
            const { exit, reached } = yield* interruptAt(point, (watch) => watch(effect), { everywhere: true })
            assert.isTrue(Exit.isSuccess(exit) || Exit.isInterrupted(exit))
            return reached
          }),
        { denseMax: Number.POSITIVE_INFINITY, stride: 1 }
      )
      assert.isAbove(points, 5)
    })
  )

  it.effect("give their results in order, some at a time", () =>
    Effect.gen(function* () {
      let [running, most] = [0, 0]
      const results = yield* Concurrent.forEach(Arr.range(1, 7), 3, (n) =>
        Effect.gen(function* () {
          most = Math.max(most, ++running)
          yield* Effect.replicateEffect(work, 7 - n)
          running--
          return n
        })
      )
      assert.deepStrictEqual(results, [1, 2, 3, 4, 5, 6, 7])
      assert.strictEqual(most, 3)
    })
  )

  it.effect("all end before one that failed is told of", () =>
    Effect.gen(function* () {
      let ended = false
      const slow = Effect.zipRight(
        Effect.replicateEffect(work, 5),
        Effect.sync(() => (ended = true))
      )
      assert.strictEqual(yield* Effect.flip(Concurrent.both(Effect.fail("no"), slow)), "no")
      assert.isTrue(ended)
    })
  )

  it.effect("are all interrupted with their caller, before what he leaves behind is cleaned up", () =>
    Effect.gen(function* () {
      const order: Array<string> = []
      const say = (word: string) => Effect.sync(() => order.push(word))
      const endless = Effect.onInterrupt(Effect.never, () => Effect.zipRight(work, say("interrupted")))
      const fiber = yield* Effect.fork(Effect.ensuring(Concurrent.all([endless, endless]), say("cleaned up")))
      yield* Effect.replicateEffect(work, 5)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(order, ["interrupted", "interrupted", "cleaned up"])
    })
  )
})
