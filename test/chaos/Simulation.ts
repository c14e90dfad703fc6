/** Histories of a store that is right, made up without one: each operation takes effect at a moment of its own. Pure. */
import type { Action, Operation, Result } from "./History.ts"

/** What a client does next, and what becomes of it. */
export interface Step {
  readonly key: string
  readonly kind: Action["_tag"]
  /** What a set or a swap writes, or an add adds. */
  readonly number: number
  readonly waitNs: number
  /** From the call to the moment of its effect. */
  readonly effectNs: number
  /** From the effect to the return. */
  readonly returnNs: number
  /** Whether there is no answer: then the client goes on as if it had returned, and its effect comes so much later, or never. */
  readonly lost?: { readonly lateNs: number | "never" } | undefined
}

interface Event {
  readonly atNs: number
  readonly happen: () => void
}

/** The history of clients that do their steps one after the other. */
export const run = (clients: ReadonlyArray<ReadonlyArray<Step>>): ReadonlyArray<Operation> => {
  const history: Array<Operation> = []
  const events: Array<Event> = []
  const states = new Map<string, State>()
  const at = (atNs: number, happen: () => void) => void events.push({ atNs, happen })
  for (const [client, steps] of clients.entries()) start(`c${client}`, steps, at, states, history)
  for (;;) {
    const next = events.reduce<Event | undefined>((a, b) => (a === undefined || b.atNs < a.atNs ? b : a), undefined)
    if (next === undefined) return history
    events.splice(events.indexOf(next), 1)
    next.happen()
  }
}

const start = (
  client: string,
  steps: ReadonlyArray<Step>,
  at: (atNs: number, happen: () => void) => void,
  states: Map<string, State>,
  history: Array<Operation>
) => {
  const told = new Map<string, number | "absent">()
  const go = (nowNs: number, n: number): void => {
    const step = steps[n]
    if (step === undefined) return
    const { effectNs, key, lost, returnNs, waitNs } = step
    const calledNs = nowNs + waitNs
    const returnedNs = calledNs + effectNs + returnNs
    at(calledNs, () => {
      const action = actionOf(step, told.get(key) ?? "absent")
      const effect = () => {
        const state = states.get(key) ?? { value: undefined, version: 0 }
        states.set(key, state)
        return act(state, action)
      }
      if (lost === undefined) {
        at(calledNs + effectNs, () => {
          const result = effect()
          if ("version" in result) told.set(key, result.version)
          if (result._tag === "Absent") told.set(key, "absent")
          history.push({ client, key, calledNs, returnedNs, action, result })
        })
      } else {
        if (lost.lateNs !== "never") at(calledNs + effectNs + lost.lateNs, effect)
        const result: Result = { _tag: "Unknown" }
        if (action._tag !== "Get") {
          history.push({ client, key, calledNs, returnedNs: Number.POSITIVE_INFINITY, action, result })
        }
      }
      at(returnedNs, () => go(returnedNs, n + 1))
    })
  }
  go(0, 0)
}

const actionOf = ({ kind, number }: Step, expected: number | "absent"): Action => {
  switch (kind) {
    case "Get":
    case "Delete":
      return { _tag: kind }
    case "Set":
      return { _tag: kind, value: number }
    case "Swap":
      return { _tag: kind, value: number, expected }
    case "Add":
      return { _tag: kind, delta: number }
  }
}

interface State {
  value: number | undefined
  version: number
}

const act = (state: State, action: Action): Result => {
  const write = (value: number): Result => {
    state.value = value
    // Another key took a version meanwhile.
    state.version += 2
    return { _tag: "Written", version: state.version }
  }
  switch (action._tag) {
    case "Get":
      return state.value === undefined
        ? { _tag: "Absent" }
        : { _tag: "Found", value: state.value, version: state.version }
    case "Set":
      return write(action.value)
    case "Swap":
      return action.expected === (state.value === undefined ? "absent" : state.version)
        ? write(action.value)
        : { _tag: "Conflict" }
    case "Delete": {
      const wasThere = state.value !== undefined
      state.value = undefined
      return { _tag: "Deleted", wasThere }
    }
    case "Add": {
      const sum = (state.value ?? 0) + action.delta
      write(sum)
      return { _tag: "Added", sum }
    }
  }
}
