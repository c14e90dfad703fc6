/**
 * Replays task-oriented dialogues through sessions, on the store that STATE_URL names (default: SQLite in a file), with a
 * restart in the middle (but for memory, which would forget), and checks every state.
 *
 *     npm start                                    the sample beside this file
 *     npm start -- dialogues.jsonl.gz              a file of JSON lines, plain or gzipped
 *     STATE_URL=redis://localhost npm start        on another store
 */
import { fileURLToPath } from "node:url"
import * as Command from "@effect/cli/Command"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StoreUrl } from "effect-state/url"
import * as CommandLine from "./CommandLine.ts"
import { Conversations } from "./Conversations.ts"
import * as Progress from "./Progress.ts"
import * as Replay from "./Replay.ts"
import * as Source from "./Source.ts"

const sample = fileURLToPath(new URL("sample.jsonl", import.meta.url))

const run = (path: string, concurrency: number) =>
  Effect.gen(function* () {
    const url = yield* CommandLine.stateUrl("sqlite:dialogues.db")
    const target = yield* StoreUrl.parse(url)
    const total = yield* Source.count(path)
    const progress = yield* Progress.make
    const pass = (half: Replay.Half) =>
      Replay.replay(Source.dialogues(path), half, {
        concurrency,
        onDialogue: ({ dialogues, turns }) =>
          progress.report(
            (half === "first" ? dialogues : total + dialogues) / (2 * total),
            `${half} half: ${dialogues} dialogues, ${turns} turns`
          )
      }).pipe(Effect.ensuring(progress.done))
    const first = Effect.zipRight(Replay.forget, pass("first"))
    const second = Effect.zip(pass("second"), Replay.turnsCounted)
    const store = Layer.fresh(Conversations.layer.pipe(Layer.provideMerge(StoreUrl.layer(url))))

    const [elapsed, [before, [after, counted]]] = yield* Effect.timed(
      target.backend === "memory"
        ? Effect.provide(Effect.zip(first, second), store)
        : Effect.zip(
            Effect.tap(Effect.provide(first, store), () => Console.log("The store is closed, and built again.")),
            Effect.provide(second, store)
          )
    )
    const tally = Replay.together(before, after)
    const mismatches =
      counted === tally.turns
        ? tally.mismatches
        : [...tally.mismatches, `the store's counter: ${counted} turns instead of ${tally.turns}`]
    yield* report({ ...tally, mismatches }, Duration.toSeconds(elapsed))
    if (mismatches.length > 0) return yield* new CommandLine.Mismatch({ what: "states", where: mismatches })
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
    path: CommandLine.file(sample),
    concurrency: CommandLine.concurrency
  },
  ({ concurrency, path }) => run(path, concurrency)
)

CommandLine.run(Command.run(command, { name: "dialogues", version: "0.1.0" })(process.argv))
