/**
 * A break in long work.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"

/**
 * Gives everything else in the process a turn, timers and sockets included, which a fiber's yield does not.
 *
 * @since 0.1.0
 * @category running
 */
export const breathe: Effect.Effect<void> = Effect.async((resume) => {
  setImmediate(() => resume(Effect.void))
})
