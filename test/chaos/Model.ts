/**
 * What one key of a store does, one operation after the other.
 *
 * A key has a value, if it is there, and a version. The result of an add, or of a write that nobody heard of, does not tell the
 * version. Then only the least that it can be is known (`exact: false`): each write draws at least one more than the write
 * before it, also across a delete; the first read, or the first swap that succeeds, tells.
 */
import type { Operation } from "./History.ts"

export interface State {
  readonly value: number | undefined
  /** The version, if `exact`; else the least that it can be. For an absent key: the least that the next one can be. */
  readonly version: number
  readonly exact: boolean
}

export const initial: State = { value: undefined, version: 1, exact: false }

/**
 * The state after an operation; `undefined` if it can't have this result here. The very same state is given back by what changes
 * nothing, such as an unknown operation that does nothing.
 */
export const apply = (state: State, { action, result }: Operation): State | undefined => {
  const isUnknown = result._tag === "Unknown"
  switch (action._tag) {
    case "Get":
      return result._tag === "Found" ? found(state, result.value, result.version) : ifAbsent(state)
    case "Set":
      return written(state, action.value, result._tag === "Written" ? result.version : undefined)
    case "Swap": {
      const met = action.expected === "absent" ? ifAbsent(state) : matching(state, action.expected)
      if (isUnknown) return met === undefined ? state : written(met, action.value, undefined)
      if (result._tag === "Conflict") return mustMatch(state, action.expected) ? undefined : state
      return met && written(met, action.value, result._tag === "Written" ? result.version : undefined)
    }
    case "Delete": {
      const wasThere = state.value !== undefined
      if (!isUnknown && !(result._tag === "Deleted" && result.wasThere === wasThere)) return undefined
      return wasThere ? { value: undefined, version: leastNext(state), exact: false } : state
    }
    case "Add": {
      const sum = (state.value ?? 0) + action.delta
      return isUnknown || (result._tag === "Added" && result.sum === sum) ? written(state, sum, undefined) : undefined
    }
  }
}

/** The value that an operation must meet, if its result tells. */
export const valueBefore = ({ action, result }: Operation): number | undefined => {
  if (result._tag === "Found") return result.value
  return result._tag === "Added" && action._tag === "Add" ? result.sum - action.delta : undefined
}

/** The least version that an operation's result speaks of: it has no place after a greater one. */
export const leastVersion = ({ action, result }: Operation): number => {
  if (!("version" in result)) return Number.POSITIVE_INFINITY
  return action._tag === "Swap" && action.expected !== "absent" ? action.expected : result.version
}

const ifAbsent = (state: State): State | undefined => (state.value === undefined ? state : undefined)

const found = (state: State, value: number, version: number): State | undefined =>
  state.value === value ? matching(state, version) : undefined

const written = (state: State, value: number, version: number | undefined): State | undefined => {
  const least = leastNext(state)
  if (version === undefined) return { value, version: least, exact: false }
  return version >= least ? { value, version, exact: true } : undefined
}

/** The least version that a write can get now. */
const leastNext = ({ value, version }: State): number => (value === undefined ? version : version + 1)

/** The state with this version, if it can have it. */
const matching = (state: State, version: number): State | undefined => {
  if (state.value === undefined) return undefined
  if (state.exact) return state.version === version ? state : undefined
  return version >= state.version ? { value: state.value, version, exact: true } : undefined
}

const mustMatch = (state: State, expected: number | "absent"): boolean =>
  expected === "absent" ? state.value === undefined : state.exact && state.version === expected
