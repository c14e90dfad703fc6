/** The checker takes many short cuts. On small histories, right and wrong ones, it says what trying everything says. */
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as BruteForce from "./BruteForce.ts"
import * as Checker from "./Checker.ts"
import type { Operation, Result } from "./History.ts"
import * as Simulation from "./Simulation.ts"

const ns = FastCheck.integer({ min: 1, max: 12 })
const number = FastCheck.integer({ min: 1, max: 4 })

const step: FastCheck.Arbitrary<Simulation.Step> = FastCheck.record({
  key: FastCheck.constant("k"),
  kind: FastCheck.constantFrom("Get", "Set", "Swap", "Delete", "Add"),
  // Few numbers, so that the same value comes about in many ways.
  number,
  waitNs: ns,
  effectNs: ns,
  returnNs: ns,
  lost: FastCheck.oneof(
    { weight: 4, arbitrary: FastCheck.constant(undefined) },
    { weight: 1, arbitrary: FastCheck.record({ lateNs: FastCheck.constantFrom<number | "never">(1, 10, 30, "never") }) }
  )
})

const right = FastCheck.array(FastCheck.array(step, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 3 })
  .map(Simulation.run)
  .filter((history) => history.length <= 8)

/** Another result that the same action might have had, or another time. */
const changes: ReadonlyArray<(operation: Operation, by: number) => Operation> = [
  (operation, by) => ({ ...operation, result: otherNumber(operation.result, by) }),
  (operation, by) => ({ ...operation, result: otherAnswer(operation, by) }),
  (operation, by) => ({
    ...operation,
    calledNs: operation.calledNs + 5 * by,
    returnedNs: operation.returnedNs + 5 * by
  }),
  (operation) => ({ ...operation, result: { _tag: "Unknown" }, returnedNs: Number.POSITIVE_INFINITY }),
  (operation, by) => ({ ...operation, returnedNs: operation.returnedNs + 8 * Math.abs(by) })
]

const otherNumber = (result: Result, by: number): Result => {
  if (result._tag === "Found" && by % 2 === 0) return { ...result, value: result.value + by / 2 }
  if ("version" in result) return { ...result, version: Math.max(1, result.version + by) }
  return result._tag === "Added" ? { ...result, sum: result.sum + by } : result
}

const otherAnswer = ({ action, result }: Operation, by: number): Result => {
  if (result._tag === "Deleted") return { ...result, wasThere: !result.wasThere }
  if (result._tag === "Conflict") return { _tag: "Written", version: 2 + Math.abs(by) }
  if (result._tag === "Written" && action._tag === "Swap") return { _tag: "Conflict" }
  if (result._tag === "Absent") return { _tag: "Found", value: Math.abs(by), version: 2 }
  return result._tag === "Found" ? { _tag: "Absent" } : result
}

const by = FastCheck.integer({ min: -3, max: 3 }).filter((by) => by !== 0)
const change = FastCheck.record({ at: FastCheck.nat(8), how: FastCheck.constantFrom(...changes), by })

const wrong = FastCheck.tuple(right, FastCheck.array(change, { minLength: 1, maxLength: 2 }))
  .map(([history, changes]) =>
    changes.reduce(
      (history, { at, by, how }) =>
        history.map((operation, i) => (i === at % history.length ? how(operation, by) : operation)),
      history
    )
  )
  .map((history) => history.filter(({ action, result }) => action._tag !== "Get" || result._tag !== "Unknown"))
  .filter(Checker.isTold)

const parameters = { numRuns: process.env.CHAOS_HISTORIES === undefined ? 3_000 : 20_000 }

describe("On small histories the checker, like brute force,", () => {
  it("accepts all that a right store does", () => {
    FastCheck.assert(
      FastCheck.property(right, (history) => {
        assert.isTrue(BruteForce.isLinearizable(history))
        assert.strictEqual(Checker.check(history)._tag, "Linearizable")
      }),
      parameters
    )
  })

  it("accepts or rejects what was changed", () => {
    const verdicts = { Linearizable: 0, Violation: 0 }
    FastCheck.assert(
      FastCheck.property(wrong, (history) => {
        const verdict = BruteForce.isLinearizable(history) ? "Linearizable" : "Violation"
        verdicts[verdict]++
        assert.strictEqual(Checker.check(history)._tag, verdict)
      }),
      parameters
    )
    assert.isAbove(Math.min(verdicts.Linearizable, verdicts.Violation), parameters.numRuns / 10)
  })
})
