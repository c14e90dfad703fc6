/**
 * Replays task-oriented dialogues through a state machine of intents, on the store that STATE_URL names (default: memory), and
 * checks that after every user's turn the machine knows the intent that the dialogue gives it. Each event is delivered twice.
 *
 *     npx tsx examples/intents/main.ts                          the sample beside this file
 *     npx tsx examples/intents/main.ts dialogues.jsonl.gz       a file of JSON lines, plain or gzipped
 *     npx tsx examples/intents/main.ts --diagram                the machine, as a Mermaid diagram
 */
import { fileURLToPath } from "node:url"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StateMachine } from "effect-state"
import { StoreUrl } from "effect-state/url"
import * as CommandLine from "../dialogues/CommandLine.ts"
import * as Progress from "../dialogues/Progress.ts"
import * as Source from "../dialogues/Source.ts"
import { Intent, Intents } from "./Machine.ts"
import * as Replay from "./Replay.ts"

const sample = fileURLToPath(new URL("sample.jsonl", import.meta.url))

const run = (path: string, concurrency: number) =>
  Effect.gen(function* () {
    const store = Intents.layer.pipe(Layer.provide(StoreUrl.layer(yield* CommandLine.stateUrl("memory:"))))
    const total = yield* Source.count(path)
    const progress = yield* Progress.make
    const [elapsed, tally] = yield* Replay.replay(Source.dialogues(path), {
      run: crypto.randomUUID(),
      concurrency,
      onDialogue: ({ dialogues, turns }) => progress.report(dialogues / total, `${dialogues} dialogues, ${turns} turns`)
    }).pipe(Effect.ensuring(progress.done), Effect.timed, Effect.provide(store))
    const seconds = Duration.toSeconds(elapsed)
    yield* Console.log(
      [
        `${tally.dialogues} dialogues, ${tally.turns} turns, ${tally.transitions} transitions, each delivered twice`,
        `${seconds.toFixed(1)} s, ${Math.round((2 * tally.transitions) / seconds)} deliveries a second`,
        `${tally.intents - tally.mismatches.length} of ${tally.intents} intents are as expected.`
      ].join("\n")
    )
    if (tally.mismatches.length > 0)
      return yield* new CommandLine.Mismatch({ what: "intents", where: tally.mismatches })
  })

const command = Command.make(
  "intents",
  {
    path: CommandLine.file(sample),
    concurrency: CommandLine.concurrency,
    diagram: Options.boolean("diagram").pipe(Options.withDescription("Draws the machine instead"))
  },
  ({ concurrency, diagram, path }) => (diagram ? Console.log(StateMachine.toMermaid(Intent)) : run(path, concurrency))
)

CommandLine.run(Command.run(command, { name: "intents", version: "0.1.0" })(process.argv))
