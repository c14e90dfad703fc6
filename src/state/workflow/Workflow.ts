/**
 * Workflows: states that outlive the process and the framework that work on them, listed newest first, with checkpoints to
 * resume and fork from.
 *
 * All workflows of one tag live together, so that each change and its place in the list are one commit, on a cluster too: on
 * one node of it. Give tenants tags of their own where there are more than a node should hold.
 *
 * @since 0.1.0
 */
import * as EffectContext from "effect/Context"
import * as Layer from "effect/Layer"
import type * as Schema from "effect/Schema"
import type * as StateStore from "../../store/StateStore.ts"
import type { Options, Workflow } from "./Model.ts"
import { make } from "./Service.ts"
import * as State from "./State.ts"

export type { Checkpoints } from "./Checkpoints.ts"
export { idBytesMax } from "./Keys.ts"
export type { ChangeError, Options, Workflow, WriteOptions } from "./Model.ts"
export { type Checkpoint, Origin, type Saved, type Summary } from "./Records.ts"
export { make, makeId } from "./Service.ts"
export {
  addMessage,
  append,
  Context,
  empty,
  Message,
  Metadata,
  type Parts,
  State,
  schema,
  updateContext,
  updateMetadata
} from "./State.ts"
export { CheckpointNotFound, WorkflowExists, WorkflowNotFound } from "./WorkflowError.ts"

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string, M, C, R> extends EffectContext.TagClass<Self, Id, Workflow<M, C>> {
  /** The schema of the states. */
  readonly schema: Schema.Schema<State.State<M, C>, unknown, R>
  readonly layer: Layer.Layer<Self, never, StateStore.StateStore | R>
}

/**
 * A class that is the tag of an application's workflows, with its layer.
 *
 * ```ts
 * import { MemoryStore, Workflow } from "effect-state"
 * import { Effect, Layer, pipe } from "effect"
 *
 * class Workflows extends Workflow.Tag<Workflows>()("Workflows", { ttl: "7 days" }) {}
 *
 * const program = Effect.gen(function* () {
 *   const workflows = yield* Workflows
 *   const begun = pipe(
 *     Workflow.empty("order-1", { framework: "planner" }),
 *     Workflow.addMessage("user", "Hello!"),
 *     Workflow.updateContext({ step: 1 })
 *   )
 *   yield* workflows.save(begun, { checkpoint: true })
 *   yield* workflows.update("order-1", Workflow.addMessage("assistant", "Hi there!"))
 *   yield* workflows.list({ limit: 10 }) // order-1, with two messages
 *   return yield* workflows.resume("order-1") // as it was at the checkpoint
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Workflows.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <
    const Id extends string,
    M = State.Message,
    MI = State.Message,
    MR = never,
    C = State.Context,
    CI = State.Context,
    CR = never
  >(
    id: Id,
    options: Options<M, MI, MR, C, CI, CR> = {}
  ): TagClass<Self, Id, M, C, MR | CR> => {
    const base = EffectContext.Tag(id)<Self, Workflow<M, C>>()
    return Object.assign(base, { schema: State.schema(options), layer: Layer.effect(base, make(id, options)) })
  }
