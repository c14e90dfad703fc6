/**
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { SessionInfo } from "./Model.ts"

/**
 * A session was to be started that must be the only active one of its type, and another one is active.
 *
 * @since 0.1.0
 * @category errors
 */
export class SessionActive extends Schema.TaggedError<SessionActive>("effect-state/SessionActive")("SessionActive", {
  session: SessionInfo
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `There is an active session of the type ${this.session.type} already`
  }
}
