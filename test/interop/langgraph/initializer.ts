/** What LangGraph's validation suite tests: a checkpointer on the store that STATE_URL names, in a namespace of its own. */
import { randomUUID } from "node:crypto"
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint"
import type { validate } from "@langchain/langgraph-checkpoint-validation"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { StateStore } from "effect-state"
import { LangGraph } from "effect-state/langgraph"
import { StoreUrl } from "effect-state/url"

const runtime = ManagedRuntime.make(StoreUrl.layerConfig)

type Initializer = Parameters<typeof validate<BaseCheckpointSaver>>[0]

const namespaces = new WeakMap<BaseCheckpointSaver, string>()

export const initializer: Initializer = {
  checkpointerName: "effect-state",
  createCheckpointer: async () => {
    const namespace = `validation-${randomUUID()}`
    const saver = await runtime.runPromise(LangGraph.checkpointer({ namespace }))
    namespaces.set(saver, namespace)
    return saver
  },
  destroyCheckpointer: (saver) =>
    runtime.runPromise(
      Effect.gen(function* () {
        const store = yield* StateStore.StateStore
        yield* store.namespace(namespaces.get(saver) ?? "").clear({})
      })
    ),
  afterAll: () => runtime.dispose()
}
