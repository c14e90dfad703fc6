/**
 * What a cache is asked for, and what it can do.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Schema from "effect/Schema"
import type { Codec } from "../../store/Codec.ts"
import type { ReadError, WriteError } from "../../store/StateError.ts"
import type { CachedError } from "./CachedError.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<K, A, I, E, R, RS, IE = never, RE = never> {
  /** What the results are. A stored one that the schema refuses counts as absent. */
  readonly schema: Schema.Schema<A, I, RS>
  /** The text of a key, of 1,022 UTF-8 bytes at most: equal for equal keys, and for no others. */
  readonly key: (key: K) => string
  /** What is expensive. It should bear to be interrupted. */
  readonly lookup: (key: K) => Effect.Effect<A, E, R>
  /** How long a result is fresh; zero means that it is not kept, nor is the one that it replaces. */
  readonly ttl: Duration.DurationInput | ((value: A) => Duration.DurationInput)
  /**
   * The part, from 0 to 1, of the time to live that is taken off at random, so that what was looked up at once does not
   * expire at once. Default 0.
   */
  readonly ttlJitter?: number | undefined
  /** How long a result that is no longer fresh is served at once, while it is looked up again. Default: not at all. */
  readonly staleWhileRevalidate?: Duration.DurationInput | undefined
  /** How long a result that is no longer fresh is served if its lookup fails, or is slow. Default: not at all. */
  readonly staleIfError?: Duration.DurationInput | undefined
  /** How long a caller waits before it is served a stale result, if there is one; the lookup goes on. */
  readonly softTimeout?: Duration.DurationInput | undefined
  /** How long a lookup may take, the wait for another process's included: then it is a `LookupTimeout`. Default 1 minute. */
  readonly hardTimeout?: Duration.DurationInput | undefined
  /**
   * Failures of the lookup that are remembered, so that it is not tried again at once. Default: none is. (A result that
   * says "there is none" is a value: `ttl` can give it a time of its own.)
   */
  readonly failure?:
    | {
        readonly schema: Schema.Schema<E, IE, RE>
        /** Zero means that this one is not remembered. */
        readonly ttl: Duration.DurationInput | ((error: E) => Duration.DurationInput)
      }
    | undefined
  /** The tags of a key's result, by which `invalidateTag` finds it. */
  readonly tags?: ((key: K) => ReadonlyArray<string>) | undefined
  /**
   * How long a process that looks up and dies keeps others from it. While it lives, it renews. Default 10 seconds.
   */
  readonly lease?: Duration.DurationInput | undefined
  /** The segment of the namespace. Default: the cache's id. */
  readonly namespace?: string | undefined
  /** Keys are secrets: errors show a hash instead. Default: the store's. */
  readonly secretKeys?: boolean | undefined
  /** How results are stored: see `Codec`. Default: as the store says. */
  readonly codec?: Codec | undefined
}

/**
 * What became of the calls so far, in this process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stats {
  /** Answers that were fresh, remembered failures included. */
  readonly hits: number
  /** Calls that had to wait for a lookup. */
  readonly misses: number
  /** Answers that were stale, also those of calls that had to wait before. */
  readonly stale: number
  /** Lookups that this process began. */
  readonly lookups: number
  /** Those of them that failed, in the background too. */
  readonly failures: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Cached<in K, out A, out E> {
  /**
   * The result of a key: a stored one if it may be served, else that of a lookup, of which there is one at a time in all
   * processes. Interrupting a caller interrupts nobody else; a lookup ends when nobody waits for it any more, unless there
   * is a stale result: then it goes on in the background.
   *
   * A lookup's result whose lease was lost meanwhile (the process was paused, the key invalidated) is given to those who
   * waited for it, and not stored.
   */
  readonly get: (key: K) => Effect.Effect<A, E | CachedError>
  /** Looks up again, or joins the lookup that is under way. Others are served what is there meanwhile. */
  readonly refresh: (key: K) => Effect.Effect<A, E | CachedError>
  /** Forgets the result of a key, and keeps that of a lookup under way from being stored, in any process. */
  readonly invalidate: (key: K) => Effect.Effect<void, WriteError>
  /** Forgets all results that have a tag, likewise. It is one write, however many there are. */
  readonly invalidateTag: (tag: string) => Effect.Effect<void, WriteError>
  /** Forgets all results, batch by batch. */
  readonly clear: Effect.Effect<void, ReadError | WriteError>
  readonly stats: Effect.Effect<Stats>
}
