import { assert, describe, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Function from "effect/Function"
import * as Random from "effect/Random"
import * as Checker from "./Checker.ts"
import type { Action, Operation, Result } from "./History.ts"
import * as Simulation from "./Simulation.ts"

/** An operation that took from one time to another; without an end its result is unknown. */
const op = (calledNs: number, returnedNs: number | "unknown", action: Action, result?: Result): Operation => ({
  client: "c",
  key: "k",
  calledNs,
  returnedNs: returnedNs === "unknown" ? Number.POSITIVE_INFINITY : returnedNs,
  action,
  result: result ?? { _tag: "Unknown" }
})
const get: Action = { _tag: "Get" }
const set = (value: number): Action => ({ _tag: "Set", value })
const swap = (value: number, expected: number | "absent"): Action => ({ _tag: "Swap", value, expected })
const del: Action = { _tag: "Delete" }
const add = (delta: number): Action => ({ _tag: "Add", delta })
const found = (value: number, version: number): Result => ({ _tag: "Found", value, version })
const absent: Result = { _tag: "Absent" }
const written = (version: number): Result => ({ _tag: "Written", version })
const conflict: Result = { _tag: "Conflict" }
const deleted = (wasThere: boolean): Result => ({ _tag: "Deleted", wasThere })
const sum = (sum: number): Result => ({ _tag: "Added", sum })

const bad: Record<string, ReadonlyArray<Operation>> = {
  "a stale read": [op(1, 2, set(10), written(1)), op(3, 4, set(20), written(2)), op(5, 6, get, found(10, 1))],
  "a read of nothing after a write": [op(1, 2, set(10), written(1)), op(3, 4, get, absent)],
  "reads that go back, during a write": [
    op(1, 2, set(10), written(1)),
    op(3, 10, set(20), written(2)),
    op(4, 5, get, found(20, 2)),
    op(6, 7, get, found(10, 1))
  ],
  "a lost update": [
    op(1, 2, set(10), written(1)),
    op(3, 6, add(1), sum(11)),
    op(4, 5, add(2), sum(12)),
    op(7, 8, get, found(12, 3))
  ],
  "a swap that succeeded twice": [
    op(1, 2, set(10), written(1)),
    op(3, 6, swap(20, 1), written(2)),
    op(4, 5, swap(30, 1), written(3))
  ],
  "two that both found it absent": [op(1, 4, swap(10, "absent"), written(1)), op(2, 3, swap(20, "absent"), written(2))],
  "a conflict without a reason": [op(1, 2, set(10), written(1)), op(3, 4, swap(20, 1), conflict)],
  "a conflict with what is absent": [op(1, 2, swap(20, "absent"), conflict)],
  "a version that goes back": [op(1, 2, set(10), written(5)), op(3, 4, set(20), written(4))],
  "a version that repeats after a delete": [
    op(1, 2, set(10), written(5)),
    op(3, 4, del, deleted(true)),
    op(5, 6, set(20), written(5))
  ],
  "a version that leaves no room for an add between": [
    op(1, 2, set(10), written(5)),
    op(3, 4, add(1), sum(11)),
    op(5, 6, set(20), written(6))
  ],
  "one value under two versions": [op(1, 2, add(1), sum(1)), op(3, 4, get, found(1, 7)), op(5, 6, get, found(1, 8))],
  "an add counted twice": [op(1, 2, add(1), sum(1)), op(3, 4, get, found(2, 2))],
  "an unknown add counted twice": [op(1, "unknown", add(1)), op(2, 3, add(5), sum(6)), op(4, 5, get, found(7, 4))],
  "an unknown write that is seen, then gone, then seen": [
    op(1, 2, set(10), written(1)),
    op(3, "unknown", set(20)),
    op(4, 5, get, found(20, 2)),
    op(6, 7, set(30), written(3)),
    op(8, 9, get, found(20, 4))
  ],
  "an unknown write that is seen before it was called": [op(1, 2, get, found(20, 1)), op(3, "unknown", set(20))],
  "a write that was said not to be applied, and is seen": [op(1, 2, get, found(20, 1))],
  "a value from nowhere": [op(1, 2, set(10), written(1)), op(3, 4, get, found(11, 2))],
  "a delete that found what was not there": [op(1, 2, del, deleted(true))],
  "a delete that two made": [op(1, 2, set(10), written(1)), op(3, 6, del, deleted(true)), op(4, 5, del, deleted(true))],
  "an unknown swap that took place over another version": [
    op(1, 2, set(10), written(1)),
    op(3, 4, set(20), written(2)),
    op(5, "unknown", swap(30, 1)),
    op(6, 7, get, found(30, 3))
  ]
}

const good: Record<string, ReadonlyArray<Operation>> = {
  "nothing at all": [],
  "concurrent writes, read in the other order": [
    op(1, 5, set(10), written(2)),
    op(2, 4, set(20), written(1)),
    op(6, 7, get, found(10, 2))
  ],
  "a read during a write, of either value": [
    op(1, 2, set(10), written(1)),
    op(3, 9, set(20), written(2)),
    op(4, 5, get, found(10, 1)),
    op(6, 7, get, found(20, 2))
  ],
  "an unknown write that never happened": [
    op(1, 2, set(10), written(1)),
    op(3, "unknown", set(20)),
    op(4, 5, get, found(10, 1)),
    op(6, 7, swap(30, 1), written(2))
  ],
  "an unknown write applied late, over others' later ones": [
    op(1, "unknown", set(20)),
    op(2, 3, set(10), written(1)),
    op(4, 5, get, found(10, 1)),
    op(6, 7, set(30), written(2)),
    op(8, 9, get, found(20, 3))
  ],
  "an unknown write that only a conflict tells of": [
    op(1, 2, set(10), written(1)),
    op(3, "unknown", set(20)),
    op(4, 5, swap(30, 1), conflict),
    op(6, 7, set(40), written(3))
  ],
  "an unknown delete that only the next delete tells of": [
    op(1, 2, set(10), written(1)),
    op(3, "unknown", del),
    op(4, 5, get, found(10, 1)),
    op(6, 7, del, deleted(false))
  ],
  "two unknown adds, one of them seen": [
    op(1, "unknown", add(1)),
    op(2, "unknown", add(2)),
    op(3, 4, add(10), sum(12)),
    op(5, 6, get, found(12, 9))
  ],
  "an unknown swap that an unknown delete made possible": [
    op(1, 2, set(10), written(1)),
    op(3, "unknown", del),
    op(4, "unknown", swap(20, "absent")),
    op(5, 6, get, found(20, 2))
  ],
  "an unknown add over an unknown set": [
    op(1, "unknown", add(1)),
    op(2, "unknown", set(100)),
    op(3, 4, get, found(101, 9))
  ],
  "an unknown swap seen by a swap over it": [
    op(1, 2, set(10), written(1)),
    op(3, "unknown", swap(20, 1)),
    op(4, 5, get, found(20, 2)),
    op(6, 7, swap(30, 2), written(3))
  ],
  "versions with gaps": [op(1, 2, set(10), written(100)), op(3, 4, add(1), sum(11)), op(5, 6, get, found(11, 999))]
}

describe("The checker rejects", () => {
  for (const [name, history] of Object.entries(bad)) {
    it(name, () => assert.strictEqual(Checker.check(history)._tag, "Violation"))
  }
})

describe("The checker accepts", () => {
  for (const [name, history] of Object.entries(good)) {
    it(name, () => assert.deepStrictEqual(Checker.check(history), { _tag: "Linearizable" }))
  }
})

/** A history of eight clients on three keys; so many of its operations get no answer, of which every other never takes effect. */
const simulated = (seed: number, operations: number, unansweredPart: number) =>
  Effect.gen(function* () {
    const clients = 8
    const step = (n: number) =>
      Effect.gen(function* () {
        const kind = kinds[yield* Random.nextIntBetween(0, kinds.length)] ?? "Get"
        const isLost = (yield* Random.next) < unansweredPart
        const lateNs = yield* Random.nextIntBetween(-2_500, 2_500)
        return {
          key: `k${yield* Random.nextIntBetween(0, 3)}`,
          kind,
          number: kind === "Add" ? yield* Random.nextIntBetween(1, 1_000_000) : n * 1e9,
          waitNs: yield* Random.nextIntBetween(1, 20),
          effectNs: yield* Random.nextIntBetween(1, 100),
          returnNs: yield* Random.nextIntBetween(1, 100),
          ...(isLost ? { lost: { lateNs: lateNs < 0 ? "never" : lateNs } } : {})
        } satisfies Simulation.Step
      })
    const plans = yield* Effect.forEach(Array.makeBy(clients, Function.identity), (client) =>
      Effect.forEach(Array.makeBy(operations / clients, Function.identity), (n) => step(1 + client + n * clients))
    )
    return Simulation.run(plans)
  }).pipe(Effect.withRandom(Random.make(seed)))

const kinds: ReadonlyArray<Action["_tag"]> = ["Get", "Get", "Get", "Set", "Set", "Swap", "Swap", "Delete", "Add", "Add"]

describe.each([0.02, 0.05])("Of 1,000 operations of which %d are unanswered, the checker", (part) => {
  const seeds = Array.makeBy(20, Function.identity)

  it.effect("accepts what a right store did", () =>
    Effect.forEach(seeds, (seed) =>
      Effect.gen(function* () {
        const history = yield* simulated(seed, 1_000, part)
        assert.deepStrictEqual(Checker.check(history), { _tag: "Linearizable" })
      })
    )
  )

  it.effect("notices a single read that is out of date", () =>
    Effect.forEach(seeds, (seed) =>
      Effect.gen(function* () {
        const history = yield* simulated(seed, 1_000, part)
        const reads = history.filter(({ key, result }) => key === "k1" && result._tag === "Found")
        const early = reads[Math.floor(reads.length / 4)]
        const lastNs = Math.max(...history.map(({ calledNs }) => calledNs))
        assert.isDefined(early)
        const stale = { ...op(lastNs + 1_000, lastNs + 1_001, get, early?.result), key: "k1" }
        assert.strictEqual(Checker.check([...history, stale])._tag, "Violation")
      })
    )
  )
})
