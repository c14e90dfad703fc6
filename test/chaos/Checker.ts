/**
 * Is there an order of a history's operations that respects time (what returned before another was called comes first)
 * and in which every result is right? That is linearizability, and this is Wing and Gong's search for such an order, as Lowe
 * has it: just in time, over all configurations at once, each met but once. Pure.
 *
 * Linearizability is local: a history is linearizable if its operations on each key are. So each key is searched alone.
 *
 * **Just in time**: in the order in which operations returned, each gets its place, behind as many of those that were called by then
 * as need be. A configuration is the state of the key, what has a place though it has not yet returned, and the unknown operations that
 * were used up. All that are possible after a return are kept; if there is none, what was called by then is a history
 * that is not linearizable. What does not change the state gets its place at once: later it would fit no better.
 *
 * **Unknown operations** may be placed anywhere after their call, or nowhere. One is placed only directly before a known one that
 * is impossible without it. If that one is possible without it, it leads to the same state, or to one that allows more, or, if
 * it is a conflict, may as well come first. Of several in a row, a write or a delete hides those before it, which could be left
 * out; what needs them is a swap that expects absence, after a delete. (A swap that expects a version is made by who was told of
 * it: what told of it has its place already, so that nothing unknown is needed to bring that version about.) So before a
 * known one there is nothing, or a write or a delete, or a delete and a swap; and then adds. These commute, and have positive deltas.
 *
 * **A configuration makes another needless** if its value and places are the same, it used up no unknown operation that the other has
 * not, and its version is the same, or known only as a bound that is no greater: whatever the other can do, it can, too.
 */
import * as Array from "effect/Array"
import * as Order from "effect/Order"
import * as Configuration from "./Configuration.ts"
import type { Operation } from "./History.ts"
import * as Model from "./Model.ts"

export type Verdict =
  | { readonly _tag: "Linearizable" }
  | {
      readonly _tag: "Violation"
      readonly key: string
      /** One of the longest orders that were found, and the operations that could come next and none of which fits. */
      readonly prefix: ReadonlyArray<Operation>
      readonly stuck: ReadonlyArray<Operation>
      readonly state: Model.State
    }
  | { readonly _tag: "Undecided"; readonly key: string; readonly steps: number }

/** More configurations than these are given up on, so that a hopeless history ends, too. */
const stepsMax = 200_000

export const check = (history: ReadonlyArray<Operation>): Verdict => {
  const keys = Array.groupBy(history, (operation) => operation.key)
  for (const [key, operations] of Object.entries(keys)) {
    const verdict = checkKey(key, operations)
    if (verdict._tag !== "Linearizable") return verdict
  }
  return { _tag: "Linearizable" }
}

/** Whether each version that is expected was told of before; what breaks this rule can't be checked. */
export const isTold = (history: ReadonlyArray<Operation>): boolean =>
  history.every(({ action, calledNs, key }) => {
    if (action._tag !== "Swap" || action.expected === "absent") return true
    return history.some(
      ({ key: at, result, returnedNs }) =>
        at === key && returnedNs < calledNs && "version" in result && result.version === action.expected
    )
  })

const checkKey = (key: string, operations: ReadonlyArray<Operation>): Verdict => {
  if (!isTold(operations)) throw new Error(`at ${key} a version is expected that nobody was told of`)
  const [unknown, known] = Array.partition(Array.sort(operations, byCall), ({ result }) => result._tag !== "Unknown")
  const leastCalledLater = leastVersionsFrom(known)
  const returned = new Set<number>()
  let frontier: ReadonlyArray<Configuration.Configuration> = [Configuration.initial]
  let steps = 0

  for (const [target, { returnedNs }] of Array.sort([...known.entries()], byReturn)) {
    const isCalled = ({ calledNs }: Operation) => calledNs <= returnedNs
    const called = Array.takeWhile(known, isCalled)
    const open = [...called.entries()].filter(([i]) => !returned.has(i))
    const available = Array.takeWhile(unknown, isCalled)
    const met = Configuration.makeSet()
    const reached = Configuration.makeSet()
    const todo = [...frontier]
    for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
      if (++steps > stepsMax) return { _tag: "Undecided", key, steps }
      const current = Configuration.settle(next, open)
      if (current.placed.has(target)) {
        reached.add(Configuration.leave(current, target))
        continue
      }
      const waiting = open.filter(([i]) => !current.placed.has(i))
      const least = Math.min(leastCalledLater[called.length] ?? 0, ...waiting.map(([, it]) => Model.leastVersion(it)))
      if (current.state.version > least || !met.add(current)) continue
      for (const [i, operation] of waiting) todo.push(...Configuration.place(current, i, operation, available))
    }
    frontier = reached.all()
    if (frontier.length === 0) return { _tag: "Violation", key, ...reportOf(met.all(), open) }
    returned.add(target)
  }
  return { _tag: "Linearizable" }
}

const byCall = Order.mapInput(Order.number, ({ calledNs }: Operation) => calledNs)
const byReturn = Order.mapInput(Order.number, ([, { returnedNs }]: readonly [number, Operation]) => returnedNs)

/** The least version that operations from the n-th on speak of. */
const leastVersionsFrom = (known: ReadonlyArray<Operation>): ReadonlyArray<number> =>
  Array.scanRight(known, Number.POSITIVE_INFINITY, (least, operation) => Math.min(least, Model.leastVersion(operation)))

/** One of the configurations that got furthest, and what has no place in it. */
const reportOf = (met: ReadonlyArray<Configuration.Configuration>, open: Configuration.Numbered) => {
  const furthest = met.reduce(
    (a, b) => (Configuration.lengthOf(b) > Configuration.lengthOf(a) ? b : a),
    Configuration.initial
  )
  const stuck = open.flatMap(([i, operation]) => (furthest.placed.has(i) ? [] : [operation]))
  return { prefix: Configuration.orderOf(furthest), stuck, state: furthest.state }
}
