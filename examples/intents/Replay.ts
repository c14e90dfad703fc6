/**
 * Replays dialogues through the state machine of intents, act by act, and compares each user's turn with the intent that the
 * dialogue itself gives it.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Dialogue } from "../dialogues/Dialogue.ts"
import { eventsOf, Intents, intentOf } from "./Machine.ts"

/** What a replay did. */
export interface Tally {
  readonly dialogues: number
  readonly turns: number
  /** How many intents were compared: one for each service that a user's turn is about. */
  readonly intents: number
  /** How many transitions were made; each event was delivered twice. */
  readonly transitions: number
  readonly mismatches: ReadonlyArray<string>
}

/** Replays dialogues, some at a time. */
export const replay = <E, R>(
  dialogues: Stream.Stream<Dialogue, E, R>,
  options: {
    /** The name of this run, so that its events are not taken for those of an earlier one. */
    readonly run: string
    readonly concurrency: number
    readonly onDialogue: (tally: Tally) => Effect.Effect<void>
  }
) =>
  dialogues.pipe(
    Stream.mapEffect((dialogue) => replayDialogue(dialogue, options.run), {
      concurrency: options.concurrency,
      unordered: true
    }),
    Stream.runFoldEffect(nothing, (total, one) => {
      const tally = together(total, one)
      return Effect.as(options.onDialogue(tally), tally)
    })
  )

const replayDialogue = (dialogue: Dialogue, run: string) =>
  Effect.gen(function* () {
    const intents = yield* Intents
    const at = (service: string) => intents.at({ chat: dialogue.dialogue_id, destiny: service })
    yield* Effect.forEach(dialogue.services, (service) => at(service).clear)
    let tally: Tally = { ...nothing, dialogues: 1, turns: dialogue.turns.length }
    for (const [i, { frames, speaker }] of dialogue.turns.entries()) {
      for (const frame of frames) {
        const intent = at(frame.service)
        for (const [j, event] of eventsOf(speaker, frame).entries()) {
          const id = `${run}: ${i}.${j}`
          const made = yield* intent.send(event, { id })
          // The messenger is not sure whether it has delivered the event, and does so again.
          const again = yield* intent.send(event, { id })
          if (again.version !== made.version) {
            tally = together(tally, wrong(`${dialogue.dialogue_id}, turn ${i + 1}: ${event._tag} happened twice`))
          }
          tally = together(tally, { ...nothing, transitions: 1 })
        }
        if (frame.state === undefined) continue
        const stored = intentOf(yield* intent.getState)
        const expected = frame.state.active_intent
        tally = together(tally, { ...nothing, intents: 1 })
        if (stored !== expected) {
          tally = together(tally, wrong(`${dialogue.dialogue_id}, turn ${i + 1}: ${stored} instead of ${expected}`))
        }
      }
    }
    return tally
  })

const nothing: Tally = { dialogues: 0, turns: 0, intents: 0, transitions: 0, mismatches: [] }

const wrong = (mismatch: string): Tally => ({ ...nothing, mismatches: [mismatch] })

const together = (a: Tally, b: Tally): Tally => ({
  dialogues: a.dialogues + b.dialogues,
  turns: a.turns + b.turns,
  intents: a.intents + b.intents,
  transitions: a.transitions + b.transitions,
  mismatches: [...a.mismatches, ...b.mismatches]
})
