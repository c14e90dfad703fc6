/**
 * What the rivals share.
 */
import * as Effect from "effect/Effect"
import type { Contender } from "../Case.ts"
import { effect, type Item, promise } from "../Workload.ts"

/** Runs a write for each item, some at once. */
export const each = (run: (item: Item) => Effect.Effect<unknown, unknown>) => (items: ReadonlyArray<Item>) =>
  Effect.forEach(items, run, { concurrency: 64, discard: true })

/** A store whose calls are Effects. */
export const ofEffects = (
  get: (item: Item) => Effect.Effect<unknown, unknown>,
  set: (item: Item) => Effect.Effect<unknown, unknown>
): Contender => ({ fill: each(set), calls: { get: effect(get), set: effect(set) } })

/** A store whose calls are promises, called from inside Effect as its users would. */
export const ofPromises = (get: (item: Item) => Promise<unknown>, set: (item: Item) => Promise<unknown>): Contender =>
  ofEffects(
    (item) => Effect.promise(() => get(item)),
    (item) => Effect.promise(() => set(item))
  )

/** The same without Effect. */
export const bare = (get: (item: Item) => Promise<unknown>, set: (item: Item) => Promise<unknown>): Contender => ({
  ...ofPromises(get, set),
  calls: { get: promise(get), set: promise(set) }
})

/** A client that is closed at the end. */
export const opened = <A>(open: () => A | Promise<A>, close: (client: A) => unknown) =>
  Effect.acquireRelease(
    Effect.promise(async () => open()),
    (client) => Effect.promise(async () => close(client))
  )
