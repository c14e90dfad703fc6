import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { MemoryStore, StateStore } from "effect-state"
import * as Turns from "../../src/store/Turns.ts"

describe("A turn", () => {
  it.scopedLive("is waited for no longer than one may, also where nothing can be interrupted", () =>
    Effect.gen(function* () {
      const key = (yield* StateStore.StateStore).key("a")
      const turn = Turns.enter(key)
      const within = Turns.within(key, 10)(Effect.succeed("done"))
      assert.strictEqual(yield* within, "done")
      assert.strictEqual(yield* Effect.uninterruptible(within), "done")
      turn.leave()
    }).pipe(Effect.provide(MemoryStore.layer()))
  )
})
