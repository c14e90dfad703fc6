/**
 * What a backend must implement: a handful of primitives, batch first. Everything that users see is derived from them,
 * once, in `StateStore`.
 *
 * The primitives take what is already checked (keys, ranges, deadlines, payloads, sizes), and answer with data: a conflict
 * is an outcome, an unreadable entry is an item, a lost connection is a `Fault`. Only a bug is a defect.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Stream from "effect/Stream"
import type { Change, Cursor } from "./Change.ts"
import type { FullKey } from "./Key.ts"
import type { FullRange } from "./KeyRange.ts"
import type { WriteOutcome } from "./StateError.ts"
import type { Deadline } from "./Ttl.ts"
import type { Version } from "./Version.ts"

/**
 * An encoded value: JSON text, or the bytes of another codec. A backend keeps the two apart and gives back what it got.
 *
 * @since 0.1.0
 * @category models
 */
export type Payload = string | Uint8Array

/**
 * An entry as it lies in the backend; times are milliseconds since the epoch, by the backend's clock. `payload` is there
 * when it was selected.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored {
  readonly _tag: "Stored"
  /** The full key's text. */
  readonly key: string
  readonly version: Version
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly expiresAtMs: number | undefined
  readonly payload: Payload | undefined
}

/**
 * Something lies under the key that no backend of this kind wrote.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unreadable {
  readonly _tag: "Unreadable"
  /** The full key's text. */
  readonly key: string
  readonly reason: string
}

/**
 * The backend could not do it: `unavailable` may pass, `failure` does not, `unsupported` says it can't. `outcome` tells
 * what became of a write; for reads it is `"not-applied"`. `reason` carries no key, value or secret.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fault {
  readonly _tag: "Fault"
  readonly kind: "unavailable" | "failure" | "unsupported"
  readonly outcome: WriteOutcome
  readonly reason: string
  readonly cause?: unknown
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const fault = (
  kind: Fault["kind"],
  reason: string,
  options: { readonly outcome?: WriteOutcome | undefined; readonly cause?: unknown } = {}
): Fault => ({ _tag: "Fault", kind, outcome: options.outcome ?? "not-applied", reason, cause: options.cause })

/**
 * What is asked of a store that was closed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const closedFault: Fault = fault("unavailable", "it is closed")

/**
 * What reading one key gives; `undefined` means that it is absent.
 *
 * @since 0.1.0
 * @category models
 */
export type ReadResult = Stored | Unreadable | Fault | undefined

/**
 * Which parts of entries are wanted: all but the payload, or all.
 *
 * @since 0.1.0
 * @category models
 */
export type Select = "meta" | "entry"

/**
 * Demands that a key is at this version, or absent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Check {
  readonly key: FullKey
  readonly version: Version | "absent"
}

/**
 * One change of a commit.
 *
 * - `Put` writes a payload. With `stamped`, the commit's version in 16 digits is appended to the key. Result: `true`.
 * - `Add` adds to a counter, a payload that is the JSON text of a safe integer, 0 where absent; the deadline of a live one
 *   is kept. Result: the sum.
 * - `Touch` sets the deadline of a live entry, and nothing else. Result: whether there was one.
 * - `Delete` removes. Result: whether a live entry was there.
 * - `Install` writes an entry as it is, its own version and times included, if the key has no newer live one; without
 *   payload it removes an older one. Result: whether it did. Later versions of the key are greater than the installed one.
 *
 * What is `Unreadable` counts as an entry of no version: `Put` and `Delete` take its place, `Add` finds no integer, a check
 * for absence conflicts, `Touch` is a `Fault` of its commit.
 *
 * @since 0.1.0
 * @category models
 */
