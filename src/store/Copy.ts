/**
 * Copying all that a backend has into another one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Backend, type Commit, type Fault, type Stored, settle, type Unreadable } from "./Backend.ts"
import { fullKeyBytesMax } from "./Key.ts"
import type { FullRange } from "./KeyRange.ts"
import * as Namespace from "./Namespace.ts"
import { type StoreError, StoreFailure, Unsupported } from "./StateError.ts"
import * as Utf8 from "./Utf8.ts"
import * as View from "./View.ts"

/**
 * What became of the entries.
 *
 * @since 0.1.0
 * @category models
 */
export interface Copied {
  /** They are in the other store now. */
  readonly copied: number
  /** The other store had them, at the same version or a later one. */
  readonly kept: number
  /** They are of no store of this library, and were left where they are. */
  readonly unreadable: number
}

/**
 * Copies page by page, each entry for itself: see `StateStore.copy`.
 *
 * @since 0.1.0
 * @category copying
 */
export const copy = (from: Backend, to: Backend): Effect.Effect<Copied, StoreError> =>
  Effect.contextWithEffect((caller) => run(from.within?.(caller) ?? from, to.within?.(caller) ?? to))

const run = (from: Backend, to: Backend): Effect.Effect<Copied, StoreError> =>
  Effect.gen(function* () {
    if (to.capabilities.placementOf !== undefined) {
      return yield* new Unsupported({
        operation: "copy",
        backend: to.name,
        reason: "a key alone does not tell its bucket"
      })
    }
    const total = { copied: 0, kept: 0, unreadable: 0 }
    const limit = Math.min(pageLimit, to.capabilities.batchCommitsMax)
    for (let after: string | undefined; ; ) {
      const options = { after, limit, reverse: false, select: "entry" } as const
      const { items, more } = yield* Effect.mapError(from.scan(everything, options), errorOf(from))
      const stored = items.filter(isOfStore)
      if (stored.some((item) => bytesOf(item) > to.capabilities.valueBytesMax)) return yield* tooLarge(to)
      for (const outcome of yield* Effect.flatMap(to.commit(stored.map(install)), settle)) {
        if (outcome._tag === "Fault") return yield* errorOf(to)(outcome)
        if (outcome._tag === "Committed" && outcome.results[0] === true) total.copied++
        else total.kept++
      }
      total.unreadable += items.length - stored.length
      after = items.at(-1)?.key
      if (!more) return total
    }
  })

/** How many entries are on their way at a time. */
const pageLimit = 100

/** No key is as long as its end. */
const everything: FullRange = {
  start: "",
  end: "\u{10ffff}".repeat(fullKeyBytesMax / 4 + 1),
  placement: undefined
}

/** The text of every full key has a colon. */
const isOfStore = (item: Stored | Unreadable): item is Stored => item._tag === "Stored" && item.key.includes(":")

const install = (entry: Stored): Commit => ({
  checks: [],
  mutations: [{ _tag: "Install", key: Namespace.fullKeyOf(entry.key), entry }]
})

const bytesOf = ({ payload = "" }: Stored): number =>
  typeof payload === "string" ? Utf8.byteLength(payload) : payload.length

const tooLarge = ({ capabilities, name }: Backend) =>
  new StoreFailure({
    operation: "copy",
    backend: name,
    reason: `a value has more than the ${capabilities.valueBytesMax} bytes that it takes`,
    outcome: "not-applied"
  })

const errorOf = (backend: Backend) => (fault: Fault) => View.storeError({ backend }, "copy", fault)
