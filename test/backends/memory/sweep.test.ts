import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { KeyRange, MemoryStore, StateStore } from "effect-state"

describe("Memory's sweep", () => {
  it.scoped("holds the process up for a bounded time, whatever there is to do", () =>
    Effect.gen(function* () {
      const store = yield* MemoryStore.make({ sweep: false })
      const entries = 50_000
      // A step that meets these alone removes nothing, and is not the last one.
      yield* store.setMany(Array.from({ length: entries }, (_, i) => ({ key: `k${i}`, value: i })))
      const expiring = store.namespace("expiring")
      yield* expiring.setMany(Array.from({ length: entries }, (_, i) => ({ key: `k${i}`, value: i, ttl: "1 second" })))
      yield* TestClock.adjust("1 minute")
      // No machine removes them all in the few milliseconds of a step.
      const step = yield* Effect.flatMap(StateStore.backendOf(store), (backend) => backend.sweep(entries))
      assert.isTrue(step.more)
      assert.isBelow(step.removed, entries)
      assert.strictEqual((yield* store.stats).entriesApprox, 2 * entries - step.removed)
      assert.strictEqual(step.removed + (yield* store.sweep), entries)
      assert.strictEqual((yield* store.stats).entriesApprox, entries)
      assert.strictEqual(yield* store.count(KeyRange.all), entries)
    })
  )

  it.live("ends with its store, also with one that was made where nothing can be interrupted", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.uninterruptible(Scope.extend(MemoryStore.make(), scope))
      yield* Scope.close(scope, Exit.void)
    })
  )
})
