/**
 * How a cache fails, besides as its lookup does.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ReadError, WriteError } from "../../store/StateError.ts"

/**
 * A lookup took too long, or the process that it waited for did.
 *
 * @since 0.1.0
 * @category errors
 */
export class LookupTimeout extends Schema.TaggedError<LookupTimeout>("effect-state/LookupTimeout")("LookupTimeout", {
  cache: Schema.String,
  key: Schema.String,
  timeoutMs: Schema.Number
}) {
  get isRetryable(): boolean {
    return true
  }
  override get message(): string {
    return `A lookup of the cache ${this.cache} took longer than ${this.timeoutMs} ms`
  }
}

/**
 * What can go wrong besides the lookup.
 *
 * @since 0.1.0
 * @category errors
 */
export type CachedError = LookupTimeout | ReadError | WriteError
