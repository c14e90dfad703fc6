/**
 * What can go wrong between versions of a schema.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaIssue from "../../store/SchemaIssue.ts"

/**
 * A step from one version to another failed, threw, or gave what the other version's schema refuses (then `issue` tells
 * where). The stored value is as it was.
 *
 * @since 0.1.0
 * @category errors
 */
export class MigrationFailed extends Schema.TaggedError<MigrationFailed>("effect-state/MigrationFailed")(
  "MigrationFailed",
  {
    key: Schema.String,
    from: Schema.String,
    to: Schema.String,
    cause: Schema.optional(Schema.Defect),
    issue: Schema.optional(SchemaIssue.SchemaIssue)
  }
) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    const what = this.issue === undefined ? "the step failed" : `the schema of ${this.to} refuses what the step gave`
    return `A stored value can't be upgraded from version ${this.from} to ${this.to}: ${what}`
  }
  /**
   * Where and why the schema refused, as text. It quotes the value: not for logs.
   */
  get details(): string {
    return SchemaIssue.details(this.issue, this.message)
  }
}

/**
 * A stored value has a version that this program does not know: a newer program wrote it. It is never written over by what
 * reads before it writes.
 *
 * @since 0.1.0
 * @category errors
 */
export class NewerVersion extends Schema.TaggedError<NewerVersion>("effect-state/NewerVersion")("NewerVersion", {
  key: Schema.String,
  version: Schema.String,
  /** The newest version that the program knows. */
  newest: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `A stored value has version ${this.version}; this program knows versions up to ${this.newest}`
  }
}
