import { assert, describe, it } from "@effect/vitest"
import { type Checkpoint, emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint"
import * as Effect from "effect/Effect"
import { StateStore } from "effect-state"
import { LangGraph } from "effect-state/langgraph"
import * as CountedStore from "../../store/CountedStore.ts"

const { nothing } = CountedStore
const metadata = { source: "loop", step: 0, parents: {} } as const

/** A checkpoint with ten channels, of which one changes with each step. */
const checkpointOf = (step: number): Checkpoint => {
  const names = Array.from({ length: 10 }, (_, i) => `channel${i}`)
  return {
    ...emptyCheckpoint(),
    id: uuid6(step),
    channel_values: Object.fromEntries(names.map((name) => [name, name === "channel0" ? step : "stays"])),
    channel_versions: Object.fromEntries(names.map((name) => [name, name === "channel0" ? step : 1]))
  }
}

describe("However long a thread is", () => {
  it.scoped.each([10, 500])("of %i checkpoints, writing one and reading one cost the same", (n) =>
    Effect.gen(function* () {
      const { costOf, store } = yield* CountedStore.make
      const saver = yield* Effect.provideService(LangGraph.checkpointer(), StateStore.StateStore, store)
      const thread = { configurable: { thread_id: "t", checkpoint_ns: "" } }
      const first = checkpointOf(1)
      let config = yield* Effect.promise(() => saver.put(thread, first, metadata, first.channel_versions))
      const put = (step: number) =>
        Effect.promise(async () => {
          config = await saver.put(config, checkpointOf(step), metadata, { channel0: step })
        })
      for (let step = 2; step <= n; step++) yield* put(step)
      // The parent is read; one commit has the checkpoint and the channel that changed.
      assert.deepStrictEqual(yield* costOf(put(n + 1)), { ...nothing, reads: 1, commits: 1 })
      // The newest, its ten channels, its writes: there are none.
      const newest = yield* costOf(Effect.promise(() => saver.getTuple(thread)))
      assert.deepStrictEqual(newest, { ...nothing, scans: 2, scanned: 1, reads: 10 })
      const named = yield* costOf(Effect.promise(() => saver.getTuple(config)))
      assert.deepStrictEqual(named, { ...nothing, scans: 1, reads: 11 })
      const write = Effect.promise(() =>
        saver.putWrites(
          config,
          [
            ["a", 1],
            ["b", 2]
          ],
          "task"
        )
      )
      assert.deepStrictEqual(yield* costOf(write), { ...nothing, commits: 1 })
    })
  )
})

describe("However many items there are", () => {
  it.scoped.each([10, 300])("of %i in a namespace, getting one, a page and the namespaces cost the same", (n) =>
    Effect.gen(function* () {
      const { costOf, store } = yield* CountedStore.make
      const items = yield* Effect.provideService(LangGraph.store(), StateStore.StateStore, store)
      const namespaces = [["a", "x"], ["a", "y"], ["b"]]
      const all = namespaces.flatMap((namespace) =>
        Array.from({ length: n }, (_, i) => ({ namespace, key: `k${i}`, value: { i } }))
      )
      yield* Effect.promise(() => items.batch(all))
      const get = Effect.promise(() => items.get(["a", "x"], "k3"))
      assert.deepStrictEqual(yield* costOf(get), { ...nothing, reads: 1 })
      const page = Effect.promise(() => items.search(["a"], { limit: 4, offset: 2 }))
      assert.deepStrictEqual(yield* costOf(page), { ...nothing, scans: 1, scanned: 6 })
      // One item of each, and the end.
      const list = Effect.promise(() => items.listNamespaces())
      assert.deepStrictEqual(yield* costOf(list), { ...nothing, scans: 4, scanned: 3 })
      const top = Effect.promise(() => items.listNamespaces({ maxDepth: 1 }))
      assert.deepStrictEqual(yield* costOf(top), { ...nothing, scans: 3, scanned: 2 })
    })
  )
})
