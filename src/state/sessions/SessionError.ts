/**
 * How sessions fail, besides as their store does. No id is in a message or a log.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/**
 * There is no such session: it never was, it expired, or it was deleted. The id is redacted in logs.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionNotFound extends Schema.TaggedError<SessionNotFound>("effect-state/SessionNotFound")(
  "SessionNotFound",
  { id: Schema.RedactedFromSelf(Schema.String) }
) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return "There is no such session"
  }
}

/**
 * A session was to be created under an id that another one has. The id is redacted in logs.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionExists extends Schema.TaggedError<SessionExists>("effect-state/SessionExists")("SessionExists", {
  id: Schema.RedactedFromSelf(Schema.String)
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return "There is a session under this id already"
  }
}

/**
 * A session was to be started for an owner who has as many as `maxConcurrent` allows, and none may be ended for it. Nothing
 * was changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class TooManySessions extends Schema.TaggedError<TooManySessions>("effect-state/TooManySessions")(
  "TooManySessions",
  {
    /** How many sessions an owner may have. */
    max: Schema.Number
  }
) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `The owner has ${this.max} sessions, and may have no more`
  }
}

/**
 * The error for an id without a session.
 *
 * @since 0.1.0
 * @category errors
 */
export const notFound = (id: string): SessionNotFound => new SessionNotFound({ id: Redacted.make(id) })

/**
 * The error for an id that another session has.
 *
 * @since 0.1.0
 * @category errors
 */
export const exists = (id: string): SessionExists => new SessionExists({ id: Redacted.make(id) })