export type Mutation =
  | {
      readonly _tag: "Put"
      readonly key: FullKey
      readonly stamped: boolean
      readonly payload: Payload
      readonly deadline: Deadline
    }
  | { readonly _tag: "Add"; readonly key: FullKey; readonly delta: number; readonly deadline: Deadline }
  | { readonly _tag: "Touch"; readonly key: FullKey; readonly deadline: Deadline }
  | { readonly _tag: "Delete"; readonly key: FullKey }
  | { readonly _tag: "Install"; readonly key: FullKey; readonly entry: Omit<Stored, "_tag" | "key"> }

/**
 * Checks and changes that happen together or not at all: all checks first, then the mutations in order, under one new
 * version. It may have checks alone; it draws a version all the same.
 *
 * @since 0.1.0
 * @category models
 */
export interface Commit {
  readonly checks: ReadonlyArray<Check>
  readonly mutations: ReadonlyArray<Mutation>
}

/**
 * What became of a commit. Its version is greater than any that its keys had before; commits of different keys may have
 * the same one, unless they append. Unless it is `Committed`, nothing was changed, but for a `Fault` with an unknown outcome.
 * `results` has an item for each mutation, `atMs` is the backend's time of the commit; the keys are full keys' texts.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome =
  | {
      readonly _tag: "Committed"
      readonly version: Version
      readonly atMs: number
      readonly results: ReadonlyArray<boolean | number>
    }
  | { readonly _tag: "Conflict"; readonly keys: ReadonlyArray<string> }
  | { readonly _tag: "NotInteger"; readonly keys: ReadonlyArray<string> }
  | Fault

/**
 * An outcome that takes longer than those of its batch, as when a lock is waited for. It is under way whether or not
 * somebody waits for it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Later {
  readonly _tag: "Later"
  readonly outcome: Effect.Effect<Outcome>
}

/**
 * Waits for the outcomes of a batch that come later.
 *
 * @since 0.1.0
 * @category running
 */
export const settle = (outcomes: ReadonlyArray<Outcome | Later>): Effect.Effect<ReadonlyArray<Outcome>> =>
  outcomes.some((outcome) => outcome._tag === "Later")
    ? Effect.forEach(outcomes, (outcome) => (outcome._tag === "Later" ? outcome.outcome : Effect.succeed(outcome)))
    : Effect.succeed(outcomes as ReadonlyArray<Outcome>) // None is a Later.

/**
 * A part of a range, in order. `more` tells whether the range may go on behind the last item.
 *
 * @since 0.1.0
 * @category models
 */
