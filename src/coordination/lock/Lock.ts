/**
 * Locks that fence: one holder at a time for a key, across processes, and no write of a holder who lost the lock.
 *
 * A lock is an entry in a namespace beside its key's, in the key's placement. Who writes it where it is absent holds the lock, for
 * the time of a lease, by the store's own clock; in the background the lease is renewed, which keeps the entry's version. That
 * version is the fencing token: `Atomic.fencedBy(lease)` checks it inside the very commit that needs the lock.
 *
 * A lease alone can't exclude two holders: a process may be paused beyond its lease and go on without knowing. The fence can.
 *
 * In a process the callers of one lock stand in line, and the first alone asks the store. Others' processes find out by
 * asking again after short random pauses; a holder who sees that somebody elsewhere waits lets a pause go by before
 * the next of its own process asks. All waiting is by the `Clock` of the caller, so that `TestClock` moves it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Atomic from "../../store/Atomic.ts"
import { type FullKey, isFullKey } from "../../store/Key.ts"
import * as Namespace from "../../store/Namespace.ts"
import {
  InvalidOption,
  type ReadError,
  Unsupported,
  type VersionConflict,
  type WriteError
} from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import * as Turns from "../../store/Turns.ts"
import type { Committed } from "../../store/Writes.ts"
import * as Acquisition from "./Acquisition.ts"
import * as Lease_ from "./Lease.ts"
import { LockLost, LockTimeout } from "./LockError.ts"

export { LockLost, LockTimeout } from "./LockError.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Lease extends Lease_.Lease {}

/**
 * @since 0.1.0
 * @category models
 */
export type Release = Lease_.Release

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** How long to wait for the lock; zero tries once. Default 10 seconds. */
  readonly wait?: Duration.DurationInput | undefined
  /**
   * How long the lock outlives a holder who died, and how long one may be out of touch with the store. A lock that is held is
   * renewed every third of it. Default 30 seconds, at least 10 milliseconds.
   */
  readonly lease?: Duration.DurationInput | undefined
}

/**
 * What acquiring a lock can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type AcquireError = LockTimeout | InvalidOption | ReadError | WriteError

/**
 * Acquires the lock of a key, and releases it with the scope. Locks are not reentrant: who acquires one again that he holds
 * waits for himself.
 *
 * It fails with `LockTimeout` after `wait`, and with `Unsupported` inside a transaction, where nobody else would see the
 * lock: take the lock around the transaction. An interruption leaves no lock behind. If the store's answer is lost, and
 * the store can't be asked again, the lock may be there until its lease ends.
 *
 * @since 0.1.0
 * @category locks
 */
export const acquire = (
  key: string | FullKey,
  options?: Options
): Effect.Effect<Lease, AcquireError, StateStore.StateStore | Scope.Scope> =>
  Effect.flatMap(StateStore.StateStore, (store) => acquireOn(store, key, options))

/**
 * {@link acquire}, on a store that is given.
 *
 * @since 0.1.0
 * @category locks
 */
export const acquireOn = (
  store: StateStore.Service,
  key: string | FullKey,
  options: Options = {}
): Effect.Effect<Lease, AcquireError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Effect.scope
      const { leaseMs, waitMs } = yield* check(options)
      const subject = isFullKey(key) ? key : store.key(key)
      const keys = keysOf(subject)
      yield* refuseInTransaction(subject)
      const untilNanos = (yield* Clock.currentTimeNanos) + BigInt(Math.floor(Math.min(waitMs, forEverMs) * 1e6))
      const turn = Turns.enter(keys.lock)
      const obtain = Effect.gen(function* () {
        if (turn.ahead() > 0) yield* restore(Effect.timeoutOption(Effect.interruptible(turn.wait), waitMs))
        const options = { leaseMs, untilNanos, restore }
        const acquired =
          turn.ahead() === 0 ? yield* Acquisition.obtain(store, { ...keys, key: subject }, options) : Option.none()
        if (Option.isNone(acquired)) return yield* new LockTimeout({ key: Namespace.label(subject), waitMs })
        return acquired.value
      })
      const acquired = yield* Effect.onError(obtain, () => Effect.sync(turn.leave))
      const leave = Effect.sync(turn.leave)
      // The pause is nobody's to wait for, and outlives the scope: those in line depend on its end.
      const release = Effect.flatMap(Acquisition.free(store, acquired, keys.waiting), (othersWait) =>
        othersWait ? Effect.forkDaemon(Effect.delay(leave, Acquisition.pollMsMax)) : leave
      )
      // Who lost the lock has no turn either, however long his scope stays open: the next may ask.
      const lease = yield* Lease_.keep(
        store,
        acquired,
        Effect.onError(release, () => leave),
        leave
      )
      yield* Scope.addFinalizer(scope, lease.release)
      return lease
    })
  )

