/**
 * Is there an order of a history's operations that respects time (what returned before another was called comes first)
 * and in which every result is right? That is linearizability, and this is Wing and Gong's search for such an order, with
 * Lowe's memory of configurations already met. Pure.
 *
 * Linearizability is local: a history is linearizable if its operations on each key are. So each key is searched alone.
 *
 * **The model of a key** is its value, if it is there, and what is known of its version. The result of an add, or of a
 * write that nobody heard of, does not tell the version. Then only a lower bound is known (`exact: false`): each write draws
 * at least one more than the write before it, also across a delete; the first read, or the first swap that succeeds, tells.
 * A conflict with a version that is only possible is accepted without remembering that it was ruled out: clients expect
 * versions that they were told of, and such a version is known before it is expected.
 *
 * **Unknown operations** may be placed anywhere after their call, or nowhere. Trying them everywhere would take exponential
 * time, so one is placed only where some operation that may come next is impossible without it: if all are possible,
 * leaving it out now leads to the same state, or to one that allows more, and keeps it for later. Next then comes one that was
 * impossible. Several unknown ones in a row are one write or delete at most, and adds after it: what an unknown write hides could
 * have been left out. Adds commute, so that their order is fixed, and no deltas are negative, so that sums tell when to stop.
 */
import * as Array from "effect/Array"
import type { Operation } from "./History.ts"

export type Verdict =
  | { readonly _tag: "Linearizable" }
  | {
      readonly _tag: "Violation"
      readonly key: string
      /** The longest order that was found, and the operations that could come next and none of which fits. */
      readonly prefix: ReadonlyArray<Operation>
      readonly stuck: ReadonlyArray<Operation>
      readonly state: State
    }
  | { readonly _tag: "Undecided"; readonly key: string; readonly steps: number }

export interface State {
  readonly value: number | undefined
  /** The version, if `exact`; else (and for an absent key) the least that it, or the next one, can be. */
  readonly version: number
  readonly exact: boolean
}

/** More configurations than these are given up on, so that a hopeless history ends, too. */
const stepsMax = 50_000

const initial: State = { value: undefined, version: 1, exact: false }

export const check = (history: ReadonlyArray<Operation>): Verdict => {
  const keys = Array.groupBy(history, (operation) => operation.key)
  for (const [key, operations] of Object.entries(keys)) {
    const verdict = checkKey(key, operations)
    if (verdict._tag !== "Linearizable") return verdict
  }
  return { _tag: "Linearizable" }
}

const checkKey = (key: string, operations: ReadonlyArray<Operation>): Verdict => {
  const known = operations.filter(isKnown).sort((a, b) => a.calledNs - b.calledNs)
  const unknown = operations.filter((operation) => !isKnown(operation))
  const usedKnown = known.map(() => false)
  const usedUnknown = unknown.map(() => false)
  const met = new Map<string, Array<ReadonlySet<number>>>()
  const order: Array<Operation> = []
  let steps = 0
  let best: { readonly prefix: ReadonlyArray<Operation>; readonly stuck: ReadonlyArray<Operation>; state: State } = {
    prefix: [],
    stuck: [],
    state: initial
  }

  const place = (operation: Operation, used: Array<boolean>, i: number, go: () => boolean): boolean => {
    used[i] = true
    order.push(operation)
    if (go()) return true
    used[i] = false
    order.pop()
    return false
  }

  /** `start` is the first known operation, by call, that may have no place yet. */
  const search = (start: number, state: State): boolean => {
    let first = start
    while (usedKnown[first]) first++
    if (first === known.length) return true
    if (state.version > leastVersion(known, usedKnown, first)) return false
    if (isOld(configurationOf(first, usedKnown, state))) return false
    const candidates = nextOf(known, usedKnown, first)
    const impossible: Array<number> = []
    for (const [i, operation] of candidates) {
      const next = apply(state, operation)
      if (next === undefined) impossible.push(i)
      else if (place(operation, usedKnown, i, () => search(first, next))) return true
      // What changes nothing, not even what is known, had its place here as well as anywhere.
      else if (next === state) return false
    }
    if (order.length >= best.prefix.length) {
      best = { prefix: [...order], stuck: candidates.map(([, operation]) => operation), state }
    }
    return impossible.length > 0 && insert(first, state, impossible)
  }

  /** Places unknown operations, those behind `after`, until one of the `wanted` is possible. Only adds follow others. */
  const insert = (first: number, state: State, wanted: ReadonlyArray<number>, after?: number): boolean => {
    if (++steps > stepsMax) return false
    const deadlineNs = Math.min(...nextOf(known, usedKnown, first).map(([, { returnedNs }]) => returnedNs))
    const tried = [...unknown.entries()].sort(([, a], [, b]) => preference(a, wanted) - preference(b, wanted))
    for (const [i, operation] of tried) {
      const isAdd = operation.action._tag === "Add"
      if (usedUnknown[i] || operation.calledNs > deadlineNs || (after !== undefined && (!isAdd || i <= after))) continue
      const next = apply(state, operation)
      if (next === undefined || next === state) continue
      const go = () => {
        for (const j of wanted) {
          const target = known[j]
          const then = target && apply(next, target)
          if (target && then && place(target, usedKnown, j, () => search(first, then))) return true
        }
        return canReach(next, wanted) && insert(first, next, wanted, isAdd ? i : -1)
      }
      if (place(operation, usedUnknown, i, go)) return true
    }
    return false
  }

  const canReach = (state: State, wanted: ReadonlyArray<number>): boolean =>
    wanted.some((i) => {
      const value = valueBefore(known[i])
      return value === undefined || value > (state.value ?? 0)
    })

  /** Who failed here before with fewer unknown operations used up had all the choices that there are now. */
  const isOld = (configuration: string): boolean => {
    if (++steps > stepsMax) return true
    const used = new Set(usedUnknown.flatMap((used, i) => (used ? [i] : [])))
    const before = met.get(configuration) ?? []
    if (before.some((fewer) => [...fewer].every((i) => used.has(i)))) return true
    met.set(configuration, [...before, used])
    return false
  }

  /** What was seen later is kept for it, unless it is wanted now. */
  const seen = new Set(known.flatMap((operation) => valueBefore(operation) ?? []))
  const preference = (operation: Operation, wanted: ReadonlyArray<number>): number => {
    const value = "value" in operation.action ? operation.action.value : undefined
    if (value === undefined) return 2
    return wanted.some((i) => valueBefore(known[i]) === value) ? 0 : seen.has(value) ? 3 : 1
  }

  if (search(0, initial)) return { _tag: "Linearizable" }
  return steps > stepsMax ? { _tag: "Undecided", key, steps } : { _tag: "Violation", key, ...best }
}