export interface Page {
  readonly items: ReadonlyArray<Stored | Unreadable>
  readonly more: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ScanOptions {
  /** A full key's text in the range; the page starts behind it (before it, in reverse). */
  readonly after: string | undefined
  /** How many items at most; a page that has `more` is full. */
  readonly limit: number
  readonly reverse: boolean
  readonly select: Select
}

/**
 * What a backend can do, and how much at once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Capabilities {
  /** Whether it tells of changes: not at all, those of this process, or all of them from any position. */
  readonly changes: "none" | "process" | "resumable"
  /** The part of the store a placement lies in, where only keys of one part can be committed together. */
  readonly placementOf: ((placement: string) => number) | undefined
  /** How calls of one tick are gathered; `undefined` where each is answered at once and gathering could only cost. */
  readonly coalesce:
    | {
        /** The most keys of one `read`; `undefined` where reads are not gathered. */
        readonly readsMax: number | undefined
        /** The most commits of one `commit`. */
        readonly commitsMax: number
        /** The fewest commits that are worth a batch of their own beside another one: a transaction has its price. Default 2. */
        readonly commitsMin?: number | undefined
        /** The most batches under way at once, of reads and of commits each. */
        readonly inFlightMax: number
        /** The same of reads, where it differs. */
        readonly readsInFlightMax?: number | undefined
        /**
         * Whether the backend answers without waiting for anybody else. Then a caller that is alone does not wait for the
         * end of its tick, and all who wait make one batch.
         */
        readonly synchronous?: boolean | undefined
      }
    | undefined
  /** The most keys one `read` takes. */
  readonly batchReadsMax: number
  /** The most commits one `commit` takes. */
  readonly batchCommitsMax: number
  /** The most checks and mutations of one commit, together. */
  readonly commitStepsMax: number
  /** The most bytes a payload may have. */
  readonly valueBytesMax: number
  /** The most bytes the payloads of one commit may have together. Default: `valueBytesMax`. */
  readonly commitBytesMax?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Info {
  /** The backend's clock, in milliseconds since the epoch. */
  readonly nowMs: number
  /** What serves it, with its version. */
  readonly server: string
  /** About how many entries there are, expired ones not yet swept included. */
  readonly entriesApprox: number
  /** About how many bytes it takes up, where that is known: a file, a table with its indexes, the memory of a whole server. */
  readonly bytesApprox?: number | undefined
}

/**
 * Whether what is sent goes out at once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Gate {
  readonly isOpen: () => boolean
  /** Tells once when it is open, or a fault if that takes too long. */
  readonly wait: (done: (fault: Fault | undefined) => void) => void
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Backend {
  /** As errors, logs and metrics show it. */
  readonly name: string
  readonly capabilities: Capabilities
  /**
   * The backend inside the transaction that the caller has open on the app's own connection, where the backend was made
   * from one; `undefined` where the caller has none.
   */
  readonly within?: ((caller: Context.Context<never>) => Backend | undefined) | undefined
  /** Reads keys, each for itself, at once: an item for each key, in order. It never fails as a whole. */
  readonly read: (keys: ReadonlyArray<FullKey>, select: Select) => Effect.Effect<ReadonlyArray<ReadResult>>
  /**
   * Applies commits, each atomic and independent of the others, in one round trip: an outcome for each, in order. Commits
   * that touch the same key apply in the given order.
   */
  readonly commit: (batch: ReadonlyArray<Commit>) => Effect.Effect<ReadonlyArray<Outcome | Later>>
  /**
   * Single reads and commits from a backend whose state is at hand: the answer itself, which costs no Effect, or `"later"`
   * where it can't be had at once, and nothing was done. Whoever wraps a backend wraps this too, or leaves it out.
   */
  readonly now?:
    | {
        readonly read: (key: FullKey, select: Select) => ReadResult | "later"
        readonly commit: (commit: Commit) => Outcome | "later"
      }
    | undefined
  /**
   * `read` and `commit` of a backend whose driver answers by callback, which saves the batches of gathered calls a fiber.
   * `done` is called once, whatever comes; what is thrown instead is a defect of every call of the batch. Whoever wraps a
   * backend wraps this too, or leaves it out.
   */
  readonly send?:
    | {
        readonly read: (
          keys: ReadonlyArray<FullKey>,
          select: Select,
          done: (results: Exit.Exit<ReadonlyArray<ReadResult>>) => void
        ) => void
        readonly commit: (
          batch: ReadonlyArray<Commit>,
          done: (outcomes: Exit.Exit<ReadonlyArray<Outcome | Later>>) => void
        ) => void
      }
    | undefined
  /** Where a backend can't send at times: calls are kept before it while it is shut, where they can still be taken back. */
  readonly gate?: Gate | undefined
  /**
   * A page of a range. An entry that a commit moves meanwhile, to another key in its part of the store, is missing under
   * both of them only if the page does not reach as far.
   */
  readonly scan: (range: FullRange, options: ScanOptions) => Effect.Effect<Page, Fault>
  /** The number of live entries. */
  readonly count: (range: FullRange) => Effect.Effect<number, Fault>
  readonly changes?:
    | ((range: FullRange, from: Cursor | undefined) => Stream.Stream<ReadonlyArray<Change>, Fault>)
    | undefined
  /** Removes expired entries, at most so many, in one step that holds nothing up. `more` asks to be called again soon. */
  readonly sweep: (entriesMax: number) => Effect.Effect<{ readonly removed: number; readonly more: boolean }, Fault>
  readonly info: Effect.Effect<Info, Fault>
}
