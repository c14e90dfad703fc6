/**
 * The intents example as a user runs it: as a process of its own, on dialogues that are made up here, on every backend.
 */
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { assert, describe, it } from "vitest"
import * as Program from "./Program.ts"

const { backends, database, file, run } = Program.make("intents")

/** What a user does next: she knows what she wants, and the dialogue is written from that. */
type Move =
  | { readonly kind: "ask"; readonly intent: string }
  | { readonly kind: "talk" }
  | { readonly kind: "offered"; readonly intent: string; readonly reply: "accept" | "decline" | "ask" }
  | { readonly kind: "finish" }

const intent = fc.constantFrom("FindCrossing", "BookCrossing", "FindWorkshop", "BookRepair")
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.record({ kind: fc.constant("ask" as const), intent }),
  fc.record({ kind: fc.constant("talk" as const) }),
  fc.record({
    kind: fc.constant("offered" as const),
    intent,
    reply: fc.constantFrom("accept" as const, "decline" as const, "ask" as const)
  }),
  fc.record({ kind: fc.constant("finish" as const) })
)

const act = (act: string, ...values: ReadonlyArray<string>) => ({ act, values })

/** What the user wants after her move, and the acts that say so. */
const made = (move: Move, wanted: string) => {
  switch (move.kind) {
    case "ask":
      return { wanted: move.intent, acts: [act("INFORM", "four"), act("INFORM_INTENT", move.intent)] }
    case "talk":
      return { wanted, acts: [act("INFORM", "at four"), act("NEGATE")] }
    case "finish":
      return { wanted: "NONE", acts: [act("NEGATE"), act("THANK_YOU")] }
    case "offered":
      if (move.reply === "accept") return { wanted: move.intent, acts: [act("AFFIRM_INTENT")] }
      if (move.reply === "decline") return { wanted: "NONE", acts: [act("NEGATE_INTENT"), act("GOODBYE")] }
      return { wanted: "FindCrossing", acts: [act("INFORM_INTENT", "FindCrossing")] }
  }
}

const dialogueOf = (moves: ReadonlyArray<Move>, i: number) => {
  const service = `Service ${i % 3}`
  let wanted = "NONE"
  const turns = moves.flatMap((move) => {
    const system = {
      speaker: "SYSTEM",
      utterance: "…",
      frames: [{ service, actions: move.kind === "offered" ? [act("OFFER_INTENT", move.intent)] : [act("REQUEST")] }]
    }
    const step = made(move, wanted)
    wanted = step.wanted
    const state = { active_intent: wanted, requested_slots: [], slot_values: {} }
    return [system, { speaker: "USER", utterance: "…", frames: [{ service, actions: step.acts, state }] }]
  })
  return { dialogue_id: `${i}`, services: [service], turns }
}

const dialogues = fc
  .sample(fc.array(move, { minLength: 1, maxLength: 12 }), { numRuns: 60, seed: 42 })
  .map((moves, i) => dialogueOf(moves, i))
const intents = dialogues.flatMap(({ turns }) => turns).length / 2
const text = dialogues.map((dialogue) => JSON.stringify(dialogue)).join("\n")

describe("The intents example knows what users want", () => {
  it.each(backends)("on %s", (_, url) =>
    Effect.gen(function* () {
      const { status, stderr, stdout } = run(yield* url, file("made.jsonl.gz", gzipSync(text)))
      assert.strictEqual(stderr, "")
      assert.include(stdout, `${intents} of ${intents} intents are as expected.`)
      assert.strictEqual(status, 0)
    }).pipe(Effect.scoped, Effect.runPromise)
  )

  it("in its sample, also a second time over what the first run left", () => {
    for (let i = 0; i < 2; i++) {
      const { status, stdout } = run(database("twice.db"))
      assert.include(stdout, "9 of 9 intents are as expected.")
      assert.strictEqual(status, 0)
    }
  })

  it("and says so where a dialogue has it otherwise", () => {
    const [first, ...rest] = dialogues
    const turns = first?.turns.map((turn, i) =>
      i === 1
        ? {
            ...turn,
            frames: turn.frames.map((frame) => ({
              ...frame,
              state: { active_intent: "Other", requested_slots: [], slot_values: {} }
            }))
          }
        : turn
    )
    const lines = [{ ...first, turns }, ...rest].map((dialogue) => JSON.stringify(dialogue)).join("\n")
    const { status, stderr, stdout } = run("memory:", file("wrong.jsonl", lines))
    assert.include(stdout, `${intents - 1} of ${intents} intents are as expected.`)
    assert.match(stderr, /1 intents are not as expected, the first: 0, turn 2: \w+ instead of Other/)
    assert.strictEqual(status, 1)
  })

  it("and draws how it does so", () => {
    const { stdout } = run("memory:", "--diagram")
    assert.match(stdout, /^stateDiagram-v2$/m)
    assert.match(stdout, /^ {4}Offered --> Pursuing : Accept$/m)
  })
})
