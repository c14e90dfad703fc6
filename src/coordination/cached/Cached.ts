/**
 * Results of expensive calls, kept in the store and shared: by all fibers of a process, and by all processes.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as SchemaCodec from "../../state/SchemaCodec.ts"
import type { InvalidOption, InvalidTtl } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import { type CachedError, LookupTimeout } from "./CachedError.ts"
import * as CachedEntries from "./Entries.ts"
import * as CachedFlights from "./Flights.ts"
import * as CachedLookup from "./Lookup.ts"
import type { Cached, Options } from "./Model.ts"

export { type CachedError, LookupTimeout } from "./CachedError.ts"
export type { Cached, Options, Stats } from "./Model.ts"

/**
 * A cache in a store; the services of its lookup and its schemas are taken from the context. Options that make no sense
 * are an `InvalidOption` or an `InvalidTtl`. Lookups under way are interrupted when the scope closes, which waits for their end for
 * 10 seconds at most; and so is whoever asks for one after that.
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
      codec: options.codec,
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
          flights.apart,
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

    const join = (key: K, look: Look, background = false) =>
      flights.join(() => {
        const flight = underWay(look) ?? start(key, look)
        if (background) flight.background = true
        return flight
      })

    const serveStale = (value: A) =>
      Effect.sync(() => {
        stats.stale++
        return value
      })

    /** Waits for a lookup, but not in vain where there is a stale value. */
    const await_ = (key: K, look: Look): Effect.Effect<A, E | CachedError> => {
      const { value } = look.seen
      if (Option.isNone(value)) return join(key, look)
      const stale = serveStale(value.value)
      const joined = Effect.catchAll(join(key, look, true), () => stale)
      return times.softTimeoutMs === undefined
        ? joined
        : Effect.flatMap(
            Effect.timeoutOption(Effect.interruptible(joined), times.softTimeoutMs),
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
      refresh: (key) => Effect.flatMap(read(key), (look) => join(key, look)),
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
