/** A memory store, in which something else happens at the worst moment: what two callers do who meet, made certain. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Backend, MemoryStore, StateStore } from "effect-state"

/** What is asked of the backend when it happens, by the texts of the keys. A commit is shown one by one of its batch. */
export interface Moment {
  readonly read?: (keys: ReadonlyArray<string>) => boolean
  readonly scan?: () => boolean
  readonly commit?: (commit: Backend.Commit) => boolean
}

export const make = Effect.gen(function* () {
  const plain = yield* MemoryStore.make()
  const { now: _, ...backend } = Option.getOrThrow(StateStore.backendOf(plain))
  let next: { readonly moment: Moment; readonly happens: Effect.Effect<unknown> } | undefined
  const meanwhile = (isNow: (moment: Moment) => boolean | undefined) =>
    Effect.suspend(() => {
      if (next === undefined || isNow(next.moment) !== true) return Effect.void
      const { happens } = next
      next = undefined
      return happens
    })
  const disturbed: Backend.Backend = {
    ...backend,
    read: (keys, select) =>
      Effect.zipRight(
        meanwhile(({ read }) => read?.(keys.map(({ text }) => text))),
        backend.read(keys, select)
      ),
    scan: (range, options) =>
      Effect.zipRight(
        meanwhile(({ scan }) => scan?.()),
        backend.scan(range, options)
      ),
    commit: (batch) =>
      Effect.zipRight(
        meanwhile(({ commit }) => commit && batch.some(commit)),
        backend.commit(batch)
      )
  }
  return {
    store: yield* StateStore.make(disturbed),
    /** The same entries, past all disturbance: for what happens, which must not disturb itself. */
    plain,
    /** Lets something happen once, just before a moment. */
    justBefore: <E>(moment: Moment, happens: Effect.Effect<unknown, E>) =>
      Effect.sync(() => {
        next = { moment, happens: Effect.orDie(happens) }
      }),
    /** Whether it did. */
    happened: Effect.sync(() => next === undefined)
  }
})
