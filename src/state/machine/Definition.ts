/**
 * What a state machine is: states, events, and the transitions between them, as data and pure functions.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"
import type * as Types from "effect/Types"
import * as Dictionary from "../Dictionary.ts"
import * as Members from "./Members.ts"
import { type Edge, type Edges, type Known, type Rule, rulesOf, type Table } from "./Table.ts"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: TypeId = "~effect-state/StateMachine"

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = "~effect-state/StateMachine"

/**
 * A stored state that the machine does not have.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unknown {
  readonly tag: string
  /** What was stored with it. */
  readonly fields: { readonly [name: string]: unknown }
}

/**
 * A state machine: pure, and nowhere stored. `StateMachine.Tag` keeps contexts of it in a store.
 *
 * `S` and `E` are its states and its events, `D` its data, `M` its messages, `X` the names of its transitions, `R` the services
 * that its schemas need.
 *
 * @since 0.1.0
 * @category models
 */
export interface StateMachine<S extends Members.Tagged, E extends Members.Tagged, D, M, X extends Edge, R> {
  readonly [TypeId]: { readonly _X: Types.Covariant<X> }
  readonly id: string
  /** The schema of all states. */
  readonly State: Schema.Schema<S, unknown, R>
  /** The schema of all events, for those that come from outside. */
  readonly Event: Schema.Schema<E, unknown, R>
  /** The schema of the data. */
  readonly Data: Schema.Schema<D, Dictionary.Stored, R>
  /** The schema of the messages for the outbox, if there are any. */
  readonly Message: Schema.Schema<M, unknown, R> | undefined
  /** The names of the states. */
  readonly tags: ReadonlyArray<string>
  readonly initial: S
  /** The transitions, in the order in which they are tried. */
  readonly rules: ReadonlyArray<Rule>
  /** The state of this name with these fields, unchecked: what its schema refuses is refused when it is stored. */
  readonly fill: (tag: string, fields: object) => S
  readonly fallback: ((stored: Unknown) => S | undefined) | undefined
}

/**
 * A machine with the schema of each state and each event: `machine.events.Answer.make({ text: "Yes" })`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Defined<S extends Members.Members, E extends Members.Members, D, M, X extends Edge, R>
  extends StateMachine<Members.Union<S>, Members.Union<E>, D, M, X, R> {
  /** The schema of each state. */
  readonly states: Members.Schemas<S>
  /** The schema of each event. */
  readonly events: Members.Schemas<E>
}

/**
 * @since 0.1.0
 * @category options
 */
export interface Definition<
  S extends Members.Members,
  E extends Members.Members,
  T,
  F extends Dictionary.Fields,
  M,
  MI,
  MR
> {
  /** The name of the machine, for errors and drawings. */
  readonly id: string
  /** The states, each with the fields of its data. */
  readonly states: S
  /** The events, each with the fields that it brings. */
  readonly events: E
  /** The fields that are gathered on the way, whatever the state. Default: anything. */
  readonly data?: F | undefined
  /** What transitions may `emit` into the outbox. */
  readonly message?: Schema.Schema<M, MI, MR> | undefined
  /** The state where nothing is stored; one that needs no fields by its name. */
  readonly initial: Members.Plain<S> | Members.Union<S>
  /** What each event does in each state. What is not here is refused with `NoTransition`. */
  readonly on: T & Known<T, S, E>
  /**
   * The state of a context whose stored state the machine does not have, because it was renamed or dropped. Without this, or
   * where it gives `undefined`, that is an `UnknownState`.
   */
  readonly fallback?: ((stored: Unknown) => Members.Union<S> | undefined) | undefined
}

/**
 * Makes a state machine. A transition that names a state or an event that the machine does not have, or that leaves a field of
 * the next state out, does not compile.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  const S extends Members.Members,
  const E extends Members.Members,
  const T extends Table<S, E, Dictionary.Dictionary<F>, M>,
  F extends Dictionary.Fields = Dictionary.Fields,
  M = never,
  MI = never,
  MR = never
>(
  definition: Definition<S, E, T, F, M, MI, MR>
): Defined<
  S,
  E,
  Dictionary.Dictionary<F>,
  M,
  Edges<T>,
  Members.Services<S> | Members.Services<E> | Dictionary.Services<F> | MR
> => {
  const states = Members.schemas(definition.states)
  const events = Members.schemas(definition.events)
  const { data, initial } = definition
  const fill = (tag: string, fields: object) => Members.fill(states, tag, fields)
  const machine = {
    id: definition.id,
    states,
    events,
    State: Members.union(states),
    Event: Members.union(events),
    Data: Dictionary.schema(data),
    Message: definition.message,
    tags: Object.keys(definition.states),
    initial: Predicate.isString(initial) ? fill(initial, {}) : initial,
    rules: rulesOf(definition.on),
    fill,
    fallback: definition.fallback,
    [TypeId]: {} // For types alone.
  }
  // The schema of the data is the one of its fields, or of anything, and whatever the schemas need is in the last parameter.
  return machine as unknown as ReturnType<typeof make<S, E, T, F, M, MI, MR>>
}
