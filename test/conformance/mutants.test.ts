/**
 * The suite proves something: stores that break one promise fail it, and the store they are made of passes
 * (`plain.test.ts`).
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { Conformance, Model } from "effect-state/testing"
import { mutants } from "./mutants/index.ts"

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

describe("the model finds out that", () => {
  const options = { runs: 300, seed: 1, shrink: false }
  const check = (flaw: string, model: typeof Model.check) => {
    it.live(flaw, () =>
      Effect.gen(function* () {
        const mutant = mutants.find((mutant) => mutant.flaw === flaw)
        if (mutant === undefined) return assert.fail(`there is no mutant "${flaw}"`)
        const error = yield* Effect.flip(model({ layer: mutant.layer, clock: "test" }, options))
        assert.instanceOf(error, Model.ModelMismatch)
      })
    )
  }
  for (const flaw of [
    "a time to live is ignored",
    "keep clears the deadline",
    "expired entries are counted",
    "versions are not checked",
    "a version returns after a delete",
    "an equal value keeps its version",
    "createdAt outlives the entry",
    "expire makes a new version",
    "keys lie in the order of UTF-16 units",
    "reverse is ignored",
    "a range has its end",
    "the limit is ignored",
    "the changes of a commit apply backwards",
    "a failed commit has done its first part",
    "reads are stale"
  ]) {
    check(flaw, Model.check)
  }
  for (const flaw of [
    "absence is not checked",
    "add reads, then writes",
    "modify reads, then writes",
    "a commit is made change by change",
    "an add is lost when two meet in a batch",
    "a conflict undoes its batch-mates",
    "a batch shares one version"
  ]) {
    check(flaw, Model.checkConcurrent)
  }
})
