import { assert, describe } from "@effect/vitest"
import {
  Annotation,
  type BaseCheckpointSaver,
  Command,
  END,
  interrupt,
  MemorySaver,
  START,
  StateGraph
} from "@langchain/langgraph"
import {
  type Checkpoint,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  ERROR,
  emptyCheckpoint,
  type PendingWrite,
  uuid6
} from "@langchain/langgraph-checkpoint"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type { StateStore } from "effect-state"
import { LangGraph } from "effect-state/langgraph"
import { onEach, until } from "./Stores.ts"

const metadata: CheckpointMetadata = { source: "loop", step: 0, parents: {} }

const configOf = (thread_id: string, checkpoint_id?: string, checkpoint_ns = "") => ({
  configurable: { thread_id, checkpoint_ns, checkpoint_id }
})

let clock = 0
const checkpointOf = (values: Record<string, unknown>, versions: Record<string, number>): Checkpoint => ({
  ...emptyCheckpoint(),
  id: uuid6(clock++),
  channel_values: values,
  channel_versions: versions
})

const collect = async (tuples: AsyncIterable<CheckpointTuple>): Promise<ReadonlyArray<CheckpointTuple>> => {
  const all: Array<CheckpointTuple> = []
  for await (const tuple of tuples) all.push(tuple)
  return all
}

const withSaver = (
  test: (saver: BaseCheckpointSaver) => Promise<void>,
  options?: LangGraph.CheckpointerOptions
): Effect.Effect<void, unknown, StateStore.StateStore> =>
  Effect.flatMap(LangGraph.checkpointer(options), (saver) =>
    Effect.tryPromise({ try: () => test(saver), catch: (e) => e })
  )

