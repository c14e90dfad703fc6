/**
 * What a collection is made of, and what it can do.
 *
 * @since 0.1.0
 */
import type { DurationInput } from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Lock from "../../coordination/lock/Lock.ts"
import type * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import type { KeyRange } from "../../store/KeyRange.ts"
import type * as Modification from "../../store/Modification.ts"
import type * as Namespace from "../../store/Namespace.ts"
import type { Item, OnInvalid, Page, PageOptions } from "../../store/Reads.ts"
import type { EncodeError, InvalidKey, ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import type { SetOptions } from "../../store/Writes.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<A, I, R, K = string, RK = never> extends Namespace.Options {
  /** What the values are. */
  readonly schema: Schema.Schema<A, I, R>
  /** What the ids are, as the text of a key. Default: text. */
  readonly key?: Schema.Schema<K, string, RK> | undefined
  /** The segment of the namespace. Default: the collection's id. */
  readonly namespace?: string | undefined
}

/**
 * Entries of one type. What is stored is what the schema encodes; what comes back was decoded by it, and a stored value
 * that it refuses is a `DecodeError` with the key and the schema's issue.
 *
 * @since 0.1.0
 * @category models
 */
export interface Collection<A, K = string> {
  /** The entry of an id. */
  readonly get: (id: K) => Effect.Effect<Option.Option<Entry<A, K>>, ReadError>
  /** The entries of some ids, in their order. `onInvalid` defaults to `"fail"`. */
  readonly getMany: <Invalid extends OnInvalid = "fail">(
    ids: ReadonlyArray<K>,
    options?: { readonly onInvalid?: Invalid | undefined }
  ) => Effect.Effect<ReadonlyArray<Item<Option.Option<Entry<A, K>>, Invalid>>, ReadError>
  /** Whether there is an entry. */
  readonly exists: (id: K) => Effect.Effect<boolean, ReadError>
  /** Writes a value; with `ifVersion` only if its entry is at that version, or absent. */
  readonly set: {
    (
      id: K,
      value: A,
      options?: Atomic.WriteOptions & { readonly ifVersion?: undefined }
    ): Effect.Effect<Version, WriteError>
    (id: K, value: A, options: SetOptions): Effect.Effect<Version, WriteError | VersionConflict>
  }
  /** The value of an id or, where there is none, the one that is made and written now; two callers get the same. */
  readonly getOrCreate: <E, R>(
    id: K,
    make: Effect.Effect<A, E, R>,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<A, E | ReadError | WriteError | VersionConflict, R>
  /** Changes a value by a function, atomically, and gives the new one; nothing where there is none. The deadline stays. */
  readonly update: (
    id: K,
    f: (current: A) => A,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<Option.Option<A>, ReadError | WriteError | VersionConflict>
  /** {@link Collection.update} of some properties: those not named stay as they are, also when another patch changes them. */
  readonly patch: (
    id: K,
    properties: Partial<A>,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<Option.Option<A>, ReadError | WriteError | VersionConflict>
  /** Shows the current value to a function, and does what it decides: see `StateStore`'s `modify`. */
  readonly modify: <B, E, R>(
    id: K,
    f: (current: Option.Option<Entry<A, K>>) => Effect.Effect<readonly [B, Modification.Modification<A>], E, R>
  ) => Effect.Effect<B, E | ReadError | WriteError | VersionConflict, R>
  /**
   * Locks an entry, shows it to a function, and does what it decides: as `modify`, for a function that takes long or must not
   * run twice. It waits up to 10 seconds for the lock unless told otherwise, and never reruns: a writer who did not
   * take the lock is a `VersionConflict`.
   */
  readonly withEntry: (
    id: K,
    options?: Lock.Options
  ) => <B, E, R>(
    f: (
      current: Option.Option<Entry<A, K>>,
      lease: Lock.Lease
    ) => Effect.Effect<readonly [B, Modification.Modification<A>], E, R>
  ) => Effect.Effect<B, E | Lock.AcquireError | Lock.LockLost | VersionConflict, R>
  /** Removes an entry, and tells whether there was one. */
  readonly delete: (id: K) => Effect.Effect<boolean, WriteError>
  /** Sets how long an entry lives from now, and tells whether there is one. */
  readonly expire: (id: K, ttl: DurationInput, options?: Atomic.ExpireOptions) => Effect.Effect<boolean, WriteError>
  /** Some entries, in the order of their keys. */
  readonly list: <Invalid extends OnInvalid = "fail">(
    options?: PageOptions<Invalid> & { readonly range?: KeyRange | undefined }
  ) => Effect.Effect<Page<Item<Entry<A, K>, Invalid>>, ReadError>
  /** All entries, or those of a range, read page by page. */
  readonly stream: <Invalid extends OnInvalid = "fail">(
    options?: Omit<PageOptions<Invalid>, "limit"> & { readonly range?: KeyRange | undefined }
  ) => Stream.Stream<Item<Entry<A, K>, Invalid>, ReadError>
  /** How many entries there are. */
  readonly count: Effect.Effect<number, ReadError>
  /** Removes all entries, batch by batch, and gives their number. */
  readonly clear: Effect.Effect<number, ReadError | WriteError>
  /** Writing a value, as a step of a commit. */
  readonly put: (
    id: K,
    value: A,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<Atomic.Steps, EncodeError | InvalidKey>
  /** The namespace that the collection lies in, undecoded. */
  readonly store: StateStore.Service
}
