/**
 * How a lock is come by, and given back.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { hasProperty } from "effect/Predicate"
import * as Random from "effect/Random"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import type { FullKey } from "../../store/Key.ts"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import type { Committed } from "../../store/Writes.ts"
import * as Lease from "./Lease.ts"

/**
 * The longest pause between two looks at a lock that somebody else holds, in milliseconds.
 *
 * @since 0.1.0
 * @category limits
 */
export const pollMsMax = 50

/**
 * @since 0.1.0
 * @category models
 */
export interface Keys {
  readonly key: FullKey
  readonly lock: FullKey
  /** An entry that is there while somebody waits. */
  readonly waiting: FullKey
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly leaseMs: number
  /** When to give up, by the own clock. */
  readonly untilNanos: bigint
  /** Lets an interruption in. Asking for the lock shuts it out: else nobody would know whether the lock is held. */
  readonly restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * Asks for a lock until it is ours, or time is up.
 *
 * @since 0.1.0
 * @category acquiring
 */
export const obtain = (
  store: StateStore.Service,
  keys: Keys,
  { leaseMs, restore, untilNanos }: Options
): Effect.Effect<Option.Option<Lease.Acquired>, ReadError | WriteError> =>
  Effect.gen(function* () {
    const holder = crypto.randomUUID()
    const acquired = (token: Version, confirmed: Lease.Confirmed) =>
      Option.some<Lease.Acquired>({ ...keys, token, leaseMs, confirmed })

    /** Takes the lock if it is free. */
    const take = Effect.gen(function* () {
      const askedNanos = yield* Clock.currentTimeNanos
      const free = Atomic.make.pipe(
        Atomic.check(keys.lock, "absent"),
        Atomic.set(keys.lock, { holder }, { ttl: leaseMs })
      )
      const committed = yield* orNone(store.commit(free))
      return Option.flatMap(committed, (c) => acquired(c.version, Lease.confirmed(askedNanos, c, leaseMs)))
    })

    /** Makes a lock ours that an earlier question of ours turns out to have taken. */
    const adopt = (token: Version) =>
      Effect.gen(function* () {
        const askedNanos = yield* Clock.currentTimeNanos
        const committed = yield* orNone(store.commit(Lease.renewal({ lock: keys.lock, token }, leaseMs)))
        return Option.flatMap(committed, (c) => acquired(token, Lease.confirmed(askedNanos, c, leaseMs)))
      })

    const look = Effect.gen(function* () {
      const [held = none, announced = none] = yield* store.getMany([keys.lock, keys.waiting])
      if (Option.isNone(held)) return yield* take
      if (isHeldBy(held.value, holder)) return yield* adopt(held.value.version)
      if (Option.isNone(announced)) yield* store.set(keys.waiting, true, { ttl: announcedMs })
      return Option.none()
    })

    let found = yield* Effect.catchIf(take, isLostAnswer, (error) =>
      // Nobody knows whether it is ours now: the store does, if it answers again.
      Effect.mapError(look, () => error)
    )
    for (let n = 0; Option.isNone(found); n++) {
      const leftMs = Number(untilNanos - (yield* Clock.currentTimeNanos)) / 1e6
      if (leftMs <= 0) return Option.none()
      yield* restore(pause(n, leftMs))
      found = yield* Effect.catchIf(look, isLostAnswer, (error) => Effect.mapError(look, () => error))
    }
    return found
  })

/**
 * Frees a lock that is still held, and tells whether somebody waits for it elsewhere.
 *
 * @since 0.1.0
 * @category releasing
 */
export const free = (
  store: StateStore.Service,
  fence: Atomic.Fence,
  waiting: FullKey
): Effect.Effect<boolean, WriteError | VersionConflict> => {
  const steps = Atomic.make.pipe(Atomic.fencedBy(fence), Atomic.delete(fence.lock), Atomic.delete(waiting))
  return Effect.map(store.commit(steps), ({ results }) => results[1] === true)
}

/** How long word is left that somebody waits: if he is gone, a release or two are followed by a pause in vain. */
const announcedMs = 1_000

const none = Option.none<Entry>()

/** A conflict means that somebody else was faster. */
const orNone = (
  commit: Effect.Effect<Committed, WriteError | VersionConflict>
): Effect.Effect<Option.Option<Committed>, WriteError> =>
  Effect.catchTag(Effect.asSome(commit), "VersionConflict", () => Effect.succeedNone)

const isHeldBy = ({ value }: Entry, holder: string): boolean => hasProperty(value, "holder") && value.holder === holder

const isLostAnswer = (error: ReadError | WriteError): boolean => "outcome" in error && error.outcome === "unknown"

/** Random, so that those who wait don't come in step, and longer and longer up to a bound. */
const pause = (n: number, leftMs: number): Effect.Effect<void> =>
  Effect.flatMap(Random.next, (part) =>
    Effect.sleep(Duration.millis(Math.ceil(Math.min(leftMs, (0.5 + part / 2) * Math.min(pollMsMax, 2 ** (n + 2))))))
  )
