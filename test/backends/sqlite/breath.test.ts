import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { KeyRange, type StateStore } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import { temporaryFile } from "./support.ts"

/** How often a timer goes off while some fibers make a call again and again. */
const turnsDuring = (call: Effect.Effect<unknown, unknown>, fibers: number) =>
  Effect.gen(function* () {
    let turns = 0
    yield* Effect.acquireRelease(
      Effect.sync(() => setInterval(() => (turns += 1), 1)),
      (interval) => Effect.sync(() => clearInterval(interval))
    )
    const endMs = performance.now() + 200
    const calls = Effect.whileLoop({ while: () => performance.now() < endMs, body: () => call, step: () => {} })
    yield* Effect.replicateEffect(calls, fibers, { concurrency: "unbounded" })
    return turns
  }).pipe(Effect.scoped)

const leavesOthersTheirTurn = (store: StateStore.Service) =>
  Effect.gen(function* () {
    for (const call of [store.set("k", 1), store.get("k"), store.page(KeyRange.all)]) {
      for (const fibers of [1, 13]) assert.isAbove(yield* turnsDuring(call, fibers), 3)
    }
  })

describe("calls that follow each other leave timers their turn", () => {
  it.scoped("on a handle of the store's own", () =>
    Effect.gen(function* () {
      yield* leavesOthersTheirTurn(yield* SqliteStore.make({ filename: yield* temporaryFile }))
    })
  )

  it.scoped("on an app's client", () =>
    Effect.gen(function* () {
      const client = yield* Layer.build(SqliteClient.layer({ filename: yield* temporaryFile }))
      const make = Effect.flatMap(SqliteClient.SqliteClient, (client) => SqliteStore.makeFromClient(client))
      yield* leavesOthersTheirTurn(yield* Effect.provide(make, client))
    })
  )
})
