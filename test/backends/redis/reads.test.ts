import { assert, describe, it } from "@effect/vitest"
import * as Reads from "../../../src/backends/redis/reads.ts"
import type { Reply } from "../../../src/backends/redis/request.ts"

describe("a reply that tells of other keys than were asked for", () => {
  it("makes none of them absent", () => {
    for (const reply of [null, "OK", [], [null], [null, null, null]] satisfies ReadonlyArray<Reply>) {
      const results = Reads.results(["a", "b"], reply, "entry")
      assert.deepStrictEqual(
        results.map((result) => result?._tag),
        ["Fault", "Fault"]
      )
    }
    assert.deepStrictEqual(Reads.results(["a", "b"], [null, null], "entry"), [undefined, undefined])
  })
})
