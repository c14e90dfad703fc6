/**
 * Replays dialogues through customers: each is a customer with a session, each turn a message and what is known after it.
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Customer } from "effect-state"
import { type Dialogue, DialogueState, isSameState, stateAfter, type Turn } from "../dialogues/Dialogue.ts"

/** Few messages stay in a customer's entry, so that most of a dialogue is archived in the end. */
export class Customers extends Customer.Tag<Customers>()("dialogue-customers", { keep: { messages: 2 } }) {}

/** What was done. */
export interface Tally {
  readonly dialogues: number
  readonly turns: number
  readonly mismatches: ReadonlyArray<string>
}

const nothing: Tally = { dialogues: 0, turns: 0, mismatches: [] }

/** Replays all dialogues, some at a time. */
export const replay = <E, R>(dialogues: Stream.Stream<Dialogue, E, R>, concurrency: number) =>
  dialogues.pipe(
    Stream.mapEffect(replayOne, { concurrency, unordered: true }),
    Stream.runFold(nothing, (total, { mismatches, turns }) => ({
      dialogues: total.dialogues + 1,
      turns: total.turns + turns,
      mismatches: [...total.mismatches, ...mismatches]
    }))
  )

const replayOne = (dialogue: Dialogue) =>
  Effect.gen(function* () {
    const customers = yield* Customers
    const id = dialogue.dialogue_id
    const mismatches: Array<string> = []
    const expect = (holds: boolean, what: string) => {
      if (!holds) mismatches.push(`${id}, ${what}`)
    }
    yield* customers.delete(id)
    const session = yield* customers.startSession(id, { ifActive: "reject" })
    for (const [i, turn] of dialogue.turns.entries()) {
      yield* customers.update(id, said(turn, yield* DateTime.now))
      const known = yield* knownOf(id)
      expect(isSameState(known, stateAfter(dialogue.turns.slice(0, i + 1))), `turn ${i + 1}: what is known`)
    }
    yield* customers.endSession(session.sessionId)
    expect(Option.isNone(yield* customers.activeSession(id)), "the session is still active")
    const messages = yield* Stream.runCollect(customers.messages.stream(id, { order: "oldest first" }))
    expect(
      isSameTalk(
        Array.from(messages, ({ value: { content, role } }) => [role, content]),
        dialogue.turns.map(({ speaker, utterance }) => [speaker, utterance])
      ),
      "the messages"
    )
    const { history } = Option.getOrThrow(yield* customers.get(id)).value
    expect(history.messages.length < 2 + 10, "the entry grows with the dialogue")
    return { turns: dialogue.turns.length, mismatches }
  })

/** A turn, as a change of the customer: user's turns bring intents and what is known of services. */
const said = (turn: Turn, timestamp: DateTime.Utc): Customer.Update => {
  const known = stateAfter([turn])
  const intents = Object.values(known).map(({ active_intent }) => active_intent)
  return (state) =>
    pipe(
      state,
      Customer.addMessage({ role: turn.speaker, content: turn.utterance, timestamp }),
      Customer.setEntities(known),
      Customer.updateContext({
        currentTopic: turn.frames[0].service,
        lastInteraction: timestamp,
        ...(intents.length === 0 ? {} : { intents })
      })
    )
}

const knownOf = (id: string) =>
  Effect.gen(function* () {
    const { conversationContext } = Option.getOrThrow(yield* (yield* Customers).get(id)).value
    return yield* Schema.decodeUnknown(DialogueState)(conversationContext.entities)
  })

const isSameTalk = Schema.equivalence(Schema.Array(Schema.Array(Schema.String)))
