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

/**
 * Whether it is time for a break: the process has worked for a while without one. Fibers give way to each other alone, and so
 * calls that never wait, in a loop, keep timers and sockets from their turn.
 *
 * @since 0.1.0
 * @category running
 */
export const isDue = (): boolean => {
  const nowMs = performance.now()
  if (sinceMs === undefined) {
    sinceMs = nowMs
    setImmediate(rest)
  }
  return nowMs - sinceMs >= workMsMax
}

const workMsMax = 10

/** Since when it works. There is one for all stores, as they share the event loop. */
let sinceMs: number | undefined

const rest = () => {
  sinceMs = undefined
}
