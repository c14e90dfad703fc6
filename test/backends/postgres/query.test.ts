import { assert, describe, it } from "@effect/vitest"
import { Query } from "../../../src/backends/postgres/query.ts"
import { collect } from "../Garbage.ts"

describe("a statement", () => {
  it("lets go of its caller as it ends", async () => {
    const held = (end: (query: Query) => void) => {
      const caller = { answers: 0 }
      const query = new Query({ name: "one", text: "SELECT 1", values: [] }, true)
      query.callback = () => {
        caller.answers += 1
      }
      end(query)
      return { caller: new WeakRef(caller), query }
    }
    const queries = [
      held(() => {}),
      held((query) => query.handleReadyForQuery()),
      held((query) => query.handleError(new Error("late")))
    ]
    await collect()
    assert.deepStrictEqual(
      queries.map(({ caller, query }) => [query.name, caller.deref()?.answers]),
      [
        ["one", 0],
        ["one", undefined],
        ["one", undefined]
      ]
    )
  })
})
