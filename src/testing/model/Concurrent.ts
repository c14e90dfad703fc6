/**
 * Linearizability: what fibers saw while they ran at once must be what one caller would have seen, in some order that puts
 * no call before one that had ended when it began.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import * as Modification from "../../store/Modification.ts"
import type { Service } from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"

/**
 * A call of a program. `Swap` sets over the version that its fiber saw last; `Move` takes one from a counter and gives it to
 * the other, in one commit.
 *
 * @since 0.1.0
 * @category models
 */
export type Call =
  | { readonly _tag: SimpleTag; readonly key: string }
  | { readonly _tag: "Set"; readonly key: string; readonly ttl: "keep" | undefined }
  | { readonly _tag: "Move"; readonly key: string; readonly to: string }

/**
 * What each fiber does, one call after the other.
 *
 * @since 0.1.0
 * @category models
 */
export type Programs = ReadonlyArray<ReadonlyArray<Call>>

type SimpleTag = "Get" | "Delete" | "Create" | "Swap" | "Modify" | "Add"

const key = FastCheck.constantFrom("a", "b")

/**
 * Programs of three fibers.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const programs: FastCheck.Arbitrary<Programs> = FastCheck.array(
  FastCheck.array(
    FastCheck.oneof(
      {
        weight: 8,
        arbitrary: FastCheck.record({
          _tag: FastCheck.constantFrom<SimpleTag>("Get", "Get", "Delete", "Create", "Swap", "Modify", "Add", "Add"),
          key
        })
      },
      {
        weight: 2,
        arbitrary: FastCheck.record({
          _tag: FastCheck.constant("Set" as const),
          key,
          ttl: FastCheck.constantFrom("keep" as const, undefined)
        })
      },
      {
        weight: 2,
        arbitrary: FastCheck.constantFrom<Call>(
          { _tag: "Move", key: "a", to: "b" },
          { _tag: "Move", key: "b", to: "a" }
        )
      }
    ),
    { minLength: 2, maxLength: 6 }
  ),
  { minLength: 2, maxLength: 3 }
)

interface Cell {
  readonly value: number
  /** `undefined`: written, and seen by nobody yet. */
  readonly version: Version | undefined
}

/** What lies under the keys, and the greatest version each is known to have had. */
interface State {
  readonly cells: Readonly<Record<string, Cell | undefined>>
  readonly last: Readonly<Record<string, number>>
}

/** A call that was made: when, and what it makes of a state, if that state explains its result. */
interface Event {
  readonly call: Call
  readonly startedAt: number
  readonly endedAt: number
  readonly result: unknown
  readonly explain: (state: State) => State | undefined
}

