/**
 * The transitions of a state machine: a table that the compiler checks, and the rules that it comes to.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import type * as Members from "./Members.ts"

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

interface Row {
  readonly to: string
  readonly guard?: Rule["guard"]
  readonly fields?: Rule["fields"]
  readonly data?: Rule["data"]
  readonly emit?: Rule["emit"]
  readonly reenter?: boolean
  readonly label?: string
}

/**
 * The rules of a table, in its order.
 *
 * @since 0.1.0
 * @category constructors
 */
export const rulesOf = (table: object): ReadonlyArray<Rule> => {
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