/**
 * Runs an effect while it holds the lock of a key. If the lock is lost, the effect is interrupted and `LockLost` says why; so it
 * does when the effect has finished and the lock turns out to have been lost before.
 *
 * ```ts
 * import { Atomic, Lock, MemoryStore, StateStore } from "effect-state"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* StateStore.StateStore
 *   return yield* Lock.withLock("report", { wait: "10 seconds", lease: "30 seconds" })((lease) =>
 *     Effect.gen(function* () {
 *       const report = yield* Effect.succeed("much work")
 *       yield* store.commit(Atomic.make.pipe(Atomic.fencedBy(lease), Atomic.set("report", report)))
 *     })
 *   )
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(MemoryStore.layer())))
 * ```
 *
 * @since 0.1.0
 * @category locks
 */
export const withLock =
  (key: string | FullKey, options?: Options) =>
  <A, E, R>(
    use: Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>)
  ): Effect.Effect<A, E | AcquireError | LockLost, R | StateStore.StateStore> =>
    Effect.flatMap(StateStore.StateStore, (store) => withLockOn(store, key, options)(use))

/**
 * {@link withLock}, on a store that is given.
 *
 * @since 0.1.0
 * @category locks
 */
export const withLockOn =
  (store: StateStore.Service, key: string | FullKey, options?: Options) =>
  <A, E, R>(
    use: Effect.Effect<A, E, R> | ((lease: Lease) => Effect.Effect<A, E, R>)
  ): Effect.Effect<A, E | AcquireError | LockLost, R> =>
    // The scope is ours alone: what `use` asks for is its own.
    Effect.acquireUseRelease(
      Scope.make(),
      (scope) =>
        Effect.gen(function* () {
          const lease = yield* Effect.provideService(acquireOn(store, key, options), Scope.Scope, scope)
          const body = Effect.isEffect(use) ? use : Effect.suspend(() => use(lease))
          // Where nothing else can be interrupted, this can: else a body that is done would wait for the loss.
          const result = yield* Effect.raceFirst(body, Effect.interruptible(lease.lost))
          const release = yield* lease.release
          if (release._tag === "Expired" || release._tag === "TakenOver") {
            const reason = release._tag === "Expired" ? "expired" : "taken-over"
            return yield* new LockLost({ key: Namespace.label(lease.key), reason })
          }
          return result
        }),
      Scope.close
    )

/**
 * Commits to a store under the fence of a lease, as `Atomic.fencedBy` does; but where the lock is what was lost, it fails with
 * `LockLost`, so that a `VersionConflict` is one of the commit's own checks.
 *
 * @since 0.1.0
 * @category locks
 */
export const commitOn = <E extends Atomic.Refusal>(
  store: StateStore.Service,
  lease: Lease,
  atomic: Atomic.Atomic<E>
): Effect.Effect<Committed, ReadError | WriteError | VersionConflict | E | LockLost> =>
  Effect.catchIf(store.commit(Atomic.fencedBy(lease)(atomic)), isConflict, (conflict) =>
    Effect.zipRight(lease.verify, conflict)
  )

const isConflict = (error: { readonly _tag: string }): error is VersionConflict => error._tag === "VersionConflict"

/** Where the lock of a key lies, and where those leave word who wait for it. */
const keysOf = (subject: FullKey): { readonly lock: FullKey; readonly waiting: FullKey } => {
  const beside = (name: string) =>
    Namespace.fullKey(
      Namespace.child(subject.namespace, Namespace.inner(name), { placement: () => subject }),
      subject.local
    )
  return { lock: beside("lock"), waiting: beside("lock-wanted") }
}

const refuseInTransaction = (subject: FullKey): Effect.Effect<void, Unsupported> =>
  Effect.contextWithEffect((caller: Context.Context<never>) => {
    const backend = Turns.transactionOf(subject, caller)
    if (backend === undefined) return Effect.void
    const reason = "inside a transaction nobody else sees the lock; take it around the transaction"
    return new Unsupported({ operation: "acquire", backend: backend.name, reason })
  })

const check = ({ lease = "30 seconds", wait = "10 seconds" }: Options) =>
  Either.gen(function* () {
    const leaseMs = Option.map(Duration.decodeUnknown(lease), Duration.toMillis)
    if (Option.isNone(leaseMs) || !Number.isFinite(leaseMs.value) || leaseMs.value < leaseMsMin) {
      return yield* invalid("lease", `expected a finite duration of at least ${leaseMsMin} milliseconds`)
    }
    const waitMs = Option.map(Duration.decodeUnknown(wait), Duration.toMillis)
    if (Option.isNone(waitMs)) return yield* invalid("wait", "expected a duration")
    return { leaseMs: Math.ceil(leaseMs.value), waitMs: waitMs.value }
  })

const invalid = (option: string, reason: string) => Either.left(new InvalidOption({ option, reason }))

const leaseMsMin = 10

/** A thousand years, where no end is given: nanoseconds have to be a number. */
const forEverMs = 1_000 * 365 * 24 * 60 * 60 * 1_000
