/**
 * The one failure of the throw-away servers: it says what to do about it.
 */
import * as Data from "effect/Data"

/** `missing`: no such binary here; `exited`: the process ended by itself; `timeout`: it did not answer or end in time. */
export type Reason = "missing" | "exited" | "timeout" | "system"

export class ServerError extends Data.TaggedError("ServerError")<{
  readonly reason: Reason
  readonly server: string
  readonly message: string
  readonly cause?: unknown
}> {}
