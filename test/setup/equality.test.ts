import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"

describe("deep equality", () => {
  const values: ReadonlyArray<unknown> = [
    Option.none(),
    Option.some(1),
    Option.some(2),
    Option.some(Option.none()),
    Either.right(1),
    Either.left(1),
    Exit.void,
    Exit.succeed(1),
    Exit.fail(1),
    Exit.die(1),
    Exit.fail(Option.none())
  ]

  it("tells options, eithers and exits apart", () => {
    for (const [i, a] of values.entries()) {
      for (const [j, b] of values.entries()) {
        if (i === j) assert.deepStrictEqual({ in: [a] }, { in: [b] })
        else assert.notDeepEqual({ in: [a] }, { in: [b] }, `${i} and ${j}`)
      }
    }
  })
})
