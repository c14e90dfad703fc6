/**
 * What can be wrong with an event, or with a stored state. Names are told, never data.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Schema from "effect/Schema"

/**
 * The machine has no transition for the event in this state. Nothing has changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class NoTransition extends Schema.TaggedError<NoTransition>("effect-state/NoTransition")("NoTransition", {
  machine: Schema.String,
  state: Schema.String,
  event: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `${this.machine}: no transition from ${this.state} by ${this.event}`
  }
}

/**
 * The machine has transitions for the event in this state, but no guard lets it through. Nothing has changed.
 *
 * @since 0.1.0
 * @category errors
 */
export class GuardRefused extends Schema.TaggedError<GuardRefused>("effect-state/GuardRefused")("GuardRefused", {
  machine: Schema.String,
  state: Schema.String,
  event: Schema.String,
  /** The names of the guards, in the order in which they were asked. */
  guards: Schema.Array(Schema.String)
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `${this.machine}: in ${this.state}, ${this.event} is refused by ${this.guards.join(", ")}`
  }
}

/**
 * The stored state is none of the machine's, and the machine has no fallback for it.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnknownState extends Schema.TaggedError<UnknownState>("effect-state/UnknownState")("UnknownState", {
  machine: Schema.String,
  key: Schema.String,
  state: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `${this.machine}: the stored state ${this.state} is unknown, and there is no fallback for it`
  }
}

/**
 * A transition was committed, and then an entry or exit effect failed with `error`. The transition stands: sending the event
 * again would make another one or, under the same id, answer with this one and run no effect.
 *
 * @since 0.1.0
 * @category errors
 */
export class EffectFailed<out E, out T = unknown> extends Data.TaggedError("EffectFailed")<{
  readonly phase: "exit" | "entry"
  /** The state that was left or entered. */
  readonly state: string
  readonly error: unknown
  readonly transition: unknown
}> {
  declare readonly error: E
  /** The transition that was committed. */
  declare readonly transition: T
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `The transition is committed, and the ${this.phase} effect of ${this.state} failed`
  }
}
