/**
 * The core of a state machine: what an event makes of a state, as a pure function.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { StateMachine } from "./Definition.ts"
import { GuardRefused, NoTransition } from "./MachineError.ts"
import type { Tagged } from "./Members.ts"
import type { Arguments, Edge, Rule } from "./Table.ts"

/**
 * What an event makes of a state.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step<From, Event, To, D, M> {
  readonly from: From
  readonly event: Event
  readonly to: To
  /** The data as it is then. */
  readonly data: D
  /** What has become of the data: nothing, all of it dropped, or these fields laid over it. */
  readonly change: Change<D>
  /** What goes to the outbox. */
  readonly message: Option.Option<M>
  /** Whether a state is left and one entered: they differ, or the transition says so. */
  readonly enters: boolean
}

/**
 * What becomes of the data.
 *
 * @since 0.1.0
 * @category models
 */
export type Change<D> = "none" | "clear" | Partial<D>

/**
 * What an event makes of a state and the data gathered so far; why it does nothing, if so.
 *
 * @since 0.1.0
 * @category stepping
 */
export const step = <S extends Tagged, E extends Tagged, D, M, X extends Edge, R>(
  machine: StateMachine<S, E, D, M, X, R>,
  state: NoInfer<S>,
  event: NoInfer<E>,
  data: NoInfer<D> = {} as D // All its fields may be missing.
): Either.Either<Step<S, E, S, D, M>, NoTransition | GuardRefused> => {
  const names = { machine: machine.id, state: state._tag, event: event._tag }
  const rules = machine.rules.filter((rule) => rule.from === state._tag && rule.event === event._tag)
  if (rules.length === 0) return Either.left(new NoTransition(names))
  const args = { state, event, data }
  const rule = rules.find(({ guard }) => guard === undefined || guard(args))
  return rule === undefined
    ? Either.left(new GuardRefused({ ...names, guards: rules.map(({ label }) => label ?? "") }))
    : Either.right(follow(machine, rule, args))
}

/**
 * {@link step}, for a state and an event that are known: one that has no transition does not compile, and the result has the
 * states that the machine has transitions to.
 *
 * @since 0.1.0
 * @category stepping
 */
export const transition = <
  S extends Tagged,
  E extends Tagged,
  D,
  M,
  X extends Edge,
  R,
  const From extends S,
  const On extends Extract<E, { readonly _tag: EventsFrom<X, From["_tag"]> }>
>(
  machine: StateMachine<S, E, D, M, X, R>,
  state: From,
  event: On,
  data?: D
): Either.Either<
  Step<From, On, Extract<S, { readonly _tag: Targets<X, From["_tag"], On["_tag"]> }>, D, M>,
  GuardRefused
> => step(machine, state, event, data) as never // There is a transition, and it leads to one of the targets: the edges say so.

/**
 * The events that have a transition from a state; of several states, from each of them.
 *
 * @since 0.1.0
 * @category models
 */
export type EventsFrom<X extends Edge, From extends string> = {
  [Event in X["event"]]: [From] extends [Extract<X, { readonly event: Event }>["from"]] ? Event : never
}[X["event"]]

/**
 * The states that an event may lead to from a state.
 *
 * @since 0.1.0
 * @category models
 */
export type Targets<X extends Edge, From extends string, On extends string> = Extract<
  X,
  { readonly from: From; readonly event: On }
>["to"]

const follow = <S extends Tagged, E extends Tagged, D, M, X extends Edge, R>(
  machine: StateMachine<S, E, D, M, X, R>,
  rule: Rule,
  args: Arguments<S, E, D>
): Step<S, E, S, D, M> => {
  const to = machine.fill(rule.to, rule.fields?.(args) ?? {})
  // Some fields of the data, and a message: the types of the transition say so.
  const change = typeof rule.data === "function" ? (rule.data(args) as Partial<D>) : (rule.data ?? "none")
  const message = Option.map(Option.fromNullable(rule.emit), (emit) => emit({ ...args, next: to }) as M)
  return {
    from: args.state,
    event: args.event,
    to,
    data: changed(args.data, change),
    change,
    message,
    enters: rule.reenter || to._tag !== args.state._tag
  }
}

const changed = <D>(data: D, change: Change<D>): D => {
  if (change === "none") return data
  return change === "clear" ? ({} as D) : { ...data, ...change } // All its fields may be missing.
}
