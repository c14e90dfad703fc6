/**
 * Results of expensive calls, kept in the store and shared: by all fibers of a process, and by all processes.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as SchemaCodec from "../../state/SchemaCodec.ts"
import type { InvalidOption, InvalidTtl, ReadError, WriteError } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import * as CachedEntries from "./Entries.ts"
import * as CachedFlights from "./Flights.ts"
import * as CachedLookup from "./Lookup.ts"

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
  /** How long a result is fresh; zero means that it is not kept. */
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
}

/**
 * A lookup took too long, or the process that it waited for did.
 *
 * @since 0.1.0
 * @category errors
 */
export class LookupTimeout extends Schema.TaggedError<LookupTimeout>("effect-state/LookupTimeout")("LookupTimeout", {
  cache: Schema.String,
  key: Schema.String,
  timeoutMs: Schema.Number
}) {
  get isRetryable(): boolean {
    return true
  }
  override get message(): string {
    return `A lookup of the cache ${this.cache} took longer than ${this.timeoutMs} ms`
  }
}

/**
 * What can go wrong besides the lookup.
 *
 * @since 0.1.0
 * @category errors
 */
export type CachedError = LookupTimeout | ReadError | WriteError

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

/**
 * A cache in a store; the services of its lookup and its schemas are taken from the context. Options that make no sense
 * are an `InvalidOption` or an `InvalidTtl`. Lookups under way are interrupted when the scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <K, A, I, E, R, RS, IE = never, RE = never>(
  id: string,
  options: Options<K, A, I, E, R, RS, IE, RE>
): Effect.Effect<Cached<K, A, E>, InvalidOption | InvalidTtl, StateStore.StateStore | R | RS | RE | Scope.Scope> =>
  Effect.gen(function* () {
    const store = yield* StateStore.StateStore
    const times = yield* CachedLookup.times(options)
    const entries = CachedEntries.make<A, E>(store, options.namespace ?? id, {
      values: yield* SchemaCodec.make(options.schema),
      failures: options.failure && (yield* SchemaCodec.make(options.failure.schema)),
      revalidates: times.staleWhileRevalidateMs > 0,
      secretKeys: options.secretKeys
    })
    const stats = { hits: 0, misses: 0, stale: 0, lookups: 0, failures: 0 }
    const lookUp = CachedLookup.make({ entries, failureTtl: options.failure?.ttl, stats, times, ttl: options.ttl })
    const flights = yield* CachedFlights.make<A, E | CachedError, R>()

    const read = (key: K) =>
      Effect.suspend(() => {
        const text = options.key(key)
        const tags = options.tags?.(key) ?? []
        const leaseBefore = flights.get(text)?.lease
        return Effect.map(entries.read(text, tags), (seen) => ({ leaseBefore, seen, tags, text }))
      })

    type Look = Effect.Effect.Success<ReturnType<typeof read>>

    const underWay = ({ leaseBefore, seen, text }: Look) => {
      const flight = flights.get(text)
      return flight !== undefined && CachedFlights.canJoin(flight, leaseBefore, seen) ? flight : undefined
    }

    const start = (key: K, { seen, tags, text }: Look) =>
      flights.start(text, seen.tags, (flight) =>
        lookUp(
          {
            key: text,
            tags,
            lookup: Effect.suspend(() => options.lookup(key)),
            onLease: (lease) => {
              flight.lease = lease
            }
          },
          seen
        ).pipe(
          // What does not let itself be interrupted ends on its own time.
          Effect.disconnect,
          Effect.timeoutFail({
            duration: times.hardTimeoutMs,
            onTimeout: () => new LookupTimeout({ cache: id, key: entries.label(text), timeoutMs: times.hardTimeoutMs })
          }),
          Effect.tapErrorCause((cause) =>
            flight.background
              ? Effect.logDebug(`A lookup of the cache ${id} in the background failed`, cause)
              : Effect.void
          )
        )
      )

    const serveStale = (value: A) =>
      Effect.sync(() => {
        stats.stale++
        return value
      })

    /** Waits for a lookup, but not in vain where there is a stale value. */
    const await_ = (key: K, look: Look): Effect.Effect<A, E | CachedError> => {
      const flight = underWay(look) ?? start(key, look)
      const { value } = look.seen
      if (Option.isNone(value)) return flights.join(flight)
      const stale = serveStale(value.value)
      flight.background = true
      const joined = Effect.catchAll(flights.join(flight), () => stale)
      return times.softTimeoutMs === undefined
        ? joined
        : Effect.flatMap(
            Effect.timeoutOption(joined, times.softTimeoutMs),
            Option.match({ onNone: () => stale, onSome: Effect.succeed })
          )
    }

    const answer = (key: K, look: Look): Effect.Effect<A, E | CachedError> => {
      const { failure, freshness, lease, value } = look.seen
      if (Option.isSome(value) && freshness === "fresh") {
        stats.hits++
        return Effect.succeed(value.value)
      }
      if (Option.isSome(failure)) {
        if (Option.isSome(value)) return serveStale(value.value)
        stats.hits++
        return Effect.fail(failure.value)
      }
      if (Option.isSome(value) && freshness === "whileRevalidate") {
        if (lease === undefined && underWay(look) === undefined) start(key, look).background = true
        return serveStale(value.value)
      }
      stats.misses++
      return await_(key, look)
    }

    const self: Cached<K, A, E> = {
      get: (key) => Effect.flatMap(read(key), (look) => answer(key, look)),
      refresh: (key) => Effect.flatMap(read(key), (look) => flights.join(underWay(look) ?? start(key, look))),
      invalidate: (key) =>
        Effect.suspend(() => {
          const text = options.key(key)
          flights.detach(text)
          // Once more: nobody may join what began before it was done.
          return Effect.zipRight(
            entries.invalidate(text),
            Effect.sync(() => flights.detach(text))
          )
        }),
      invalidateTag: entries.invalidateTag,
      clear: Effect.zipRight(
        entries.clear,
        Effect.sync(() => flights.detach())
      ),
      stats: Effect.sync(() => ({ ...stats }))
    }
    return self
  })

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string, K, A, E, R> extends Context.TagClass<Self, Id, Cached<K, A, E>> {
  readonly layer: Layer.Layer<Self, InvalidOption | InvalidTtl, StateStore.StateStore | R>
}

/**
 * A class that is a cache's tag, with its layer.
 *
 * ```ts
 * import { Cached, MemoryStore } from "effect-state"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const Weather = Schema.Struct({ city: Schema.String, celsius: Schema.Number })
 *
 * class Forecasts extends Cached.Tag<Forecasts>()("Forecasts", {
 *   schema: Weather,
 *   key: (city: string) => city,
 *   lookup: (city) => Effect.succeed({ city, celsius: 21 }), // an expensive call
 *   ttl: "10 minutes",
 *   staleWhileRevalidate: "1 hour",
 *   tags: () => ["weather"]
 * }) {}
 *
 * const program = Effect.gen(function* () {
 *   const forecasts = yield* Forecasts
 *   yield* forecasts.get("London")
 *   yield* forecasts.invalidateTag("weather")
 *   return yield* forecasts.get("London")
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Forecasts.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <const Id extends string, K, A, I, E, R, RS, IE = never, RE = never>(
    id: Id,
    options: Options<K, A, I, E, R, RS, IE, RE>
  ): TagClass<Self, Id, K, A, E, Exclude<R | RS | RE, Scope.Scope>> => {
    const base = Context.Tag(id)<Self, Cached<K, A, E>>()
    return Object.assign(base, { layer: Layer.scoped(base, make(id, options)) })
  }
