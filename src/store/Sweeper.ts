/**
 * Removes what expired, in the background.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Backend, Fault } from "./Backend.ts"
import { breathe } from "./Breath.ts"
import { inRealTime } from "./RealTime.ts"
import { InvalidOption } from "./StateError.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long to wait between two rounds, give or take a fifth. Default one minute. */
  readonly every?: Duration.DurationInput | undefined
  /** How many entries one step removes at most. Default 1,000. */
  readonly entriesMax?: number | undefined
}

/**
 * Removes all that is expired now, step by step, with breaks in which the process does everything else; gives the number of entries removed.
 *
 * @since 0.1.0
 * @category sweeping
 */
export const sweep = (backend: Backend, entriesMax = entriesMaxDefault): Effect.Effect<number, Fault> => {
  const from = (removed: number): Effect.Effect<number, Fault> =>
    Effect.flatMap(backend.sweep(entriesMax), (step) =>
      step.more ? Effect.zipRight(breathe, from(removed + step.removed)) : Effect.succeed(removed + step.removed)
    )
  return from(0)
}

/**
 * Sweeps in the background until the scope closes. It runs on real time, also where a test stops the clock: what is
 * expired counts as absent in any case, and sweeping only frees its room.
 *
 * @since 0.1.0
 * @category sweeping
 */
export const start = (backend: Backend, options: Options = {}): Effect.Effect<void, InvalidOption, Scope.Scope> => {
  const every = Option.getOrElse(Duration.decodeUnknown(options.every ?? "1 minute"), () => Duration.zero)
  const entriesMax = options.entriesMax ?? entriesMaxDefault
  if (!Number.isInteger(entriesMax) || entriesMax < 1) {
    return new InvalidOption({ option: "sweep.entriesMax", reason: `expected a positive integer, got ${entriesMax}` })
  }
  if (Duration.lessThan(every, "10 millis")) {
    return new InvalidOption({ option: "sweep.every", reason: "expected at least 10 milliseconds" })
  }
  const round = Effect.catchAll(sweep(backend, entriesMax), (fault) =>
    Effect.logWarning(`The sweeper of the ${backend.name} store will try again: ${fault.reason}`)
  )
  return Effect.sleep(every).pipe(
    Effect.zipRight(Effect.repeat(round, Schedule.jittered(Schedule.spaced(every)))),
    inRealTime,
    // Wherever the store is made: closing waits for the end of this.
    Effect.interruptible,
    Effect.forkScoped,
    Effect.asVoid
  )
}

const entriesMaxDefault = 1_000