describe("A checkpointer", () => {
  onEach(
    "keeps the values of branches apart, though both count on from the same version",
    withSaver(async (saver) => {
      const root = await saver.put(configOf("t"), checkpointOf({ a: "root" }, { a: 1 }), metadata, { a: 1 })
      const left = await saver.put(root, checkpointOf({ a: "left" }, { a: 2 }), metadata, { a: 2 })
      const right = await saver.put(root, checkpointOf({ a: "right" }, { a: 2 }), metadata, { a: 2 })
      const leftNext = await saver.put(left, checkpointOf({ a: "left", b: 1 }, { a: 2, b: 3 }), metadata, { b: 3 })
      assert.deepStrictEqual((await saver.get(left))?.channel_values, { a: "left" })
      assert.deepStrictEqual((await saver.get(right))?.channel_values, { a: "right" })
      assert.deepStrictEqual((await saver.get(leftNext))?.channel_values, { a: "left", b: 1 })
    })
  )

  onEach(
    "keeps what a checkpoint holds that is a copy, or whose parent is gone",
    withSaver(async (saver) => {
      const root = await saver.put(configOf("t"), checkpointOf({ a: 1 }, { a: 1 }), metadata, { a: 1 })
      const child = await saver.put(root, checkpointOf({ a: 2, b: 2 }, { a: 2, b: 2 }), metadata, { a: 2, b: 2 })
      // As LangGraph copies: beside the original, with nothing new.
      const copy = await saver.put(root, checkpointOf({ a: 2, b: 2 }, { a: 2, b: 2 }), metadata, {})
      const rootCopy = await saver.put(configOf("t"), checkpointOf({ a: 1 }, { a: 1 }), metadata, {})
      assert.deepStrictEqual((await saver.get(copy))?.channel_values, (await saver.get(child))?.channel_values)
      assert.deepStrictEqual((await saver.get(rootCopy))?.channel_values, { a: 1 })
      const orphan = await saver.put(configOf("t", uuid6(0)), checkpointOf({ c: 1 }, { c: 1 }), metadata, {})
      assert.deepStrictEqual((await saver.get(orphan))?.channel_values, { c: 1 })
    })
  )

  onEach(
    "keeps a task's first writes, and the last of its errors, in order",
    withSaver(async (saver) => {
      const config = await saver.put(configOf("t"), checkpointOf({}, {}), metadata, {})
      const write = (task: string, ...writes: Array<PendingWrite>) => saver.putWrites(config, writes, task)
      await write("task", ["a", 1], ["a", 2], [ERROR, "first"])
      await write("task", ["a", "again"], ["b", "again"], [ERROR, "last"], ["b", 4])
      await write("another", ...Arr.makeBy(12, (i): PendingWrite => ["c", i]))
      await write("idle")
      assert.deepStrictEqual((await saver.getTuple(config))?.pendingWrites, [
        ...Arr.makeBy(12, (i): CheckpointPendingWrite => ["another", "c", i]),
        ["task", ERROR, "last"],
        ["task", "a", 1],
        ["task", "a", 2],
        ["task", "b", 4]
      ])
    })
  )

  onEach(
    "keeps all writes of a task that makes more than a commit takes, and the first ones where it writes again",
    withSaver(async (saver) => {
      const config = await saver.put(configOf("t"), checkpointOf({}, {}), metadata, {})
      const writes = (count: number, value: (i: number) => unknown) =>
        Arr.makeBy(count, (i): PendingWrite => ["a", value(i)])
      await saver.putWrites(config, [...writes(2, (i) => `first ${i}`), [ERROR, "none"]], "task")
      await saver.putWrites(config, [[ERROR, "one"], ...writes(2_500, (i) => i)], "task")
      await saver.putWrites(
        config,
        writes(3_000, (i) => `again ${i}`),
        "task"
      )
      const values = (await saver.getTuple(config))?.pendingWrites?.map(([, , value]) => value)
      const more = Arr.makeBy(499, (i) => `again ${i + 2_501}`)
      assert.deepStrictEqual(values, ["one", "first 0", "first 1", ...Arr.range(1, 2_499), ...more])
      await saver.deleteThread("t")
      assert.isUndefined(await saver.getTuple(config))
    })
  )

  onEach(
    "keeps threads, graphs and channels apart, whatever they are called",
    withSaver(async (saver) => {
      const names = ["a", "a:", "a/b", "a:checkpoint", "%3A", "%", "*", "é", "😀", "1", "__proto__", "constructor", " "]
      const put = (thread: string, namespace: string) =>
        saver.put(
          configOf(thread, undefined, namespace),
          checkpointOf(
            Object.fromEntries(names.map((name) => [name, `${thread}, ${namespace}`])),
            Object.fromEntries(names.map((name) => [name, 1]))
          ),
          metadata,
          Object.fromEntries(names.map((name) => [name, 1]))
        )
      const configs = await Promise.all(names.flatMap((name) => [put(name, ""), put(name, "a"), put("a", name)]))
      for (const config of configs) {
        const { checkpoint_ns, thread_id } = config.configurable ?? {}
        await saver.putWrites(config, [["w", thread_id]], "task:1")
        const tuple = await saver.getTuple(config)
        assert.deepStrictEqual(
          tuple?.checkpoint.channel_values,
          Object.fromEntries(names.map((name) => [name, `${thread_id}, ${checkpoint_ns}`]))
        )
        assert.deepStrictEqual(tuple?.pendingWrites, [["task:1", "w", thread_id]])
      }
      const placesOf = async (config: object) =>
        (await collect(saver.list(config))).map(({ config: { configurable } }) =>
          JSON.stringify([configurable?.thread_id, configurable?.checkpoint_ns])
        )
      const expected = configs.map(({ configurable }) =>
        JSON.stringify([configurable?.thread_id, configurable?.checkpoint_ns])
      )
      assert.deepStrictEqual((await placesOf({})).toSorted(), expected.toSorted())
      await saver.deleteThread("a")
      const left = expected.filter((place) => JSON.parse(place)[0] !== "a")
      assert.deepStrictEqual((await placesOf({})).toSorted(), left.toSorted())
      assert.isUndefined(await saver.getTuple(configOf("a")))
    })
  )

  onEach(
    "keeps a checkpoint of more channels, and more bytes, than a commit takes",
    withSaver(async (saver) => {
      const names = Arr.makeBy(1_200, (i) => `channel${i}`)
      const values = Object.fromEntries(names.map((name) => [name, { name }]))
      const versions = Object.fromEntries(names.map((name) => [name, 1]))
      const many = await saver.put(configOf("many"), checkpointOf(values, versions), metadata, versions)
      assert.deepStrictEqual((await saver.get(many))?.channel_values, values)
      const large = { a: "x".repeat(20 * 2 ** 20), b: "y".repeat(20 * 2 ** 20) }
      const heavy = await saver.put(configOf("large"), checkpointOf(large, { a: 1, b: 1 }), metadata, { a: 1, b: 1 })
      assert.deepStrictEqual((await saver.get(heavy))?.channel_values, large)
    }),
    ["sqlite", "redis"]
  )

  onEach(
    "keeps bytes of a serializer that makes no text",
    withSaver(
      async (saver) => {
        const config = await saver.put(configOf("t"), checkpointOf({ a: [1] }, { a: 1 }), metadata, { a: 1 })
        assert.deepStrictEqual((await saver.get(config))?.channel_values, { a: [1] })
        assert.deepStrictEqual((await saver.getTuple(config))?.metadata, metadata)
      },
      {
        serde: {
          dumpsTyped: async (value) => ["masked", new TextEncoder().encode(JSON.stringify(value)).map((byte) => ~byte)],
          loadsTyped: async (type, data) => {
            assert.strictEqual(type, "masked")
            return JSON.parse(new TextDecoder().decode(Uint8Array.from(data as Uint8Array, (byte) => ~byte))) // As it was dumped.
          }
        }
      }
    )
  )

  onEach(
    "lets checkpoints expire, and what later ones share with them live on",
    withSaver(
      async (saver) => {
        const root = await saver.put(configOf("t"), checkpointOf({ a: "shared" }, { a: 1 }), metadata, { a: 1 })
        let last = root
        await Effect.runPromise(
          until(
            Effect.promise(async () => {
              last = await saver.put(last, checkpointOf({ a: "shared" }, { a: 1 }), metadata, {})
              return (await saver.get(root)) === undefined
            })
          )
        )
        assert.deepStrictEqual((await saver.get(last))?.channel_values, { a: "shared" })
        await Effect.runPromise(until(Effect.promise(async () => (await saver.get(configOf("t"))) === undefined)))
      },
      { ttl: "2 seconds" }
    )
  )

  onEach(
    "never shows part of a checkpoint, though its thread is deleted while a graph writes to it and others read",
    withSaver(async (saver) => {
      const names = Arr.makeBy(20, (i) => `channel${i}`)
      const versions = Object.fromEntries(names.map((name) => [name, 1]))
      const values = Object.fromEntries(names.map((name) => [name, { name }]))
      let isWriting = true
      const writing = async () => {
        let config = configOf("t")
        for (let step = 0; step < 40; step++) {
          // The first brings the values, the others share them.
          const { configurable } = await saver.put(
            config,
            checkpointOf(values, versions),
            metadata,
            step ? {} : versions
          )
          config = configOf("t", configurable?.checkpoint_id)
        }
        isWriting = false
      }
      const deleting = async () => {
        while (isWriting) await saver.deleteThread("t")
      }
      const reading = async () => {
        while (isWriting) {
          const tuples = [
            await saver.getTuple(configOf("t")),
            ...(await collect(saver.list(configOf("t"), { limit: 5 })))
          ]
          for (const tuple of tuples) if (tuple) assert.deepStrictEqual(tuple.checkpoint.channel_values, values)
        }
      }
      await Promise.all([writing(), deleting(), reading()])
      for (const { checkpoint } of await collect(saver.list(configOf("t")))) {
        assert.deepStrictEqual(checkpoint.channel_values, values)
      }
      await saver.deleteThread("t")
      assert.deepStrictEqual(await collect(saver.list({})), [])
    })
  )

  onEach(
    "takes a thread that is null for none",
    withSaver(async (saver) => {
      const config = { configurable: { thread_id: null, checkpoint_id: uuid6(0) } }
      await saver.put(configOf("null"), checkpointOf({}, {}), metadata, {})
      assert.isUndefined(await saver.getTuple({ configurable: { thread_id: null } }))
      for (const refused of [
        saver.put(config, checkpointOf({}, {}), metadata, {}),
        saver.putWrites(config, [["a", 1]], "task"),
        collect(saver.list(config))
      ]) {
        const error = await refused.catch((error: unknown) => error)
        assert.instanceOf(error, TypeError)
      }
    }),
    ["memory"]
  )

  onEach(
    "lists no further than it is asked to, and rejects with the store's own error",
    withSaver(async (saver) => {
      let config = configOf("t")
      for (const step of Arr.range(1, 150)) {
        const { configurable } = await saver.put(config, checkpointOf({}, {}), { ...metadata, step }, {})
        config = configOf("t", configurable?.checkpoint_id)
      }
      const steps = async (options: object) =>
        (await collect(saver.list(configOf("t"), options))).map(({ metadata }) => metadata?.step)
      assert.deepStrictEqual(await steps({}), Arr.reverse(Arr.range(1, 150)))
      assert.deepStrictEqual(await steps({ limit: 3 }), [150, 149, 148])
      assert.deepStrictEqual(await steps({ filter: { step: 7 } }), [7])
      assert.deepStrictEqual(await steps({ limit: 0 }), [])
      const third = (await collect(saver.list(configOf("t"), { filter: { step: 3 } })))[0]
      assert.deepStrictEqual(await steps({ before: third?.config }), [2, 1])
      for await (const { metadata } of saver.list(configOf("t"))) {
        if (metadata?.step === 148) break
      }
      const wrong = saver.put(configOf("nul\0"), checkpointOf({}, {}), metadata, {})
      const error = await wrong.catch((error: unknown) => error)
      assert.strictEqual((error as { readonly _tag?: string })._tag, "InvalidKey") // What it rejected with.
    }),
    ["memory", "postgres"]
  )
})

