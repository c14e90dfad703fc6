/**
 * The time of servers, files and other processes.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/**
 * Waits in real time, also where a test stops the clock: it is others who are waited for.
 *
 * @since 0.1.0
 * @category running
 */
export const inRealTime: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = Effect.withClock(
  Clock.make()
)
