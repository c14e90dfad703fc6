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
 * What the functions of a transition are shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface Arguments<State, Event, Data> {
  /** The state that is left. */
  readonly state: State
  readonly event: Event
  /** What was gathered so far. */
  readonly data: Data
}

/**
 * A transition from one state by one event. All its functions are pure: they may run again when another writer was faster.
 *
 * @since 0.1.0
 * @category models
 */
export type Transition<
  S extends Members.Members,
  E extends Members.Members,
  D,
  M,
  From extends Members.Tag<S>,
  On extends Members.Tag<E>
> = {
  readonly [To in Members.Tag<S>]: TransitionTo<
    S,
    Arguments<Members.Member<S, From>, Members.Member<E, On>, D>,
    D,
    M,
    To
  >
}[Members.Tag<S>]

type TransitionTo<S extends Members.Members, Args, D, M, To extends Members.Tag<S>> = {
  /** The next state. */
  readonly to: To
  /** Whether the transition is taken. Of several for one event the first is taken whose guard says yes, or that has none. */
  readonly guard?: ((args: Args) => boolean) | undefined
  /** What the transition changes in the data: the fields it gives are laid over those there are; `"clear"` drops all. */
  readonly data?: "clear" | ((args: Args) => Partial<D>) | undefined
  /** The message that goes to the outbox in the same commit. */
  readonly emit?: ((args: Args & { readonly next: Members.Member<S, To> }) => M) | undefined
  /** Leaves and enters the state also where it stays the same, so that its effects run. */
  readonly reenter?: boolean | undefined
  /** What a drawing says of the guard, instead of its function's name. */
  readonly label?: string | undefined
} & (To extends Members.Plain<S>
  ? { readonly fields?: ((args: Args) => Members.Fields<S, To>) | undefined }
  : {
      /** The data of the next state. */
      readonly fields: (args: Args) => Members.Fields<S, To>
    })

/**
 * The transitions of a machine, by state and event. The name of a state that needs no fields is a transition to it.
 *
 * @since 0.1.0
 * @category models
 */
export type Table<S extends Members.Members, E extends Members.Members, D, M> = {
  readonly [From in Members.Tag<S>]?: {
    readonly [On in Members.Tag<E>]?:
      | Members.Plain<S>
      | Transition<S, E, D, M, From, On>
      | ReadonlyArray<Transition<S, E, D, M, From, On>>
  }
}

/**
 * A table that names states and events of the machine only.
 *
 * @since 0.1.0
 * @category models
 */
export type Known<T, S, E> = {
  readonly [From in keyof T]: From extends keyof S ? KnownRow<T[From], E> : never
}

type KnownRow<Row, E> = { readonly [On in keyof Row]: On extends keyof E ? Row[On] : never }

/**
 * A transition's names.
 *
 * @since 0.1.0
 * @category models
 */
export interface Edge<From extends string = string, On extends string = string, To extends string = string> {
  readonly from: From
  readonly event: On
  readonly to: To
}

/**
 * The edges that a table has.
 *
 * @since 0.1.0
 * @category models
 */
export type Edges<T> = {
  [From in keyof T & string]: { [On in keyof T[From] & string]: Edge<From, On, Target<T[From][On]>> }[keyof T[From] &
    string]
}[keyof T & string]

type Target<R> = R extends string
  ? R
  : R extends ReadonlyArray<infer Item>
    ? Target<Item>
    : R extends { readonly to: infer To extends string }
      ? To
      : never

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
 * A transition as the machine keeps it, without its types: `make` has checked them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Rule extends Edge {
  readonly guard: ((args: unknown) => boolean) | undefined
  readonly fields: ((args: unknown) => object) | undefined
  readonly data: "clear" | ((args: unknown) => object) | undefined
  readonly emit: ((args: unknown) => unknown) | undefined
  readonly reenter: boolean
  /** The guard's name, if there is a guard. */
  readonly label: string | undefined
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

interface Row {
  readonly to: string
  readonly guard?: Rule["guard"]
  readonly fields?: Rule["fields"]
  readonly data?: Rule["data"]
  readonly emit?: Rule["emit"]
  readonly reenter?: boolean
  readonly label?: string
}

const rulesOf = (table: object): ReadonlyArray<Rule> => {
  // A table, as Table says, whose functions are shown what they were declared for.
  const rows = table as { readonly [from: string]: { readonly [event: string]: string | Row | ReadonlyArray<Row> } }
  return Object.entries(rows).flatMap(([from, events]) =>
    Object.entries(events).flatMap(([event, cell]) =>
      [cell].flat().map((row) => ruleOf(from, event, Predicate.isString(row) ? { to: row } : row))
    )
  )
}

const ruleOf = (from: string, event: string, { data, emit, fields, guard, label, reenter = false, to }: Row): Rule => ({
  from,
  event,
  to,
  guard,
  fields,
  data,
  emit,
  reenter,
  label: guard === undefined ? undefined : (label ?? nameOf(guard))
})

/** A function that was written in place is called after its property, which says nothing. */
const nameOf = ({ name }: Function): string => (name === "" || name === "guard" ? "guarded" : name)
