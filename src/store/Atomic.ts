/**
 * Checks and changes that happen together or not at all.
 *
 * @since 0.1.0
 */
import type { DurationInput } from "effect/Duration"
import { type Pipeable, pipeArguments } from "effect/Pipeable"
import type { FullKey } from "./Key.ts"
import type { NotInteger, VersionConflict } from "./StateError.ts"
import type { Version } from "./Version.ts"

/**
 * A key in the service that commits, or a full key of any namespace of its store.
 *
 * @since 0.1.0
 * @category models
 */
export type AtomicKey = string | FullKey

/**
 * @since 0.1.0
 * @category models
 */
export interface ExpireOptions {
  /** The entry ends no later than this, milliseconds since the epoch by the store's clock. */
  readonly notAfterMs?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WriteOptions extends ExpireOptions {
  /**
   * How long the entry lives. `"keep"` keeps the deadline that is there. Default: the namespace's time to live, or for
   * ever, and an old deadline is cleared.
   */
  readonly ttl?: DurationInput | "keep" | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export type Step =
  | { readonly _tag: "Check"; readonly key: AtomicKey; readonly version: Version | "absent" }
  | { readonly _tag: "Set"; readonly key: AtomicKey; readonly value: unknown; readonly options: WriteOptions }
  | { readonly _tag: "Append"; readonly key: AtomicKey; readonly value: unknown; readonly options: WriteOptions }
  | { readonly _tag: "Add"; readonly key: AtomicKey; readonly delta: number }
  | { readonly _tag: "Expire"; readonly key: AtomicKey; readonly ttl: DurationInput; readonly options: ExpireOptions }
  | { readonly _tag: "Persist"; readonly key: AtomicKey }
  | { readonly _tag: "Delete"; readonly key: AtomicKey }

/**
 * How a commit may be refused, whatever it is made of: by its checks, and by its adds.
 *
 * @since 0.1.0
 * @category models
 */
export type Refusal = VersionConflict | NotInteger

/**
 * A commit in the making. All checks are made before the first change; the changes then apply in the order in which they
 * were added, so that of two to one key the later wins. `E` is how its steps may refuse: one without checks and adds never
 * does.
 *
 * @since 0.1.0
 * @category models
 */
export interface Atomic<out E extends Refusal = Refusal> extends Pipeable {
  readonly steps: ReadonlyArray<Step>
  /** Only a type: there is no such property. */
  readonly "~refusal"?: E | undefined
}

/**
 * What adds steps to a commit; `E` is how they may refuse.
 *
 * @since 0.1.0
 * @category models
 */
export type Steps<E extends Refusal = never> = <E0 extends Refusal>(self: Atomic<E0>) => Atomic<E0 | E>

const fromSteps = (steps: ReadonlyArray<Step>): Atomic<never> => ({
  steps,
  pipe() {
    // biome-ignore lint/complexity/noArguments: this is how Pipeable is implemented
    return pipeArguments(this, arguments)
  }
})

const refusing =
  <E extends Refusal>(step: Step): Steps<E> =>
  (self) =>
    fromSteps([...self.steps, step])

const add_ = (step: Step): Steps => refusing<never>(step)

/**
 * A commit of nothing yet. What gathers steps in a loop starts as an `Atomic.Atomic`, of which any step may be part.
 *
 * ```ts
 * import { Atomic, MemoryStore, StateStore } from "effect-state"
 * import { Effect } from "effect"
 *
 * const transfer = Effect.gen(function* () {
 *   const store = yield* StateStore.StateStore
 *   return yield* store.commit(Atomic.make.pipe(Atomic.add("alice", -10), Atomic.add("bob", 10)))
 * })
 *
 * await Effect.runPromise(transfer.pipe(Effect.provide(MemoryStore.layer())))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Atomic<never> = fromSteps([])

/**
 * Demands that a key is at a version, or absent; else the commit fails with a `VersionConflict` and changes nothing.
 *
 * @since 0.1.0
 * @category steps
 */
export const check = (key: AtomicKey, version: Version | "absent") =>
  refusing<VersionConflict>({ _tag: "Check", key, version })

/**
 * The proof that a lock was acquired: its entry, and the version that the entry has had since. A `Lease` is one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Fence {
  readonly lock: FullKey
  readonly token: Version
}

/**
 * Demands that this very lease is still held, and not expired by the store's own clock; else the commit fails with a
 * `VersionConflict` and changes nothing. The check is made where the changes are, so that a holder who was paused beyond his
 * lease can't write behind the back of the next one.
 *
 * @since 0.1.0
 * @category steps
 */
export const fencedBy = ({ lock, token }: Fence) => check(lock, token)

/**
 * Writes a value, as `set` does.
 *
 * @since 0.1.0
 * @category steps
 */
export const set = (key: AtomicKey, value: unknown, options: WriteOptions = {}) =>
  add_({ _tag: "Set", key, value, options })

/**
 * Writes a value under a key that nobody else can have: the given one with the commit's version appended, in 16 digits.
 * Keys that were appended to the same start lie in the order of their versions; {@link stamped} tells such a key. Where a store
 * has several parts, it must lie where its start does, or it is `Unsupported`: in a namespace with a `placement`.
 *
 * @since 0.1.0
 * @category steps
 */
export const append = (key: AtomicKey, value: unknown, options: WriteOptions = {}) =>
  add_({ _tag: "Append", key, value, options })

/**
 * Adds to a counter, as `add` does; its sum is among the commit's results.
 *
 * @since 0.1.0
 * @category steps
 */
export const add = (key: AtomicKey, delta: number) => refusing<NotInteger>({ _tag: "Add", key, delta })

/**
 * Sets the deadline of a live entry, as `expire` does.
 *
 * @since 0.1.0
 * @category steps
 */
export const expire = (key: AtomicKey, ttl: DurationInput, options: ExpireOptions = {}) =>
  add_({ _tag: "Expire", key, ttl, options })

/**
 * Lets a live entry live for ever, as `persist` does.
 *
 * @since 0.1.0
 * @category steps
 */
export const persist = (key: AtomicKey) => add_({ _tag: "Persist", key })

const delete_ = (key: AtomicKey) => add_({ _tag: "Delete", key })

export {
  /**
   * Removes an entry.
   *
   * @since 0.1.0
   * @category steps
   */
  delete_ as delete
}

/**
 * The key that `append` made of a start and its commit's version.
 *
 * @since 0.1.0
 * @category stamps
 */
export const stamped = (key: string, version: Version): string => key + String(version).padStart(stampLength, "0")

/**
 * The version that `append` put at the end of a key. It stays when the entry is written anew, which gives that another version.
 *
 * @since 0.1.0
 * @category stamps
 */
export const stampOf = (key: string): Version => Number(key.slice(-stampLength)) as Version // What append put there.

/**
 * How many characters `append` adds to a key.
 *
 * @since 0.1.0
 * @category stamps
 */
export const stampLength = 16
