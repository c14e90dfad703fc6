/**
 * Every way in which the store can fail, typed. Messages are written by hand: they say what is wrong and what is
 * allowed, and never carry a value, a password or a key that its namespace declared secret.
 *
 * @since 0.1.0
 */
import * as Array from "effect/Array"
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { DecodeError, EncodeError, ValueTooLarge } from "./ValueError.ts"

export { DecodeError, EncodeError, ValueTooLarge } from "./ValueError.ts"

/**
 * What became of a failed write: it did certainly not happen, or nobody can tell (a lost reply, a cut COMMIT).
 * A write whose outcome is unknown is never sent again by this library.
 *
 * @since 0.1.0
 * @category models
 */
export const WriteOutcome = Schema.Literal("not-applied", "unknown")

/**
 * @since 0.1.0
 * @category models
 */
export type WriteOutcome = typeof WriteOutcome.Type

const inOperation = { operation: Schema.String, backend: Schema.String }
const fromBackend = {
  ...inOperation,
  reason: Schema.String,
  outcome: WriteOutcome,
  cause: Schema.optional(Schema.Defect)
}

const unknownOutcome = (outcome: WriteOutcome): string =>
  outcome === "unknown" ? "; it may or may not have been applied" : ""

/**
 * The store can't be reached: refused, lost, timed out, its pool exhausted, or closed. Trying again can help, and is
 * safe while `outcome` is `"not-applied"`.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>("effect-state/StoreUnavailable")(
  "StoreUnavailable",
  fromBackend
) {
  get isRetryable(): boolean {
    return this.outcome === "not-applied"
  }
  override get message(): string {
    return `${this.operation}: the ${this.backend} store is unavailable, ${this.reason}${unknownOutcome(this.outcome)}`
  }
}

/**
 * The store answered with a failure that trying again does not mend; `reason` says which.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreFailure extends Schema.TaggedError<StoreFailure>("effect-state/StoreFailure")(
  "StoreFailure",
  fromBackend
) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `${this.operation}: the ${this.backend} store failed, ${this.reason}${unknownOutcome(this.outcome)}`
  }
}

/**
 * This backend, or this configuration of it, can't do what was asked. Nothing was changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class Unsupported extends Schema.TaggedError<Unsupported>("effect-state/Unsupported")("Unsupported", {
  ...inOperation,
  reason: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `${this.operation} is not supported by the ${this.backend} store: ${this.reason}`
  }
}

/**
 * A check of a write did not hold, and nothing was changed. `keys` names those that were in another state than expected.
 *
 * @since 0.1.0
 * @category errors
 */
export class VersionConflict extends Schema.TaggedError<VersionConflict>("effect-state/VersionConflict")(
  "VersionConflict",
  {
    ...inOperation,
    keys: Schema.Array(Schema.String)
  }
) {
  get isRetryable(): boolean {
    return true
  }
  override get message(): string {
    return `${this.operation}: ${this.keys.length} of the checked keys changed in between`
  }
}

/**
 * `add` met a value that is no safe integer, or its sum would be none. Nothing was changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotInteger extends Schema.TaggedError<NotInteger>("effect-state/NotInteger")("NotInteger", {
  ...inOperation,
  keys: Schema.Array(Schema.String)
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `${this.operation}: a counter's value, delta and sum must be safe integers`
  }
}

/**
 * A key or namespace segment that no backend accepts. `key` is cut to 64 characters.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidKey extends Schema.TaggedError<InvalidKey>("effect-state/InvalidKey")("InvalidKey", {
  key: Schema.String,
  reason: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `Invalid key: ${this.reason}`
  }
}

/**
 * A time to live that is none.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidTtl extends Schema.TaggedError<InvalidTtl>("effect-state/InvalidTtl")("InvalidTtl", {
  ttl: Schema.String,
  reason: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `Invalid time to live ${this.ttl}: ${this.reason}`
  }
}

/**
 * A range, page limit, page cursor or pattern that makes no sense, or a cursor of another range.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidRange extends Schema.TaggedError<InvalidRange>("effect-state/InvalidRange")("InvalidRange", {
  part: Schema.Literal("start", "end", "prefix", "limit", "cursor", "pattern"),
  reason: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `Invalid ${this.part}: ${this.reason}`
  }
}

/**
 * A commit with more checks and mutations, or with more bytes of values, than the backend takes at once: one of the two is
 * over its limit. Bytes are counted unless there are too many steps.
 *
 * @since 0.1.0
 * @category errors
 */
export class CommitTooLarge extends Schema.TaggedError<CommitTooLarge>("effect-state/CommitTooLarge")(
  "CommitTooLarge",
  {
    ...inOperation,
    steps: Schema.Number,
    stepsMax: Schema.Number,
    bytes: Schema.Number,
    bytesMax: Schema.Number
  }
) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return this.steps > this.stepsMax
      ? `A commit of ${this.steps} checks and mutations; the ${this.backend} store takes ${this.stepsMax}`
      : `A commit of ${this.bytes} bytes of values; the ${this.backend} store takes ${this.bytesMax}`
  }
}

/**
 * A commit named a key of another store than the one it was given to.
 *
 * @since 0.1.0
 * @category errors
 */
export class StoreMismatch extends Schema.TaggedError<StoreMismatch>("effect-state/StoreMismatch")("StoreMismatch", {
  ...inOperation,
  key: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `${this.operation}: a key belongs to another store than this ${this.backend} store`
  }
}

/**
 * An option of a layer that makes no sense; `reason` says what is allowed. It never carries a secret.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidOption extends Schema.TaggedError<InvalidOption>("effect-state/InvalidOption")("InvalidOption", {
  option: Schema.String,
  reason: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `Invalid option ${this.option}: ${this.reason}`
  }
}

/**
 * What any call to the store can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type StoreError = StoreUnavailable | StoreFailure | Unsupported

/**
 * What reading can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = StoreError | InvalidKey | InvalidRange | DecodeError | StoreMismatch

/**
 * What writing can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type WriteError =
  | StoreError
  | InvalidKey
  | InvalidTtl
  | EncodeError
  | ValueTooLarge
  | CommitTooLarge
  | StoreMismatch

/**
 * What building a store's layer can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type LayerError = StoreError | InvalidOption | InvalidTtl

/**
 * Some items of a `setMany` or `deleteMany` failed; the others are done. `results` has each item's own outcome, in input
 * order: the value of a success, or its error.
 *
 * @since 0.1.0
 * @category errors
 */
export class BatchError<out A> extends Data.TaggedError("BatchError")<{
  readonly results: ReadonlyArray<Either.Either<unknown, WriteError>>
}> {
  declare readonly results: ReadonlyArray<Either.Either<A, WriteError>>
  /** Whether every failed item may be sent again. */
  get isRetryable(): boolean {
    return this.results.every((result) => Either.isRight(result) || result.left.isRetryable)
  }
  override get message(): string {
    return `${Array.getLefts(this.results).length} of ${this.results.length} items failed`
  }
}
