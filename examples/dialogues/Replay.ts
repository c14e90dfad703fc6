/**
 * Replays dialogues turn by turn through sessions, and compares what is stored with what it should be.
 */

import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { StateStore } from "effect-state"
import { Conversations } from "./Conversations.ts"
import { type Dialogue, type DialogueState, isSameState, stateAfter, type Turn } from "./Dialogue.ts"

/** Which part of each dialogue's turns a pass replays. */
export type Half = "first" | "second"

/** What a pass did. */
export interface Tally {
  readonly dialogues: number
  readonly turns: number
  /** UTF-8 bytes of the states that were written. */
  readonly bytes: number
  readonly mismatches: ReadonlyArray<string>
}

export const nothing: Tally = { dialogues: 0, turns: 0, bytes: 0, mismatches: [] }

export const together = (a: Tally, b: Tally): Tally => ({
  dialogues: Math.max(a.dialogues, b.dialogues),
  turns: a.turns + b.turns,
  bytes: a.bytes + b.bytes,
  mismatches: [...a.mismatches, ...b.mismatches]
})

/** Replays one half of every dialogue, some dialogues at a time; counters in the store tell how far it got. */
export const replay = <E, R>(
  dialogues: Stream.Stream<Dialogue, E, R>,
  half: Half,
  options: { readonly concurrency: number; readonly onDialogue: (tally: Tally) => Effect.Effect<void> }
) =>
  Effect.gen(function* () {
    const progress = (yield* StateStore.StateStore).namespace("dialogues-progress")
    return yield* dialogues.pipe(
      Stream.mapEffect((dialogue) => replayDialogue(dialogue, half), {
        concurrency: options.concurrency,
        unordered: true
      }),
      Stream.tap(({ turns }) => progress.add("turns", turns)),
      Stream.runFoldEffect(nothing, (total, one) => {
        const tally = { ...together(total, one), dialogues: total.dialogues + 1 }
        return Effect.as(options.onDialogue(tally), tally)
      })
    )
  })

/** Forgets what an earlier run stored. */
export const forget = Effect.gen(function* () {
  const conversations = yield* Conversations
  const store = yield* StateStore.StateStore
  yield* conversations.clear
  yield* store.namespace("dialogues-progress").clear({})
})

/** How many turns were replayed in all, by the store's own counter. */
export const turnsCounted = Effect.gen(function* () {
  const progress = (yield* StateStore.StateStore).namespace("dialogues-progress")
  return yield* progress.add("turns", 0)
})

const replayDialogue = (dialogue: Dialogue, half: Half) =>
  Effect.gen(function* () {
    const conversations = yield* Conversations
    const middle = Math.ceil(dialogue.turns.length / 2)
    const turns = half === "first" ? dialogue.turns.slice(0, middle) : dialogue.turns.slice(middle)
    let done = half === "first" ? 0 : middle
    let bytes = 0
    const mismatches: Array<string> = []
    if (half === "first") {
      yield* conversations.create({ id: dialogue.dialogue_id, data: {}, metadata: { turns: 0, utterance: "" } })
    }
    for (const turn of turns) {
      done += 1
      const stored = yield* say(dialogue.dialogue_id, done, turn)
      bytes += Buffer.byteLength(JSON.stringify(stored))
      if (!isSameState(stored, stateAfter(dialogue.turns.slice(0, done)))) {
        mismatches.push(`${dialogue.dialogue_id}, turn ${done}`)
      }
    }
    return { dialogues: 1, turns: turns.length, bytes, mismatches }
  })

/** Merges what a turn brings into the session, and reads back what is stored then. */
const say = (id: string, turns: number, turn: Turn) =>
  Effect.gen(function* () {
    const conversations = yield* Conversations
    yield* conversations.update(id, { data: stateAfter([turn]), metadata: { turns, utterance: turn.utterance } })
    const session = yield* conversations.require(id)
    return session.data satisfies DialogueState
  })
