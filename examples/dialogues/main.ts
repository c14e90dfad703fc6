/**
 * Replays task-oriented dialogues through sessions, on the store that STATE_URL names (default: SQLite in a file), with a
 * restart in the middle, and checks every state.
 *
 *     npm start                                    the sample beside this file
 *     npm start -- dialogues.jsonl.gz              a file of JSON lines, plain or gzipped
 *     STATE_URL=redis://localhost npm start        on another store
 */
import { fileURLToPath } from "node:url"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { StoreUrl } from "effect-state/url"
import { Conversations } from "./Conversations.ts"
import * as Progress from "./Progress.ts"
import * as Replay from "./Replay.ts"
import * as Source from "./Source.ts"

const sample = fileURLToPath(new URL("sample.jsonl", import.meta.url))

/** What is stored is not what it should be. */
class Mismatch extends Schema.TaggedError<Mismatch>()("Mismatch", { where: Schema.Array(Schema.String) }) {
  override get message(): string {
    return `${this.where.length} states are not as expected, the first: ${this.where[0]}`
  }
}

const StateUrl = Config.redacted("STATE_URL").pipe(Config.withDefault(Redacted.make("sqlite:dialogues.db")))

const run = (path: string, concurrency: number) =>
  Effect.gen(function* () {
    const url = yield* StateUrl
    const { size } = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat(path))
    const progress = yield* Progress.make
    // Each pass builds the store, and closes it: the second one finds only what the first one left there.
    const store = Layer.fresh(Conversations.layer.pipe(Layer.provideMerge(StoreUrl.layer(url))))
    let bytesRead = 0
    const pass = (half: Replay.Half) =>
      Replay.replay(
        Source.dialogues(path, (bytes) => {
          bytesRead += bytes
        }),
        half,
        {
          concurrency,
          onDialogue: ({ dialogues, turns }) =>
            progress.report(bytesRead / Number(size) / 2, `${half} half: ${dialogues} dialogues, ${turns} turns`)
        }
      ).pipe(Effect.ensuring(progress.done))

    const [elapsed, tally] = yield* Effect.timed(
      Effect.gen(function* () {
        const first = yield* Effect.provide(Effect.zipRight(Replay.forget, pass("first")), store)
        yield* Console.log(`The store is closed after ${first.turns} turns, and built again.`)
        const [second, counted] = yield* Effect.provide(Effect.zip(pass("second"), Replay.turnsCounted), store)
        const total = Replay.together(first, second)
        return counted === total.turns
          ? total
          : { ...total, mismatches: [...total.mismatches, `the counter: ${counted} turns instead of ${total.turns}`] }
      })
    )
    yield* report(tally, Duration.toSeconds(elapsed))
    if (tally.mismatches.length > 0) return yield* new Mismatch({ where: tally.mismatches })
  })

const report = ({ bytes, dialogues, mismatches, turns }: Replay.Tally, seconds: number) =>
  Console.log(
    [
      `${dialogues} dialogues, ${turns} turns, ${bytes} bytes of state written and read back`,
      `${seconds.toFixed(1)} s, ${Math.round(turns / seconds)} turns a second`,
      mismatches.length === 0 ? "Every state is as expected." : `${mismatches.length} mismatches`
    ].join("\n")
  )

const command = Command.make(
  "dialogues",
  {
    path: Args.file({ name: "file", exists: "yes" }).pipe(
      Args.withDescription("JSON lines, one dialogue a line; gzipped if the name ends in .gz"),
      Args.withDefault(sample)
    ),
    concurrency: Options.integer("concurrency").pipe(
      Options.withDescription("How many dialogues at a time"),
      Options.withDefault(16)
    )
  },
  ({ concurrency, path }) => run(path, concurrency)
)

const cli = Command.run(command, { name: "dialogues", version: "0.1.0" })

cli(process.argv).pipe(
  Effect.tapErrorTag("InputError", (error) => Console.error(`The input is broken. ${error.message}`)),
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain
)
