/** A process of its own that adds to a counter and swaps a value by its version. Arguments: URL, prefix, how often. */
import * as Effect from "effect/Effect"
import { RedisStore } from "../../../src/backends/redis/index.ts"
import * as Modification from "../../../src/store/Modification.ts"

const [url = "", keyPrefix = "", times = ""] = process.argv.slice(2)

const swap = (store: Effect.Effect.Success<ReturnType<typeof RedisStore.make>>): Effect.Effect<void, unknown> =>
  store
    .modify("swapped", (current) =>
      Effect.succeed([undefined, Modification.write(current._tag === "Some" ? Number(current.value.value) + 1 : 1)])
    )
    .pipe(Effect.retry({ while: (error) => error._tag === "VersionConflict" }))

await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* RedisStore.make({ url, keyPrefix })
      const each = Array.from({ length: Number(times) })
      yield* Effect.forEach(each, () => store.add("added", 1), { concurrency: 50, discard: true })
      yield* Effect.forEach(each, () => swap(store), { concurrency: 2, discard: true })
    })
  )
)
