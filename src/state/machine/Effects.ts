/**
 * The effects of a machine: what runs when a state was left or entered.
 *
 * They run after the commit, and only if it happened: what is left first, then what is entered. They are run once and not
 * again, neither after a crash nor for a repeated delivery: what must not be lost is a message in the outbox. When one
 * fails, the transition stands, the effects behind it don't run, and the error is an `EffectFailed`.
 *
 * @since 0.1.0
 */
import type * as Services from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { LockLost } from "../../coordination/lock/LockError.ts"
import type { VersionConflict } from "../../store/StateError.ts"
import type { Context } from "./Context.ts"
import type { Delivered, Transitioned } from "./Delivery.ts"
import { EffectFailed } from "./MachineError.ts"
import type { Tagged } from "./Members.ts"

/**
 * A context as effects see it.
 *
 * @since 0.1.0
 * @category models
 */
export type Inner<S, E, D> = Context<S, E, D, EffectFailed<unknown, Transitioned<S>>, LockLost | VersionConflict>

/**
 * What an effect is shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface Arguments<State, S extends Tagged, E extends Tagged, D, K> {
  /** The context's id. */
  readonly id: K
  /** The state that was left, or entered. */
  readonly state: State
  readonly event: E
  /** The data after the transition. */
  readonly data: D
  readonly transition: Transitioned<S>
  /** The context itself, under the lock of the delivery if there is one: what an effect sends goes through. */
  readonly context: Inner<S, E, D>
}

/**
 * Effects by the names of states.
 *
 * @since 0.1.0
 * @category models
 */
export type Effects<S extends Tagged, E extends Tagged, D, K> = {
  readonly [T in S["_tag"]]?: (
    args: Arguments<Extract<S, { readonly _tag: T }>, S, E, D, K>
  ) => Effect.Effect<unknown, unknown, unknown>
}

/**
 * Effects of states that the machine has.
 *
 * @since 0.1.0
 * @category models
 */
export type Known<H, S extends Tagged> = { readonly [T in Exclude<keyof H, S["_tag"]>]: never }

/**
 * What effects fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type ErrorOf<H> = {
  readonly [T in keyof H]: H[T] extends (args: never) => Effect.Effect<infer _A, infer E, infer _R> ? E : never
}[keyof H]

/**
 * The services that effects need.
 *
 * @since 0.1.0
 * @category models
 */
export type ServicesOf<H> = {
  readonly [T in keyof H]: H[T] extends (args: never) => Effect.Effect<infer _A, infer _E, infer R> ? R : never
}[keyof H]

/**
 * Effects without their types: each is shown the state that it was declared for.
 *
 * @since 0.1.0
 * @category running
 */
export interface Hooks<R> {
  readonly entry: Phase<R>
  readonly exit: Phase<R>
}

type Phase<R> = { readonly [tag: string]: ((args: unknown) => Effect.Effect<unknown, unknown, R>) | undefined }

/**
 * Runs the effects of a delivery, if it is one that just happened.
 *
 * @since 0.1.0
 * @category running
 */
export type Run = <S extends Tagged, E extends Tagged, D, M, K>(
  delivered: Delivered<S, E, D, M>,
  id: K,
  context: Inner<S, E, D>
) => Effect.Effect<void, EffectFailed<unknown, Transitioned<S>>>

/**
 * What runs effects with the services that they need.
 *
 * @since 0.1.0
 * @category running
 */
export const runner =
  <R>(hooks: Hooks<R>, services: Services.Context<R>): Run =>
  ({ step, transitioned }, id, context) => {
    if (Option.isNone(step) || !step.value.enters) return Effect.void
    const { data, event, from, to } = step.value
    const run = (phase: "exit" | "entry", state: Tagged) => {
      const hook = hooks[phase][state._tag]
      if (hook === undefined) return Effect.void
      return Effect.suspend(() => hook({ id, state, event, data, transition: transitioned, context })).pipe(
        Effect.provide(services),
        Effect.mapError(
          (error) =>
            new EffectFailed<unknown, typeof transitioned>({
              phase,
              state: state._tag,
              error,
              transition: transitioned
            })
        )
      )
    }
    return Effect.asVoid(Effect.zipRight(run("exit", from), run("entry", to)))
  }
