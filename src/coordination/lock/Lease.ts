/**
 * A lock that is held: renewed in the background, lost, or released.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import type { FullKey } from "../../store/Key.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import type { Committed } from "../../store/Writes.ts"
import { LockLost } from "./LockError.ts"

/**
 * What became of a lock when it was given back.
 *
 * - `Released`: it was held to the end, and is free now.
 * - `Expired`: its lease had expired before; nobody holds it now, or nobody did.
 * - `TakenOver`: somebody else holds it, and keeps it.
 * - `Unknown`: the store did not answer; the lock ends with its lease at the latest.
 *
 * @since 0.1.0
 * @category models
 */
export type Release =
  | { readonly _tag: "Released" }
  | { readonly _tag: "Expired" }
  | { readonly _tag: "TakenOver" }
  | { readonly _tag: "Unknown"; readonly error: ReadError | WriteError }

/**
 * A lock that was acquired. It is a fence: `Atomic.fencedBy(lease)` lets a commit through only while it is held.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lease extends Atomic.Fence {
  /** What is locked. */
  readonly key: FullKey
  /** The lock's own entry, which lives where the key does. */
  readonly lock: FullKey
  /** The fencing token: it rises from holder to holder, and stays while the lease is renewed. */
  readonly token: Version
  /** When the lease ends unless it is renewed, by the store's clock, in milliseconds since the epoch. */
  readonly expiresAtMs: Effect.Effect<number>
  /** Whether the lock is held, as far as this process knows without asking; only a fenced commit is certain. */
  readonly isHeld: Effect.Effect<boolean>
  /** Asks the store whether the lock is held. */
  readonly verify: Effect.Effect<void, LockLost | ReadError>
  /** Waits until the lock is lost, and fails then; once it is released it waits for ever. */
  readonly lost: Effect.Effect<never, LockLost>
  /** Gives the lock back, before its scope does, and tells what became of it. Later calls give the same answer. */
  readonly release: Effect.Effect<Release>
}

/**
 * A lock's acquisition, as the store confirmed it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Acquired {
  readonly key: FullKey
  readonly lock: FullKey
  readonly token: Version
  readonly leaseMs: number
  readonly confirmed: Confirmed
}

/**
 * Until when a lock is certainly held: by the own clock (monotonic, counted from before the store was asked), and by the
 * store's.
 *
 * @since 0.1.0
 * @category models
 */
export interface Confirmed {
  readonly untilNanos: bigint
  readonly expiresAtMs: number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const confirmed = (askedNanos: bigint, committed: Committed, leaseMs: number): Confirmed => ({
  untilNanos: askedNanos + nanosOf(leaseMs),
  expiresAtMs: committed.atMs + leaseMs
})

/**
 * The steps that prolong a lock that is still held.
 *
 * @since 0.1.0
 * @category commits
 */
export const renewal = (fence: Atomic.Fence, leaseMs: number): Atomic.Atomic<VersionConflict> =>
  Atomic.make.pipe(Atomic.fencedBy(fence), Atomic.expire(fence.lock, leaseMs))

/**
 * Keeps a lock: renews it every third of its lease, until it is lost or released. `release` is the commit that frees it, and
 * `onLost` is run as soon as it is known to be lost.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keep = (
  store: StateStore.Service,
  acquired: Acquired,
  release: Effect.Effect<void, WriteError | VersionConflict>,
  onLost: Effect.Effect<void>
): Effect.Effect<Lease> =>
  Effect.gen(function* () {
    const { key, leaseMs, lock, token } = acquired
    const lost = yield* Deferred.make<never, LockLost>()
    const released = yield* Deferred.make<Release>()
    let current = acquired.confirmed
    let open = true

    const loss = (reason: LockLost["reason"], cause?: unknown) =>
      new LockLost({ key: Namespace.label(key), reason, ...(cause === undefined ? {} : { cause }) })
    /** Why a lock is not held any more that was found so; nothing if it is held after all. */
    const look = Effect.map(
      store.get(lock),
      Option.match({
        onNone: () => Option.some(loss("expired")),
        onSome: ({ version }) => (version === token ? Option.none() : Option.some(loss("taken-over")))
      })
    )
    const remainingMs = Effect.map(Clock.currentTimeNanos, (nanos) => Number(current.untilNanos - nanos) / 1e6)

    /** Renews once; gives the pause before the next time, or why the lock is lost. */
    const renew = Effect.gen(function* () {
      const askedNanos = yield* Clock.currentTimeNanos
      const result = yield* Effect.either(store.commit(renewal(acquired, leaseMs)))
      if (Either.isRight(result)) {
        current = confirmed(askedNanos, result.right, leaseMs)
        return leaseMs / 3
      }
      if (result.left._tag !== "VersionConflict") return result.left
      const found = yield* Effect.either(look)
      return Either.isLeft(found) ? loss("expired", found.left) : Option.getOrElse(found.right, () => leaseMs / 3)
    })

    const keeper = Effect.gen(function* () {
      let pauseMs = leaseMs / 3
      let trouble: unknown
      while (true) {
        yield* Effect.sleep(Duration.millis(Math.ceil(Math.max(0, Math.min(pauseMs, yield* remainingMs)))))
        const leftMs = yield* remainingMs
        const renewed =
          leftMs > 0 ? yield* Effect.timeoutOption(renew, Duration.millis(Math.ceil(leftMs))) : Option.none()
        if (Option.isNone(renewed)) return loss("unconfirmed", trouble)
        if (typeof renewed.value === "number") {
          pauseMs = renewed.value
        } else if (renewed.value._tag === "LockLost") {
          return renewed.value
        } else {
          trouble = renewed.value
          pauseMs = Math.min(leaseMs / 10, troubledPauseMsMax)
        }
      }
    })
    const keeping = yield* Effect.forkDaemon(
      Effect.flatMap(Effect.interruptible(keeper), (error) => Effect.zipRight(onLost, Deferred.fail(lost, error)))
    )

    const giveBack = Effect.gen(function* () {
      yield* Fiber.interrupt(keeping)
      return yield* release.pipe(
        Effect.as<Release>({ _tag: "Released" }),
        Effect.catchTag("VersionConflict", () =>
          Effect.map(look, (found): Release => {
            const takenOver = Option.isSome(found) && found.value.reason === "taken-over"
            return { _tag: takenOver ? "TakenOver" : "Expired" }
          })
        ),
        Effect.catchAll((error) => Effect.succeed<Release>({ _tag: "Unknown", error }))
      )
    })

    return {
      key,
      lock,
      token,
      expiresAtMs: Effect.sync(() => current.expiresAtMs),
      isHeld: Effect.zipWith(remainingMs, Deferred.isDone(lost), (leftMs, isLost) => open && leftMs > 0 && !isLost),
      verify: Effect.flatMap(look, (found) => (Option.isSome(found) ? Effect.fail(found.value) : Effect.void)),
      lost: Deferred.await(lost),
      // All of it: an interruption of the first caller must not reach those who come later, as Effect.cached would have it.
      release: Effect.uninterruptible(
        Effect.suspend(() => {
          if (!open) return Deferred.await(released)
          open = false
          return Effect.zipRight(Effect.intoDeferred(giveBack, released), Deferred.await(released))
        })
      )
    }
  })

/** How soon a renewal that could not be made is tried again, at the latest. */
const troubledPauseMsMax = 250

const nanosOf = (ms: number): bigint => BigInt(Math.floor(ms * 1e6))