const isKnown = (operation: Operation): boolean => operation.result._tag !== "Unknown"

/** The value that an operation must meet, if its result tells. */
const valueBefore = (operation: Operation | undefined): number | undefined => {
  if (operation?.result._tag === "Found") return operation.result.value
  return operation?.result._tag === "Added" && operation.action._tag === "Add"
    ? operation.result.sum - operation.action.delta
    : undefined
}

/** The operations without a place, with their numbers, that no other one without a place returned before: a few, one a client. */
const nextOf = (known: ReadonlyArray<Operation>, used: ReadonlyArray<boolean>, first: number) => {
  const open: Array<readonly [number, Operation]> = []
  let deadlineNs = Number.POSITIVE_INFINITY
  for (let i = first; i < known.length; i++) {
    const operation = known[i]
    if (operation === undefined || operation.calledNs > deadlineNs) break
    if (used[i]) continue
    open.push([i, operation])
    deadlineNs = Math.min(deadlineNs, operation.returnedNs)
  }
  // Reads first; of the writes the one with the least version, as no other order can be right.
  return open.sort(([, a], [, b]) => rank(a) - rank(b))
}

const rank = ({ action, result }: Operation): number => {
  if (action._tag === "Get" || result._tag === "Conflict") return 0
  return result._tag === "Written" ? result.version : 1
}

/** The least version that an operation without a place tells of: no state before it has a greater one. */
const leastVersion = (known: ReadonlyArray<Operation>, used: ReadonlyArray<boolean>, first: number): number => {
  let least = Number.POSITIVE_INFINITY
  for (let i = first; i < known.length; i++) {
    const result = known[i]?.result
    if (!used[i] && result && "version" in result && result.version < least) least = result.version
  }
  return least
}

const configurationOf = (
  first: number,
  usedKnown: ReadonlyArray<boolean>,
  { value, version, exact }: State
): string => {
  let text = `${value},${version},${exact},${first}`
  for (let i = usedKnown.length - 1; i > first; i--) if (usedKnown[i]) text += `,${i}`
  return text
}

/** The state after an operation; `undefined` if it can't have this result here. An unknown one that does nothing gives the same. */
export const apply = (state: State, { action, result }: Operation): State | undefined => {
  const isUnknown = result._tag === "Unknown"
  switch (action._tag) {
    case "Get":
      return result._tag === "Found" ? found(state, result.value, result.version) : ifAbsent(state, state)
    case "Set":
      return written(state, action.value, result._tag === "Written" ? result.version : undefined)
    case "Swap": {
      const met = matching(state, action.expected)
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

const ifAbsent = (state: State, next: State) => (state.value === undefined ? next : undefined)

const found = (state: State, value: number, version: number): State | undefined => {
  if (state.value !== value) return undefined
  if (state.exact) return state.version === version ? state : undefined
  return version >= state.version ? { value, version, exact: true } : undefined
}

const written = (state: State, value: number, version: number | undefined): State | undefined => {
  const least = leastNext(state)
  if (version === undefined) return { value, version: least, exact: false }
  return version >= least ? { value, version, exact: true } : undefined
}

/** The least version that a write can get now. */
const leastNext = ({ value, version, exact }: State): number => (exact || value !== undefined ? version + 1 : version)

/** The state, if it can be as a swap expects. */
const matching = (state: State, expected: number | "absent"): State | undefined => {
  if (expected === "absent") return ifAbsent(state, state)
  return state.value === undefined ? undefined : found(state, state.value, expected)
}

const mustMatch = (state: State, expected: number | "absent"): boolean =>
  expected === "absent" ? state.value === undefined : state.exact && state.version === expected
