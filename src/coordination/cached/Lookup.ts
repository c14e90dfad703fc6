/**
 * One lookup: by whoever gets the lease of the key, while all others wait for the result to appear in the store.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { InvalidOption, type InvalidTtl, type ReadError, type WriteError } from "../../store/StateError.ts"
import * as Ttl from "../../store/Ttl.ts"
import type { Version } from "../../store/Version.ts"
import type { CachedEntries, Lifetime, Snapshot } from "./Entries.ts"

/**
 * A cache's times in milliseconds; infinite where they never end.
 *
 * @since 0.1.0
 * @category models
 */
export interface Times {
  readonly ttlJitter: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly softTimeoutMs: number | undefined
  readonly hardTimeoutMs: number
  readonly leaseMs: number
}

/**
 * Checks the times that were asked for.
 *
 * @since 0.1.0
 * @category constructors
 */
export const times = (options: {
  readonly ttlJitter?: number | undefined
  readonly staleWhileRevalidate?: Duration.DurationInput | undefined
  readonly staleIfError?: Duration.DurationInput | undefined
  readonly softTimeout?: Duration.DurationInput | undefined
  readonly hardTimeout?: Duration.DurationInput | undefined
  readonly lease?: Duration.DurationInput | undefined
}): Either.Either<Times, InvalidOption | InvalidTtl> =>
  Either.gen(function* () {
    const { ttlJitter = 0 } = options
    if (!(ttlJitter >= 0 && ttlJitter <= 1)) {
      return yield* Either.left(
        new InvalidOption({ option: "ttlJitter", reason: `expected a number from 0 to 1, got ${ttlJitter}` })
      )
    }
    return {
      ttlJitter,
      staleWhileRevalidateMs: yield* msOf(options.staleWhileRevalidate ?? 0),
      staleIfErrorMs: yield* msOf(options.staleIfError ?? 0),
      softTimeoutMs: options.softTimeout === undefined ? undefined : yield* msOf(options.softTimeout),
      hardTimeoutMs: (yield* Ttl.decode(options.hardTimeout ?? "1 minute")) ?? Number.POSITIVE_INFINITY,
      leaseMs: (yield* Ttl.decode(options.lease ?? "10 seconds")) ?? Number.POSITIVE_INFINITY
    }
  })

/**
 * What is to be looked up.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request<A, E, R> {
  readonly key: string
  readonly tags: ReadonlyArray<string>
  readonly lookup: Effect.Effect<A, E, R>
  /** Is told the lease before the lookup begins. */
  readonly onLease: (lease: Version) => void
}

