/**
 * LangGraph's persistence on a store of this library: a checkpointer, which lets graphs stop and go on, in another process
 * too; and a store, for what they remember across threads.
 *
 * @since 0.1.0
 */
import type { BaseCheckpointSaver, BaseStore, SerializerProtocol } from "@langchain/langgraph-checkpoint"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as StateStore from "../../store/StateStore.ts"
import * as ItemStore from "./ItemStore.ts"
import * as Items from "./Items.ts"
import * as Saver from "./Saver.ts"
import * as Threads from "./Threads.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface CheckpointerOptions {
  /** The segment of the namespace. Default: `"langgraph"`. */
  readonly namespace?: string | undefined
  /**
   * How long a checkpoint lives after it was written, whatever the store's default. What it shares with an earlier one
   * lives as long. Default: for ever.
   */
  readonly ttl?: DurationInput | undefined
  /** Default: LangGraph's own. */
  readonly serde?: SerializerProtocol | undefined
}

/**
 * A checkpointer over the store. It is used while the store's layer lives. Its promises reject with the store's errors.
 *
 * ```ts
 * import { Annotation, END, START, StateGraph } from "@langchain/langgraph"
 * import { MemoryStore } from "effect-state"
 * import { LangGraph } from "effect-state/langgraph"
 * import { Effect } from "effect"
 *
 * const Counter = Annotation.Root({ count: Annotation<number>({ reducer: (a, b) => a + b, default: () => 0 }) })
 *
 * const program = Effect.gen(function* () {
 *   const graph = new StateGraph(Counter)
 *     .addNode("add", () => ({ count: 1 }))
 *     .addEdge(START, "add")
 *     .addEdge("add", END)
 *     .compile({ checkpointer: yield* LangGraph.checkpointer() })
 *   const thread = { configurable: { thread_id: "thread-1" } }
 *   yield* Effect.promise(() => graph.invoke({}, thread))
 *   return yield* Effect.promise(() => graph.invoke({}, thread)) // { count: 2 }
 * })
 *
 * await Effect.runPromise(Effect.provide(program, MemoryStore.layer()))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const checkpointer = (
  options: CheckpointerOptions = {}
): Effect.Effect<BaseCheckpointSaver, never, StateStore.StateStore> =>
  Effect.gen(function* () {
    const store = (yield* StateStore.StateStore).namespace(options.namespace ?? "langgraph", {
      placement: "prefix",
      ttl: options.ttl ?? Number.POSITIVE_INFINITY
    })
    return new Saver.Saver(yield* Threads.make(store, options.ttl), yield* Effect.runtime<never>(), options.serde)
  })

/**
 * @since 0.1.0
 * @category options
 */
export interface StoreOptions {
  /** The segment of the namespace. Default: `"langgraph-store"`. */
  readonly namespace?: string | undefined
  /** How long an item lives after it was put. Default: as the store says, or for ever. */
  readonly ttl?: DurationInput | undefined
  /** Whether an item also lives on for the `ttl` after it was got or found. Default: no. */
  readonly refreshOnRead?: boolean | undefined
}

/**
 * A store of items in namespaces, over the store. It is used while the store's layer lives. Its promises reject with the
 * store's errors; a search by a query, which needs vectors, is `Unsupported`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const store = (options: StoreOptions = {}): Effect.Effect<BaseStore, never, StateStore.StateStore> =>
  Effect.gen(function* () {
    const { namespace = "langgraph-store", refreshOnRead = false, ttl } = options
    const items = Items.make((yield* StateStore.StateStore).namespace(namespace, { ttl }), { refreshOnRead, ttl })
    return new ItemStore.ItemStore(items, yield* Effect.runtime<never>())
  })
