import { describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import { Atomic, type StateError, type StateStore } from "effect-state"

type WriteError = StateError.WriteError

declare const store: StateStore.Service
const errors = <E extends Atomic.Refusal>(_: Atomic.Atomic<E>) =>
  expectTypeOf<Effect.Effect.Error<ReturnType<typeof store.commit<E>>>>()

describe("The type of a commit says how it can be refused", () => {
  it("not at all by changes", () => {
    errors(Atomic.make.pipe(Atomic.set("a", 1), Atomic.delete("b"), Atomic.persist("c"))).toEqualTypeOf<WriteError>()
  })

  it("by its checks, and by its adds", () => {
    errors(Atomic.make.pipe(Atomic.check("a", "absent"), Atomic.set("a", 1))).toEqualTypeOf<
      WriteError | StateError.VersionConflict
    >()
    errors(Atomic.make.pipe(Atomic.add("a", 1))).toEqualTypeOf<WriteError | StateError.NotInteger>()
  })

  it("in both ways where nothing is known", () => {
    errors<Atomic.Refusal>(Atomic.make).toEqualTypeOf<WriteError | StateError.VersionConflict | StateError.NotInteger>()
  })

  it("and hides neither", () => {
    // @ts-expect-error: its check may conflict.
    const silent: Atomic.Atomic<never> = Atomic.make.pipe(Atomic.check("a", "absent"))
    expectTypeOf(silent).toEqualTypeOf<Atomic.Atomic<never>>()
  })
})
