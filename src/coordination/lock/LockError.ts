/**
 * How locking fails.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * Somebody else held the lock all the time that one was willing to wait.
 *
 * @since 0.1.0
 * @category errors
 */
export class LockTimeout extends Schema.TaggedError<LockTimeout>("effect-state/LockTimeout")("LockTimeout", {
  /** The key that was to be locked; a hash of it where keys are secrets. */
  key: Schema.String,
  waitMs: Schema.Number
}) {
  get isRetryable(): boolean {
    return true
  }
  override get message(): string {
    return `The lock was held by others for ${this.waitMs} ms`
  }
}

/**
 * A lock was lost before it was released: its lease `"expired"`, somebody else has `"taken-over"`, or it is
 * `"unconfirmed"`: the store could not be asked for as long as the lease lasted, and `cause` says why. Whatever was written
 * with the lease's fence before is there, and nothing after.
 *
 * @since 0.1.0
 * @category errors
 */
export class LockLost extends Schema.TaggedError<LockLost>("effect-state/LockLost")("LockLost", {
  /** The locked key; a hash of it where keys are secrets. */
  key: Schema.String,
  reason: Schema.Literal("expired", "taken-over", "unconfirmed"),
  cause: Schema.optional(Schema.Defect)
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `The lock was lost: ${lossMessages[this.reason]}`
  }
}

const lossMessages = {
  expired: "its lease expired",
  "taken-over": "somebody else has taken it over",
  unconfirmed: "its lease could not be renewed in time"
}
