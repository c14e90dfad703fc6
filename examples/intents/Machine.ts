/**
 * What a user wants of a service, as a state machine: the assistant follows the acts of both, and always knows the intent.
 */
import * as Schema from "effect/Schema"
import { StateMachine } from "effect-state"
import type { Frame, Turn } from "../dialogues/Dialogue.ts"

export const Intent = StateMachine.make({
  id: "Intent",
  states: {
    Quiet: {},
    Pursuing: { intent: Schema.String },
    /** While the user pursues one intent, or none, the assistant has offered another. */
    Offered: { intent: Schema.NullOr(Schema.String), offered: Schema.String }
  },
  events: {
    /** The user says what he wants. */
    Ask: { intent: Schema.String },
    /** The assistant offers something else. */
    Offer: { intent: Schema.String },
    Accept: {},
    Decline: {},
    /** The user wants nothing more. */
    Finish: {}
  },
  data: { pursued: Schema.Array(Schema.String) },
  initial: "Quiet",
  on: {
    Quiet: {
      Ask: { to: "Pursuing", fields: ({ event }) => event, data: ({ data, event }) => also(data, event.intent) },
      Offer: { to: "Offered", fields: ({ event }) => ({ intent: null, offered: event.intent }) },
      Finish: "Quiet"
    },
    Pursuing: {
      Ask: { to: "Pursuing", fields: ({ event }) => event, data: ({ data, event }) => also(data, event.intent) },
      Offer: { to: "Offered", fields: ({ event, state }) => ({ intent: state.intent, offered: event.intent }) },
      Finish: "Quiet"
    },
    Offered: {
      Ask: { to: "Pursuing", fields: ({ event }) => event, data: ({ data, event }) => also(data, event.intent) },
      Accept: {
        to: "Pursuing",
        fields: ({ state }) => ({ intent: state.offered }),
        data: ({ data, state }) => also(data, state.offered)
      },
      Decline: "Quiet",
      Finish: "Quiet"
    }
  }
})

/** Every service that a dialogue touches has a conversation of its own. */
export class Intents extends StateMachine.Tag<Intents>()("intents", {
  machine: Intent,
  key: StateMachine.ConversationKey.chat,
  ttl: { state: "1 day", data: "1 day" }
}) {}

/** The intent that a state is about, as the dialogues name it. */
export const intentOf = (state: typeof Intent.State.Type): string =>
  (state._tag === "Quiet" ? null : state.intent) ?? "NONE"

/** What the acts of a turn mean for the intent. */
export const eventsOf = (
  speaker: Turn["speaker"],
  { actions = [] }: Frame
): ReadonlyArray<typeof Intent.Event.Type> => {
  const { Accept, Ask, Decline, Finish, Offer } = Intent.events
  const events = actions.flatMap(({ act, values: [intent = ""] }): ReadonlyArray<typeof Intent.Event.Type> => {
    switch (`${speaker}: ${act}`) {
      case "SYSTEM: OFFER_INTENT":
        return [Offer.make({ intent })]
      case "USER: INFORM_INTENT":
        return [Ask.make({ intent })]
      case "USER: AFFIRM_INTENT":
        return [Accept.make()]
      case "USER: NEGATE_INTENT":
        return [Decline.make()]
      default:
        return []
    }
  })
  const acts = new Set(actions.map(({ act }) => act))
  return speaker === "USER" && acts.has("NEGATE") && acts.has("THANK_YOU") ? [...events, Finish.make()] : events
}

const also = ({ pursued = [] }: { readonly pursued?: ReadonlyArray<string> }, intent: string) => ({
  pursued: [...pursued, intent]
})
