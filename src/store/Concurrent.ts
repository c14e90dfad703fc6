/**
 * Effects at the same time, which can be interrupted at any moment.
 *
 * `Effect.forEach` and `Effect.all` with `concurrency` wait for ever if they are interrupted in the moment between their start
 * and that of their first fiber, as they may be by a fiber of the same tick. (So it is in effect 3.22.) A lint rule keeps them
 * out of this library.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/**
 * The results of some effects, in their order, once all of them have ended. Few enough to all run at once; one alone costs no
 * fiber.
 *
 * @since 0.1.0
 * @category running
 */
export const all = <A, E, R>(effects: ReadonlyArray<Effect.Effect<A, E, R>>): Effect.Effect<ReadonlyArray<A>, E, R> => {
  const [only] = effects
  if (only !== undefined && effects.length === 1) return Effect.map(only, (result) => [result])
  return Effect.flatMap(Effect.forEach(effects, Effect.fork), (fibers) =>
    Effect.flatMap(
      Effect.onInterrupt(Effect.forEach(fibers, Fiber.await), () => Fiber.interruptAll(fibers)),
      (exits) => Option.getOrElse(Exit.all(exits, { parallel: true }), () => Exit.succeed<Array<A>>([]))
    )
  )
}

/**
 * {@link all} for two effects of different kinds.
 *
 * @since 0.1.0
 * @category running
 */
export const both = <A, E, R, B, E2, R2>(
  one: Effect.Effect<A, E, R>,
  other: Effect.Effect<B, E2, R2>
): Effect.Effect<readonly [A, B], E | E2, R | R2> =>
  // The results of the two, in their order.
  Effect.map(all<A | B, E | E2, R | R2>([one, other]), (results) => results as readonly [A, B] & typeof results)

/**
 * {@link all} for many items, some at a time: the next ones begin when these have ended.
 *
 * @since 0.1.0
 * @category running
 */
export const forEach = <A, B, E, R>(
  items: ReadonlyArray<A>,
  atOnceMax: number,
  f: (item: A) => Effect.Effect<B, E, R>
): Effect.Effect<ReadonlyArray<B>, E, R> =>
  Effect.map(
    Effect.forEach(Arr.chunksOf(items, atOnceMax), (some) => all(some.map(f))),
    Arr.flatten
  )