/**
 * Looks up, or waits for another process that does. `seen` is what there was before: only what is newer is a result.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(cache: {
  readonly entries: CachedEntries<A, E>
  readonly times: Times
  readonly ttl: Duration.DurationInput | ((value: A) => Duration.DurationInput)
  readonly failureTtl: Duration.DurationInput | ((error: E) => Duration.DurationInput) | undefined
  /** They are counted here. */
  readonly stats: { lookups: number; failures: number }
}) => {
  const { entries, failureTtl, stats, times, ttl } = cache

  /** Writes a value, or forgets what it replaces if it is not to be kept; the lease ends with that. */
  const save = (key: string, lease: Version, value: A, tags: Snapshot<A, E>["tags"]) =>
    Effect.gen(function* () {
      const ttlMs = yield* msOf(typeof ttl === "function" ? ttl(value) : ttl)
      if (ttlMs === 0) return yield* entries.forget(key, lease)
      const lifetime = lifetimeOf(times, ttlMs, yield* Random.next)
      return yield* entries.save(key, lease, value, lifetime, tags)
    })

  /** Writes a failure, if it is to be kept, and tells whether the lease has ended with that. */
  const saveFailure = (key: string, lease: Version, error: E, tags: Snapshot<A, E>["tags"]) =>
    Effect.gen(function* () {
      if (failureTtl === undefined) return false
      const ttlMs = yield* msOf(typeof failureTtl === "function" ? failureTtl(error) : failureTtl)
      if (ttlMs === 0) return false
      yield* entries.saveFailure(key, lease, error, ttlMs, tags)
      return true
    })

  /** Renews a lease for as long as it runs, or until it is lost; it never ends by itself. */
  const renewing = (key: string, lease: Version): Effect.Effect<never> =>
    Effect.sleep(times.leaseMs / 3).pipe(
      Effect.zipRight(entries.renew(key, lease, times.leaseMs)),
      Effect.catchAll((error) => Effect.as(Effect.logDebug("A lease could not be renewed", error), true)),
      Effect.flatMap((held) => (held ? renewing(key, lease) : Effect.never))
    )

  const release = (key: string, { hasEnded, version }: Lease) =>
    hasEnded
      ? Effect.void
      : Effect.catchAll(entries.release(key, version), (error) =>
          Effect.logDebug("A lease could not be released, and ends by itself", error)
        )

  /** Looks up under a lease. */
  const underLease = <R>({ key, lookup, onLease }: Request<A, E, R>, lease: Lease, seen: Snapshot<A, E>) =>
    Effect.gen(function* () {
      onLease(lease.version)
      stats.lookups++
      const exit = yield* Effect.exit(Effect.raceFirst(lookup, renewing(key, lease.version)))
      if (Exit.isSuccess(exit)) {
        yield* save(key, lease.version, exit.value, seen.tags)
        lease.hasEnded = true
        return exit.value
      }
      stats.failures++
      const error = Cause.failureOption(exit.cause)
      if (Option.isSome(error)) lease.hasEnded = yield* saveFailure(key, lease.version, error.value, seen.tags)
      return yield* exit
    })

  return <R>(request: Request<A, E, R>, first: Snapshot<A, E>): Effect.Effect<A, E | ReadError | WriteError, R> => {
    const { key, tags } = request

    const lookAgain = (attempt: number) =>
      Effect.flatMap(entries.read(key, tags), (seen) => {
        const isNew = seen.valueVersion !== first.valueVersion
        if (Option.isSome(seen.value) && seen.freshness === "fresh" && isNew) return Effect.succeed(seen.value.value)
        if (Option.isSome(seen.failure) && seen.failureVersion !== first.failureVersion) {
          return Effect.fail(seen.failure.value)
        }
        return go(seen, attempt)
      })

    const go = (seen: Snapshot<A, E>, attempt: number): Effect.Effect<A, E | ReadError | WriteError, R> =>
      seen.lease !== undefined
        ? Effect.zipRight(pause(attempt), lookAgain(attempt + 1))
        : Effect.acquireUseRelease(
            Effect.map(entries.acquire(key, seen, times.leaseMs), Option.map(leaseOf)),
            (lease) => Effect.transposeOption(Option.map(lease, (lease) => underLease(request, lease, seen))),
            (lease) => (Option.isSome(lease) ? release(key, lease.value) : Effect.void)
          ).pipe(Effect.flatMap(Option.match({ onSome: Effect.succeed, onNone: () => lookAgain(attempt) })))

    return go(first, 1)
  }
}

/** A lease that this process took; it ends with what is written, or is to be released. */
interface Lease {
  readonly version: Version
  hasEnded: boolean
}

const leaseOf = (version: Version): Lease => ({ version, hasEnded: false })

/**
 * How long a value lives that is fresh for so long, a random part of it from 0 to 1 taken off.
 *
 * @since 0.1.0
 * @category arithmetic
 */
export const lifetimeOf = (
  { staleIfErrorMs, staleWhileRevalidateMs, ttlJitter }: Times,
  ttlMs: number,
  random: number
): Lifetime => {
  const freshMs = Number.isFinite(ttlMs) ? Math.max(1, Math.ceil(ttlMs * (1 - ttlJitter * random))) : ttlMs
  return { freshMs, whileRevalidateMs: freshMs + staleWhileRevalidateMs, ifErrorMs: freshMs + staleIfErrorMs }
}

/** Milliseconds, zero allowed; infinite is for ever. */
const msOf = (input: Duration.DurationInput): Either.Either<number, InvalidTtl> =>
  Option.exists(Duration.decodeUnknown(input), Duration.isZero)
    ? Either.right(0)
    : Either.map(Ttl.decode(input), (ms) => ms ?? Number.POSITIVE_INFINITY)

/** Those who wait look often at first, then less often, and not all at once. */
const pause = (attempt: number): Effect.Effect<void> =>
  Effect.flatMap(Random.next, (random) =>
    Effect.sleep(Duration.millis((0.5 + random / 2) * Math.min(500, 25 * 2 ** Math.min(attempt - 1, 10))))
  )
