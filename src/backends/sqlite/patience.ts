/**
 * Running steps on a file that others lock, too.
 *
 * The driver would wait for a lock by stopping the whole process. So it is told not to wait, and what finds the file
 * locked is tried again after a short random pause, one waiting step of this process at a time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Random from "effect/Random"
import { type Fault, fault } from "../../store/Backend.ts"
import * as Faults from "./faults.ts"

/**
 * Runs a step that throws the driver's errors; any other error is thrown on.
 *
 * @since 0.1.0
 * @category running
 */
export const once = <A>(step: () => A): Either.Either<A, Fault> => {
  try {
    return Either.right(step())
  } catch (error) {
    const problem = Faults.ofError(error)
    if (problem === undefined) throw error
    return Either.left(problem)
  }
}

/**
 * Runs a step, with its retries.
 *
 * @since 0.1.0
 * @category models
 */
export type Run = <A>(step: () => A) => Effect.Effect<A, Fault>

/**
 * Runs each step at once and, while the file is locked, again, for at most `busyTimeoutMs`: then the fault is
 * "unavailable". `around` is what surrounds every attempt, if anything.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  busyTimeoutMs: number,
  around: <A>(attempt: Effect.Effect<A, Fault>) => Effect.Effect<A, Fault> = (attempt) => attempt
): Run => {
  const queue = Effect.unsafeMakeSemaphore(1)
  const again = <A>(attempt: Effect.Effect<A, Fault>, startedMs: number, n: number): Effect.Effect<A, Fault> =>
    Effect.catchIf(Effect.zipRight(pause(n), attempt), isLocked, () =>
      performance.now() - startedMs < busyTimeoutMs
        ? again(attempt, startedMs, n + 1)
        : Effect.fail(fault("unavailable", `the database stayed locked for ${busyTimeoutMs} ms`))
    )
  return (step) => {
    const attempt = around(
      Effect.suspend(() => {
        const result = once(step)
        return Either.isRight(result) ? Effect.succeed(result.right) : Effect.fail(result.left)
      })
    )
    return Effect.catchIf(attempt, isLocked, (locked) => {
      const startedMs = performance.now()
      return busyTimeoutMs === 0 ? Effect.fail(locked) : queue.withPermits(1)(again(attempt, startedMs, 0))
    })
  }
}

/**
 * Gives everything else in the process a turn, timers and sockets included, which a fiber's yield does not.
 *
 * @since 0.1.0
 * @category running
 */
export const breathe: Effect.Effect<void> = Effect.async((resume) => {
  setImmediate(() => resume(Effect.void))
})

const isLocked = (problem: Fault): boolean => problem.kind === "unavailable" && Faults.isBusy(problem.cause)

const pause = (n: number): Effect.Effect<void> =>
  Random.next.pipe(
    Effect.flatMap((part) => Effect.sleep(Duration.millis(0.5 + part * Math.min(pauseMsMax, 2 ** n)))),
    Effect.withClock(realClock)
  )

const pauseMsMax = 25

/** Waiting for other processes takes real time, also where a test stops the clock. */
const realClock = Clock.make()