/** A graph with a loop, parallel nodes and a question. */
const graphWith = (checkpointer: BaseCheckpointSaver) => {
  const State = Annotation.Root({
    log: Annotation<ReadonlyArray<string>>({ reducer: (old, more) => [...old, ...more], default: () => [] }),
    count: Annotation<number>({ reducer: (a, b) => a + b, default: () => 0 })
  })
  return new StateGraph(State)
    .addNode("left", () => ({ log: ["left"], count: 1 }))
    .addNode("right", () => ({ log: ["right"], count: 1 }))
    .addNode("ask", ({ count }) => ({ log: [`answer ${interrupt(`after ${count}`)}`] }))
    .addNode(
      "loop",
      ({ count }) => new Command({ goto: count < 6 ? ["left", "right"] : END, update: { log: ["loop"] } }),
      {
        ends: ["left", "right", END]
      }
    )
    .addEdge(START, "left")
    .addEdge(START, "right")
    .addEdge(["left", "right"], "ask")
    .addEdge("ask", "loop")
    .compile({ checkpointer })
}

/** A graph whose first node is a graph that asks, and whose list is kept at once, step by step, or at the end. */
const nestedStory = async (saver: BaseCheckpointSaver, durability: "sync" | "async" | "exit"): Promise<unknown> => {
  const State = Annotation.Root({
    log: Annotation<ReadonlyArray<string>>({ reducer: (old, more) => [...old, ...more], default: () => [] })
  })
  const inner = new StateGraph(State)
    .addNode("one", () => ({ log: ["one"] }))
    .addNode("two", () => ({ log: [`two ${interrupt("which?")}`] }))
    .addEdge(START, "one")
    .addEdge("one", "two")
    .addEdge("two", END)
    .compile()
  const graph = new StateGraph(State)
    .addNode("inner", inner)
    .addNode("after", () => ({ log: ["after"] }))
    .addEdge(START, "inner")
    .addEdge("inner", "after")
    .addEdge("after", END)
    .compile({ checkpointer: saver })
  const config = { configurable: { thread_id: `nested-${durability}` }, durability }
  const seen: Array<unknown> = [(await graph.invoke({ log: ["begin"] }, config)).log]
  const waiting = await graph.getState(config, { subgraphs: true })
  seen.push(
    waiting.next,
    waiting.tasks.map(({ interrupts, state }) => [interrupts.map(({ value }) => value), valuesOf(state)])
  )
  seen.push((await graph.invoke(new Command({ resume: "this" }), config)).log)
  for await (const { metadata, next, values } of graph.getStateHistory(config)) {
    seen.push([values, next, metadata?.source, metadata?.step])
  }
  return seen
}

