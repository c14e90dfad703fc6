/**
 * LangGraph's persistence on a store of this library: a checkpointer, which lets graphs stop and go on, in another process
 * too; and a store, for what they remember across threads.
 *
 * @since 0.1.0
 */
import type { BaseCheckpointSaver, SerializerProtocol } from "@langchain/langgraph-checkpoint"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as StateStore from "../../store/StateStore.ts"
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
