/** A memory store that counts what is asked of its backend: what an operation costs, whatever the machine does meanwhile. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Backend, MemoryStore, StateStore } from "effect-state"

/** How many keys were read, ranges scanned and items found there, commits made, ranges counted. */
export interface Cost {
  readonly reads: number
  readonly scans: number
  readonly scanned: number
  readonly commits: number
  readonly counts: number
}

export const nothing: Cost = { reads: 0, scans: 0, scanned: 0, commits: 0, counts: 0 }

export const make = Effect.gen(function* () {
  const memory = yield* Layer.build(MemoryStore.layer())
  const { now: _, ...backend } = yield* StateStore.backendOf(Context.get(memory, StateStore.StateStore))
  let spent = nothing
  const add = (part: keyof Cost, n: number) => {
    spent = { ...spent, [part]: spent[part] + n }
  }
  const counted: Backend.Backend = {
    ...backend,
    read: (keys, select) => {
      add("reads", keys.length)
      return backend.read(keys, select)
    },
    commit: (batch) => {
      add("commits", batch.length)
      return backend.commit(batch)
    },
    scan: (range, options) => {
      add("scans", 1)
      return Effect.tap(backend.scan(range, options), ({ items }) => add("scanned", items.length))
    },
    count: (range) => {
      add("counts", 1)
      return backend.count(range)
    }
  }
  /** What an effect costs that runs by itself. */
  const costOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Cost, E, R> =>
    Effect.suspend(() => {
      spent = nothing
      return Effect.map(effect, () => spent)
    })
  return { store: yield* StateStore.make(counted, { sweep: false }), costOf }
})
