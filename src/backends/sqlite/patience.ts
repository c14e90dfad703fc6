/**
 * Running steps on a file that others lock, too.
 *
 * The driver would wait for a lock by stopping the whole process. So it is told not to wait, and what finds the file
 * locked is tried again after a short random pause, one waiting step of this process at a time.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import { type Fault, fault } from "../../store/Backend.ts"
import { inRealTime } from "../../store/RealTime.ts"
import * as Faults from "./faults.ts"

/** Runs a step that throws the driver's errors; any other error is thrown on. */
const once = <A>(step: () => A): Either.Either<A, Fault> => {
  try {
    return Either.right(step())
  } catch (error) {
    return Either.left(faultOf(error))
  }
}

const faultOf = (error: unknown): Fault => {
  const problem = Faults.ofError(error)
  if (problem === undefined) throw error
  return problem
}

/**
 * Runs a step, with its retries; `otherwise` says what comes of a fault that remains.
 *
 * @since 0.1.0
 * @category models
 */
export type Run = <A, E>(step: () => A, otherwise: (fault: Fault) => Effect.Effect<A, E>) => Effect.Effect<A, E>

/**
 * Runs each step at once and, while the file is locked, again, for at most `busyTimeoutMs`: then the fault is
 * "unavailable". A step that finds no lock costs a single Effect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (busyTimeoutMs: number): Run => {
  const retry = retrying(busyTimeoutMs)
  return (step, otherwise) =>
    Effect.suspend(() => {
      const result = once(step)
      if (Either.isRight(result)) return Effect.succeed(result.right)
      if (!isLocked(result.left)) return otherwise(result.left)
      return Effect.catchAll(
        retry(
          Effect.suspend(() => once(step)),
          result.left
        ),
        otherwise
      )
    })
}

/**
 * The same, with something around every attempt.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeAround = (
  busyTimeoutMs: number,
  around: <A>(attempt: Effect.Effect<A, Fault>) => Effect.Effect<A, Fault>
): Run => {
  const retry = retrying(busyTimeoutMs)
  return (step, otherwise) => {
    const attempt = around(Effect.suspend(() => once(step)))
    return attempt.pipe(
      Effect.catchIf(isLocked, (locked) => retry(attempt, locked)),
      Effect.catchAll(otherwise)
    )
  }
}

/**
 * Runs a step at once, without an Effect: its result, its fault, or `"later"` while the file is locked.
 *
 * @since 0.1.0
 * @category running
 */
export const now = <A>(step: () => A): A | Fault | "later" => {
  try {
    return step()
  } catch (error) {
    const problem = faultOf(error)
    return isLocked(problem) ? "later" : problem
  }
}

/**
 * Runs each step once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeOnce: Run = (step, otherwise) =>
  Effect.suspend(() => {
    const result = once(step)
    return Either.isRight(result) ? Effect.succeed(result.right) : otherwise(result.left)
  })

const retrying = (busyTimeoutMs: number) => {
  const queue = Effect.unsafeMakeSemaphore(1)
  const again = <A>(attempt: Effect.Effect<A, Fault>, startedMs: number, n: number): Effect.Effect<A, Fault> =>
    Effect.catchIf(Effect.zipRight(pause(n), attempt), isLocked, () =>
      performance.now() - startedMs < busyTimeoutMs
        ? again(attempt, startedMs, n + 1)
        : Effect.fail(fault("unavailable", `the database stayed locked for ${busyTimeoutMs} ms`))
    )
  return <A>(attempt: Effect.Effect<A, Fault>, locked: Fault): Effect.Effect<A, Fault> =>
    busyTimeoutMs === 0
      ? Effect.fail(locked)
      : Effect.suspend(() => queue.withPermits(1)(again(attempt, performance.now(), 0)))
}

const isLocked = (problem: Fault): boolean => problem.kind === "unavailable" && Faults.isBusy(problem.cause)

const pause = (n: number): Effect.Effect<void> =>
  Random.next.pipe(
    Effect.flatMap((part) => Effect.sleep(Duration.millis(0.5 + part * Math.min(pauseMsMax, 2 ** n)))),
    inRealTime
  )

const pauseMsMax = 25
