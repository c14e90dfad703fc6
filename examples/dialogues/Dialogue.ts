/**
 * A task-oriented dialogue, as the Schema-Guided Dialogue data set has them, and the state that it leads to.
 */
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"

/** What the assistant knows of one service after a user's turn. */
export const ServiceState = Schema.Struct({
  active_intent: Schema.String,
  requested_slots: Schema.Array(Schema.String),
  slot_values: Schema.Record({ key: Schema.String, value: Schema.Array(Schema.String) })
})

/** What the assistant knows of every service that the dialogue touched. */
export const DialogueState = Schema.Record({ key: Schema.String, value: ServiceState })
export type DialogueState = typeof DialogueState.Type

/** What a speaker does by a turn: informs, asks, offers, agrees, … */
const Act = Schema.Struct({ act: Schema.String, values: Schema.Array(Schema.String) })

const Frame = Schema.Struct({
  service: Schema.String,
  actions: Schema.optional(Schema.Array(Act)),
  state: Schema.optional(ServiceState)
})
export type Frame = typeof Frame.Type

const Turn = Schema.Struct({
  speaker: Schema.Literal("USER", "SYSTEM"),
  utterance: Schema.String,
  frames: Schema.NonEmptyArray(Frame)
})
export type Turn = typeof Turn.Type

export const Dialogue = Schema.Struct({
  dialogue_id: Schema.NonEmptyString,
  services: Schema.Array(Schema.String),
  turns: Schema.NonEmptyArray(Turn)
})
export type Dialogue = typeof Dialogue.Type

/** The states that some turns lead to: only users' turns have some, for the services that they are about. */
export const stateAfter = (turns: ReadonlyArray<Turn>): DialogueState =>
  Record.fromEntries(
    turns.flatMap((turn) =>
      turn.frames.flatMap(({ service, state }) => (state === undefined ? [] : [[service, state] as const]))
    )
  )

export const isSameState = Schema.equivalence(DialogueState)
