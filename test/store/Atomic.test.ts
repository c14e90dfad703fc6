import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Atomic, KeyRange, MemoryStore, type StateError, StateStore } from "effect-state"

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

/** A store whose commits have room for 100 bytes. */
const narrow = Effect.gen(function* () {
  const memory = yield* Layer.build(MemoryStore.layer())
  const roomy = yield* StateStore.backendOf(Context.get(memory, StateStore.StateStore))
  return yield* StateStore.make({ ...roomy, capabilities: { ...roomy.capabilities, commitBytesMax: 100 } })
})

describe("A commit whose values are too large together", () => {
  it.scoped("is refused, says how large it is, and writes nothing", () =>
    Effect.gen(function* () {
      const store = yield* narrow
      // As JSON text, 41 bytes each: the quotes count, and an é is two.
      const value = `${"é".repeat(19)}e`
      const error = yield* Effect.flip(
        store.commit(Atomic.make.pipe(Atomic.set("a", value), Atomic.append("b", value), Atomic.set("c", value)))
      )
      assert.strictEqual(error._tag, "CommitTooLarge")
      assert.deepInclude(error, { steps: 3, bytes: 123, bytesMax: 100 })
      assert.strictEqual(yield* store.count(KeyRange.all), 0)
    })
  )

  it.scoped("is made if it just fits", () =>
    Effect.gen(function* () {
      const store = yield* narrow
      yield* store.commit(Atomic.make.pipe(Atomic.set("a", "x".repeat(48)), Atomic.set("b", "y".repeat(48))))
      assert.strictEqual(yield* store.count(KeyRange.all), 2)
    })
  )
})
