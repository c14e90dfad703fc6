/**
 * From effects to promises, for callers who know no others.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"

/**
 * Runs effects where a caller waits for a promise. It rejects with the error itself, not with one around it.
 *
 * @since 0.1.0
 * @category models
 */
export type Run = <A, E>(effect: Effect.Effect<A, E>) => Promise<A>

/**
 * @since 0.1.0
 * @category constructors
 */
export const make =
  (runtime: Runtime.Runtime<never>): Run =>
  async (effect) => {
    const exit = await Runtime.runPromiseExit(runtime)(effect)
    if (Exit.isSuccess(exit)) return exit.value
    throw Cause.squash(exit.cause)
  }
