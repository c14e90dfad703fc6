/**
 * How work on workflows can fail, besides what the store fails with.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * There is no such workflow: it never was, it expired, or it was deleted.
 *
 * @since 0.1.0
 * @category errors
 */
export class WorkflowNotFound extends Schema.TaggedError<WorkflowNotFound>("effect-state/WorkflowNotFound")(
  "WorkflowNotFound",
  { workflowId: Schema.String }
) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return "There is no such workflow"
  }
}

/**
 * A workflow was to begin under an id that another one has.
 *
 * @since 0.1.0
 * @category errors
 */
export class WorkflowExists extends Schema.TaggedError<WorkflowExists>("effect-state/WorkflowExists")(
  "WorkflowExists",
  { workflowId: Schema.String }
) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return "There is a workflow under this id already"
  }
}

/**
 * A workflow has no such checkpoint, or none at all (then `checkpoint` is `undefined`).
 *
 * @since 0.1.0
 * @category errors
 */
export class CheckpointNotFound extends Schema.TaggedError<CheckpointNotFound>("effect-state/CheckpointNotFound")(
  "CheckpointNotFound",
  { workflowId: Schema.String, checkpoint: Schema.UndefinedOr(Schema.Number) }
) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return this.checkpoint === undefined ? "The workflow has no checkpoint" : "The workflow has no such checkpoint"
  }
}
