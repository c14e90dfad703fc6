/**
 * The conformance suite and the model as vitest tests. To be imported by test files only: vitest throws outside of its
 * runner.
 *
 * @since 0.1.0
 */
import { describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Conformance from "./Conformance.ts"
import type { Subject } from "./Harness.ts"
import * as Model from "./Model.ts"

/**
 * Registers a test for each case, by promise, and the comparisons with the model. The environment variable `MODEL_RUNS`
 * sets the number of random runs, `MODEL_SEED` repeats those of a failure.
 *
 * @since 0.1.0
 * @category tests
 */
export const conformance = (name: string, subject: Subject): void => {
  describe(`${name} keeps the promise of`, () => {
    const byPromise = Arr.groupBy(Conformance.cases, ({ promise }) => promise)
    for (const [promise, cases] of Object.entries(byPromise)) {
      describe(promise, () => {
        // The cases bring their own clock.
        for (const one of cases) it.live(one.name, () => Conformance.run(subject, one), caseTimeoutMs)
      })
    }
  })
  describe(`${name} says what the model says`, () => {
    const options = { runs: fromEnv("MODEL_RUNS"), seed: fromEnv("MODEL_SEED") }
    it.live("one call after the other", () => Model.check(subject, options), modelTimeoutMs)
    it.live("many at once", () => Model.checkConcurrent(subject, options), modelTimeoutMs)
  })
}

/** More than vitest's own: a case that lets time go by on a server's clock takes seconds. */
const caseTimeoutMs = 60_000

const modelTimeoutMs = 300_000

const fromEnv = (variable: string): number | undefined => {
  const text = process.env[variable]
  if (text === undefined || text === "") return undefined
  const number = Number(text)
  if (!Number.isSafeInteger(number)) throw new Error(`${variable}: expected an integer, got ${text}`)
  return number
}
