/**
 * The suite proves something: stores that break one promise fail it, and the store they are made of passes
 * (`plain.test.ts`).
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Conformance } from "effect-state/testing"
import { mutants } from "./mutants.ts"

describe("the suite finds out that", () => {
  for (const { flaw, killedBy, layer } of mutants) {
    it.live(flaw, () =>
      Effect.gen(function* () {
        const one = Conformance.cases.find(({ name }) => name === killedBy)
        if (one === undefined) return assert.fail(`there is no case "${killedBy}"`)
        // A case that never ends has noticed, too.
        const exit = yield* Effect.exit(Effect.timeout(Conformance.run({ layer, clock: "test" }, one), "5 seconds"))
        assert.isTrue(Exit.isFailure(exit), `it survives "${killedBy}"`)
      })
    )
  }
})
