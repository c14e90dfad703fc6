/**
 * A process of its own that adds to a counter and raises a value by compare-and-set: `adder.ts <url> <times>`.
 */

import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { PostgresStore } from "effect-state/postgres"
import * as StateStore from "../../../src/store/StateStore.ts"

const [url = "", times = "0"] = process.argv.slice(2)

const raise = (store: StateStore.Service): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const found = yield* store.get("raised")
    const raised = Option.isNone(found) ? 0 : yield* Schema.decodeUnknown(Schema.Number)(found.value.value)
    const ifVersion = Option.isNone(found) ? "absent" : found.value.version
    yield* store.set("raised", raised + 1, { ifVersion }).pipe(Effect.catchTag("VersionConflict", () => raise(store)))
  })

const program = Effect.gen(function* () {
  const store = yield* StateStore.StateStore
  const all = Array.from({ length: Number(times) })
  yield* Effect.forEach(all, () => store.add("counter", 1), { concurrency: 32, discard: true })
  yield* Effect.forEach(all.slice(0, Number(times) / 10), () => raise(store), { concurrency: 2, discard: true })
})

await Effect.runPromise(Effect.provide(program, PostgresStore.layer({ url, maxConnections: 4 })))
