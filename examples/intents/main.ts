/**
 * Replays task-oriented dialogues through a state machine of intents, on the store that STATE_URL names (default: memory), and
 * checks that after every user's turn the machine knows the intent that the dialogue gives it. Each event is delivered twice.
 *
 *     npx tsx examples/intents/main.ts                          the sample beside this file
 *     npx tsx examples/intents/main.ts dialogues.jsonl.gz       a file of JSON lines, plain or gzipped
 *     npx tsx examples/intents/main.ts --diagram                the machine, as a Mermaid diagram
 */
import { fileURLToPath } from "node:url"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { StateMachine } from "effect-state"
import { StoreUrl } from "effect-state/url"
import * as Progress from "../dialogues/Progress.ts"
import * as Source from "../dialogues/Source.ts"
import { Intent, Intents } from "./Machine.ts"
import * as Replay from "./Replay.ts"

const sample = fileURLToPath(new URL("sample.jsonl", import.meta.url))

/** The machine took a user to want something else. */
class Mismatch extends Schema.TaggedError<Mismatch>()("Mismatch", { where: Schema.Array(Schema.String) }) {
  override get message(): string {
    return `${this.where.length} intents are not as expected, the first: ${this.where[0]}`
  }
}

const StateUrl = Config.redacted("STATE_URL").pipe(Config.withDefault(Redacted.make("memory:")))

const run = (path: string, concurrency: number) =>
  Effect.gen(function* () {
    const store = Intents.layer.pipe(Layer.provide(StoreUrl.layer(yield* StateUrl)))
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
    if (tally.mismatches.length > 0) return yield* new Mismatch({ where: tally.mismatches })
  })

const command = Command.make(
  "intents",
  {
    path: Args.file({ name: "file", exists: "yes" }).pipe(
      Args.withDescription("JSON lines, one dialogue a line; gzipped if the name ends in .gz"),
      Args.withDefault(sample)
    ),
    concurrency: Options.integer("concurrency").pipe(
      Options.withDescription("How many dialogues at a time"),
      Options.withDefault(16)
    ),
    diagram: Options.boolean("diagram").pipe(Options.withDescription("Draws the machine instead"))
  },
  ({ concurrency, diagram, path }) => (diagram ? Console.log(StateMachine.toMermaid(Intent)) : run(path, concurrency))
)

const cli = Command.run(command, { name: "intents", version: "0.1.0" })

cli(process.argv).pipe(
  // The command line reports its own mistakes; what goes wrong later is told in a line, and not as a stack.
  Effect.tapError((error) => (ValidationError.isValidationError(error) ? Effect.void : Console.error(error.message))),
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
