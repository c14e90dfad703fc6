/**
 * The conformance suite as vitest tests. To be imported by test files only: vitest throws outside of its runner.
 *
 * @since 0.1.0
 */
import { describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Conformance from "./Conformance.ts"
import type { Subject } from "./Harness.ts"

/**
 * Registers a test for each case, by promise.
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
        for (const one of cases) it.live(one.name, () => Conformance.run(subject, one))
      })
    }
  })
}
