/** How far a search for an order has come on one key. See Checker.ts for what makes it right. */
import type { Operation } from "./History.ts"
import * as Model from "./Model.ts"

export interface Configuration {
  readonly state: Model.State
  /** Operations, by number, that have a place and have not returned. */
  readonly placed: ReadonlySet<number>
  /** The unknown operations that were used up, a bit each. */
  readonly used: bigint
  readonly order: Order | undefined
}

/** An order, from its end. */
interface Order {
  readonly operation: Operation
  readonly before: Order | undefined
}

export type Numbered = ReadonlyArray<readonly [number, Operation]>

export const initial: Configuration = { state: Model.initial, placed: new Set(), used: 0n, order: undefined }

export const orderOf = ({ order }: Configuration): ReadonlyArray<Operation> => {
  const operations: Array<Operation> = []
  for (let at = order; at !== undefined; at = at.before) operations.push(at.operation)
  return operations.reverse()
}

export const lengthOf = (configuration: Configuration): number => orderOf(configuration).length

/** Places what changes nothing. */
export const settle = (configuration: Configuration, open: Numbered): Configuration => {
  const free = open.filter(
    ([i, operation]) =>
      !configuration.placed.has(i) && Model.apply(configuration.state, operation) === configuration.state
  )
  return free.reduce((before, [i, operation]) => put(before, i, operation, before.state), configuration)
}

/** Forgets that an operation has its place: it has returned, so that all that follow know. */
export const leave = (configuration: Configuration, i: number): Configuration => ({
  ...configuration,
  placed: new Set([...configuration.placed].filter((other) => other !== i))
})

/** All that the configuration can become when an operation comes next, behind available unknown ones if it must. */
export const place = (
  configuration: Configuration,
  i: number,
  operation: Operation,
  available: ReadonlyArray<Operation>
): ReadonlyArray<Configuration> => {
  const state = Model.apply(configuration.state, operation)
  if (state !== undefined) return [put(configuration, i, operation, state)]
  return explanations(configuration, operation, available).flatMap((before) => {
    const state = Model.apply(before.state, operation)
    return state === undefined ? [] : [put(before, i, operation, state)]
  })
}

/** The configuration behind unknown operations, in all the ways that may make an operation possible that is not. */
const explanations = (
  configuration: Configuration,
  operation: Operation,
  available: ReadonlyArray<Operation>
): ReadonlyArray<Configuration> => {
  const value = Model.valueBefore(operation)
  const isAdd = ({ action }: Operation) => action._tag === "Add"
  const adds = available.flatMap((unknown, i) => (isAdd(unknown) ? [[i, unknown] as const] : []))
  const others = available.flatMap((unknown, i) => (isAdd(unknown) ? [] : [[i, unknown] as const]))
  const afterOne = others.flatMap(([i, unknown]) => use(configuration, i, unknown))
  const afterTwo = afterOne
    .filter(({ state }) => state.value === undefined)
    .flatMap((deleted) =>
      others.flatMap(([i, unknown]) => (unknown.action._tag === "Swap" ? use(deleted, i, unknown) : []))
    )
  const heads = [configuration, ...afterOne, ...afterTwo]
  // Whose result doesn't tell a value needs a change at most, whatever it is.
  if (value === undefined) return [...heads, ...adds.flatMap(([i, unknown]) => use(configuration, i, unknown))]
  return heads.flatMap((head) => addUpTo(head, value, adds))
}

/** The configuration behind those of the adds, in all choices, that make its value so great. */
const addUpTo = (configuration: Configuration, value: number, adds: Numbered): ReadonlyArray<Configuration> => {
  const missing = value - (configuration.state.value ?? 0)
  if (missing === 0) return [configuration]
  return adds.flatMap(([i, operation], n) => {
    if (operation.action._tag !== "Add" || operation.action.delta > missing) return []
    return use(configuration, i, operation).flatMap((next) => addUpTo(next, value, adds.slice(n + 1)))
  })
}

/** Places an unknown operation, if it was not used up and does something. */
const use = (configuration: Configuration, i: number, operation: Operation): ReadonlyArray<Configuration> => {
  const bit = 1n << BigInt(i)
  const state = Model.apply(configuration.state, operation)
  if ((configuration.used & bit) !== 0n || state === undefined || state === configuration.state) return []
  return [
    { ...configuration, state, used: configuration.used | bit, order: { operation, before: configuration.order } }
  ]
}

const put = (configuration: Configuration, i: number, operation: Operation, state: Model.State): Configuration => ({
  ...configuration,
  state,
  placed: new Set(configuration.placed).add(i),
  order: { operation, before: configuration.order }
})

/** Configurations, without those that others make needless. */
export const makeSet = () => {
  const groups = new Map<string, ReadonlyArray<Configuration>>()
  return {
    all: (): ReadonlyArray<Configuration> => [...groups.values()].flat(),
    /** Whether it was not needless. */
    add: (configuration: Configuration): boolean => {
      const group = `${configuration.state.value} ${[...configuration.placed].sort((a, b) => a - b)}`
      const others = groups.get(group) ?? []
      if (others.some((other) => canAllOf(other, configuration))) return false
      groups.set(group, [...others.filter((other) => !canAllOf(configuration, other)), configuration])
      return true
    }
  }
}

/** Whether all that the other one can do, of the same value and places, this one can do, too. */
const canAllOf = (one: Configuration, other: Configuration): boolean => {
  if ((one.used & ~other.used) !== 0n) return false
  if (one.state.exact) return other.state.exact && one.state.version === other.state.version
  return one.state.version <= other.state.version
}
