/**
 * What is wrong with a value: it can't be stored, or what is stored can't be read.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaIssue from "./SchemaIssue.ts"

/**
 * A value that would not come back equal, or that the schema refuses. `path` leads to the part that is at fault.
 *
 * @since 0.1.0
 * @category errors
 */
export class EncodeError extends Schema.TaggedError<EncodeError>("effect-state/EncodeError")("EncodeError", {
  key: Schema.String,
  path: Schema.Array(Schema.Union(Schema.String, Schema.Number)),
  reason: Schema.String,
  issue: Schema.optional(SchemaIssue.SchemaIssue)
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `The value can't be stored: ${this.reason}${this.path.length === 0 ? "" : ` at ${this.path.join(".")}`}`
  }
  /**
   * Where and why the schema refused, as text. It quotes the value: not for logs.
   */
  get details(): string {
    return SchemaIssue.details(this.issue, this.reason)
  }
}

/**
 * A stored value that is not what it should be: no payload of ours, or refused by the schema (then `issue` tells where).
 *
 * @since 0.1.0
 * @category errors
 */
export class DecodeError extends Schema.TaggedError<DecodeError>("effect-state/DecodeError")("DecodeError", {
  key: Schema.String,
  reason: Schema.String,
  issue: Schema.optional(SchemaIssue.SchemaIssue)
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `A stored value can't be decoded: ${this.reason}`
  }
  /**
   * Where and why the schema refused, as text. It quotes the stored value: not for logs.
   */
  get details(): string {
    return SchemaIssue.details(this.issue, this.reason)
  }
}

/**
 * An encoded value larger than the store's `valueBytesMax`.
 *
 * @since 0.1.0
 * @category errors
 */
export class ValueTooLarge extends Schema.TaggedError<ValueTooLarge>("effect-state/ValueTooLarge")("ValueTooLarge", {
  key: Schema.String,
  bytes: Schema.Number,
  bytesMax: Schema.Number
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `The value takes ${this.bytes} bytes; the store accepts ${this.bytesMax}`
  }
}