/**
 * Runs programs at once in a namespace of their own. It dies if no order explains what they saw.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (store: Service, programs: Programs): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    let ticks = 0
    let values = 1_000
    const recordAll = (calls: ReadonlyArray<Call>) => {
      const seen = new Map<string, Version>()
      return Effect.forEach(calls, (call) =>
        Effect.suspend(() => {
          const startedAt = ticks++
          return Effect.map(
            perform(store, call, values++, seen),
            ({ explain, result }): Event => ({
              call,
              startedAt,
              endedAt: ticks++,
              result,
              explain
            })
          )
        })
      )
    }
    const histories = yield* Effect.forEach(programs, recordAll, { concurrency: "unbounded" })
    if (!isExplained(histories)) {
      const events = histories.flat().sort((a, b) => a.startedAt - b.startedAt)
      const told = events.map(
        ({ call, endedAt, result, startedAt }) =>
          `${startedAt}-${endedAt} ${JSON.stringify(call)} -> ${JSON.stringify(result)}`
      )
      assert.fail(`no order explains this history:\n${told.join("\n")}`)
    }
  })

interface Performed {
  readonly result: unknown
  readonly explain: Event["explain"]
}

const perform = (
  store: Service,
  call: Call,
  value: number,
  seen: Map<string, Version>
): Effect.Effect<Performed, unknown> => {
  const { key } = call
  const see = (version: Version) => seen.set(key, version)
  switch (call._tag) {
    case "Get":
      return Effect.map(store.get(key), (found) => {
        const entry = Option.getOrUndefined(found)
        if (entry !== undefined) see(entry.version)
        return {
          result: entry && [entry.value, entry.version],
          explain: (state) => sees(state, key, entry && { value: Number(entry.value), version: entry.version })
        }
      })
    case "Set":
      return Effect.map(store.set(key, value, { ttl: call.ttl }), (version) => {
        see(version)
        return { result: version, explain: (state) => writes(state, key, { value, version }) }
      })
    case "Create":
    case "Swap": {
      const ifVersion = call._tag === "Create" ? "absent" : (seen.get(key) ?? "absent")
      return Effect.map(
        Effect.option(
          Effect.catchIf(store.set(key, value, { ifVersion }), ({ _tag }) => _tag !== "VersionConflict", Effect.die)
        ),
        (done) => {
          const version = Option.getOrUndefined(done)
          if (version !== undefined) see(version)
          return {
            result: version ?? "conflict",
            explain: (state) => {
              const holds = demands(state, key, ifVersion)
              return version === undefined
                ? holds === "no" || holds === "maybe"
                  ? state
                  : undefined
                : holds === "no"
                  ? undefined
                  : writes(state, key, { value, version })
            }
          }
        }
      )
    }
    case "Delete":
      return Effect.map(store.delete(key), (result) => ({
        result,
        explain: (state) =>
          (state.cells[key] !== undefined) === result
            ? { ...state, cells: { ...state.cells, [key]: undefined } }
            : undefined
      }))
    case "Add":
      return Effect.map(store.add(key, 1), (result) => ({
        result,
        explain: (state) =>
          (state.cells[key]?.value ?? 0) + 1 === result
            ? writes(state, key, { value: result, version: undefined })
            : undefined
      }))
    case "Modify":
      return Effect.map(
        store.modify(key, (current) => {
          const before = Option.getOrUndefined(current)?.value
          return Effect.succeed([before, Modification.write(value)])
        }),
        (result) => ({
          result: result ?? null,
          explain: (state) =>
            state.cells[key]?.value === result ? writes(state, key, { value, version: undefined }) : undefined
        })
      )
    case "Move":
      return Effect.map(
        store.commit(Atomic.make.pipe(Atomic.add(key, -1), Atomic.add(call.to, 1))),
        ({ results, version }) => ({
          result: [results, version],
          explain: (state) => {
            const [from, to] = [(state.cells[key]?.value ?? 0) - 1, (state.cells[call.to]?.value ?? 0) + 1]
            if (from !== results[0] || to !== results[1]) return undefined
            const first = writes(state, key, { value: from, version })
            return first && writes(first, call.to, { value: to, version })
          }
        })
      )
  }
}

const sees = (state: State, key: string, entry: Cell | undefined): State | undefined => {
  const cell = state.cells[key]
  if (entry === undefined || cell === undefined) return entry === cell ? state : undefined
  if (cell.value !== entry.value) return undefined
  if (cell.version !== undefined) return cell.version === entry.version ? state : undefined
  return writes(state, key, entry)
}

/** A write's version is greater than all that its key had. */
const writes = (state: State, key: string, cell: Cell): State | undefined => {
  const last = state.last[key] ?? 0
  if (cell.version !== undefined && cell.version <= last) return undefined
  return { cells: { ...state.cells, [key]: cell }, last: { ...state.last, [key]: cell.version ?? last } }
}

const demands = (state: State, key: string, version: Version | "absent"): "yes" | "no" | "maybe" => {
  const cell = state.cells[key]
  if (version === "absent" || cell === undefined) return (version === "absent") === (cell === undefined) ? "yes" : "no"
  return cell.version === undefined ? "maybe" : cell.version === version ? "yes" : "no"
}

/** Looks for an order, from the start; what was tried from the same place and state is not tried again. */
const isExplained = (histories: ReadonlyArray<ReadonlyArray<Event>>): boolean => {
  const tried = new Set<string>()
  const from = (positions: ReadonlyArray<number>, state: State): boolean => {
    const nexts = histories.map((events, i) => events[positions[i] ?? 0])
    if (nexts.every((event) => event === undefined)) return true
    const place = `${positions} ${JSON.stringify(state)}`
    if (tried.has(place)) return false
    tried.add(place)
    const firstEnd = Math.min(...nexts.map((event) => event?.endedAt ?? Number.POSITIVE_INFINITY))
    return nexts.some((event, i) => {
      if (event === undefined || event.startedAt > firstEnd) return false
      const next = event.explain(state)
      return (
        next !== undefined &&
        from(
          positions.map((position, j) => (i === j ? position + 1 : position)),
          next
        )
      )
    })
  }
  return from(
    histories.map(() => 0),
    { cells: {}, last: {} }
  )
}