const valuesOf = (state: object | undefined): unknown =>
  state !== undefined && "values" in state ? state.values : undefined

/** Runs the graph with questions answered, goes back in time, edits the past, branches; and tells what there was to see. */
const story = async (saver: BaseCheckpointSaver): Promise<unknown> => {
  const graph = graphWith(saver)
  const config = { configurable: { thread_id: "story" } }
  const seen: Array<unknown> = []
  seen.push((await graph.invoke({ log: ["begin"] }, config)).log)
  seen.push((await graph.invoke(new Command({ resume: "one" }), config)).log)
  const history: Array<Awaited<ReturnType<typeof graph.getState>>> = []
  for await (const state of graph.getStateHistory(config)) history.push(state)
  seen.push(history.map(({ metadata, next, values }) => [values, next, metadata?.source, metadata?.step]))
  const early = history.find(({ next }) => next.includes("ask") && next.length === 1)?.config ?? config
  // Back in time: the same question, another answer. Both branches go on by themselves.
  seen.push((await graph.invoke(new Command({ resume: "other" }), early)).log)
  const edited = await graph.updateState(early, { log: ["edited"], count: 10 }, "left")
  seen.push((await graph.getState(edited)).values)
  const copied = await graph.updateState(early, null, "__copy__")
  seen.push((await graph.getState(copied)).values)
  for (const { config } of history) seen.push((await graph.getState(config)).values)
  seen.push((await graph.getState(config)).values)
  return seen
}

describe("A graph", () => {
  onEach(
    "lives through the same story as with LangGraph's own saver in memory",
    withSaver(async (saver) => {
      assert.deepStrictEqual(await story(saver), await story(new MemorySaver()))
    })
  )

  for (const durability of ["sync", "async", "exit"] as const) {
    onEach(
      `in a graph stops and goes on as with that saver, at durability ${durability}`,
      withSaver(async (saver) => {
        assert.deepStrictEqual(await nestedStory(saver, durability), await nestedStory(new MemorySaver(), durability))
      }),
      ["memory", "redis"]
    )
  }
})
