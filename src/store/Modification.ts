/**
 * What a read-modify-write decides, and how it comes about.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Atomic from "./Atomic.ts"
import type { Entry } from "./Entry.ts"
import * as Key from "./Key.ts"
import * as Reads from "./Reads.ts"
import { inRealTime } from "./RealTime.ts"
import { type ReadError, VersionConflict, type WriteError } from "./StateError.ts"
import * as Turns from "./Turns.ts"
import * as View from "./View.ts"
import * as Writes from "./Writes.ts"

/**
 * The decision of a function that was shown the current entry.
 *
 * @since 0.1.0
 * @category models
 */
export type Modification<A = unknown> =
  | { readonly _tag: "Write"; readonly value: A; readonly options: Atomic.WriteOptions }
  | { readonly _tag: "Delete" }
  | { readonly _tag: "Keep" }

/**
 * Write a value. Unlike `set`, it keeps the deadline of a live entry unless told otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const write = <A>(value: A, options: Atomic.WriteOptions = {}): Modification<A> => ({
  _tag: "Write",
  value,
  options: { ...options, ttl: options.ttl ?? "keep" }
})

const delete_: Modification<never> = { _tag: "Delete" }

export {
  /**
   * Remove the entry.
   *
   * @since 0.1.0
   * @category constructors
   */
  delete_ as delete
}

/**
 * Change nothing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keep: Modification<never> = { _tag: "Keep" }

/**
 * How often a read-modify-write is tried before it gives up with the last conflict.
 *
 * @since 0.1.0
 * @category limits
 */
export const attemptsMax = 128

/**
 * @since 0.1.0
 * @category modifying
 */
export const modify = <A, E, R>(
  view: View.View,
  key: Atomic.AtomicKey,
  f: (current: Option.Option<Entry>) => Effect.Effect<readonly [A, Modification], E, R>
): Effect.Effect<A, E | ReadError | WriteError | VersionConflict, R> =>
  untilCommitted(
    Key.isFullKey(key) ? key : View.fullKey(view, key),
    Effect.gen(function* () {
      const current = yield* Reads.get(view, key)
      const [result, modification] = yield* f(current)
      if (modification._tag === "Keep" || (modification._tag === "Delete" && Option.isNone(current))) {
        return Either.right(result)
      }
      const version = Option.match(current, { onNone: () => "absent" as const, onSome: (entry) => entry.version })
      const { steps } = Atomic.make.pipe(
        Atomic.check(key, version),
        modification._tag === "Delete" ? Atomic.delete(key) : Atomic.set(key, modification.value, modification.options)
      )
      return yield* orConflict(Writes.commitNoAdd(view, "modify", steps, () => result))
    })
  )

/**
 * Runs a read of a key and the commit that depends on it until there is no conflict between them, {@link attemptsMax} times
 * at most. Only the conflict that the attempt gives back counts: one that it fails with is its own.
 *
 * An attempt that meets nobody goes straight through. After a conflict the callers of this process take turns, so that each
 * contends with other processes alone, and whoever comes then queues behind them.
 *
 * @since 0.1.0
 * @category modifying
 */
export const untilCommitted = <A, E, R>(
  key: Key.FullKey,
  attempt: Effect.Effect<Either.Either<A, VersionConflict>, E, R>
): Effect.Effect<A, E | VersionConflict, R> => {
  const run = (n: number): Effect.Effect<A, E | VersionConflict, R> =>
    Effect.flatMap(attempt, (result) =>
      Either.isRight(result) || n >= attemptsMax ? result : Effect.zipRight(pause(n), run(n + 1))
    )
  const inTurn = Turns.within(key, turnWaitMsMax)
  return Effect.suspend(() =>
    Turns.isTaken(key)
      ? inTurn(run(1))
      : Effect.flatMap(attempt, (result) => (Either.isRight(result) ? result : inTurn(run(2))))
  )
}

/** A turn takes a few milliseconds: a line that stands still waits for a slow function, and had better contend. */
const turnWaitMsMax = 5_000

/**
 * A commit's conflict as data, for {@link untilCommitted}.
 *
 * @since 0.1.0
 * @category modifying
 */
export const orConflict = <A, E, R>(
  commit: Effect.Effect<A, E | VersionConflict, R>
): Effect.Effect<Either.Either<A, VersionConflict>, Exclude<E, VersionConflict>, R> =>
  Effect.catchIf(
    Effect.map(commit, (result): Either.Either<A, VersionConflict> => Either.right(result)),
    (error): error is Extract<E | VersionConflict, VersionConflict> => error instanceof VersionConflict,
    (conflict) => Effect.succeed(Either.left(conflict))
  )

/** The first reruns come at once; later ones wait a random part of a growing time, at most 12 seconds in all. */
const pause = (attempt: number): Effect.Effect<void> =>
  attempt <= 3
    ? Effect.yieldNow()
    : Random.next.pipe(
        Effect.flatMap((part) => Effect.sleep(Duration.millis(part * Math.min(100, 2 ** (attempt - 3))))),
        inRealTime
      )
