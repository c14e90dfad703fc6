/**
 * Replays task-oriented dialogues as customers with sessions and histories, on the store that STATE_URL names (default: memory),
 * and checks what is stored after each turn.
 *
 *     tsx examples/customers/main.ts                          the sample of the dialogues example
 *     tsx examples/customers/main.ts dialogues.jsonl.gz       a file of JSON lines, plain or gzipped
 */
import { fileURLToPath } from "node:url"
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
import * as Source from "../dialogues/Source.ts"
import * as Replay from "./Replay.ts"

const sample = fileURLToPath(new URL("../dialogues/sample.jsonl", import.meta.url))

/** What is stored is not what it should be. */
class Mismatch extends Schema.TaggedError<Mismatch>()("Mismatch", { where: Schema.Array(Schema.String) }) {
  override get message(): string {
    return `${this.where.length} states are not as expected, the first: ${this.where[0]}`
  }
}

const program = Effect.gen(function* () {
  const url = yield* Config.redacted("STATE_URL").pipe(Config.withDefault(Redacted.make("memory:")))
  const [elapsed, { dialogues, mismatches, turns }] = yield* Effect.timed(
    Effect.provide(
      Replay.replay(Source.dialogues(process.argv[2] ?? sample), 16),
      Replay.Customers.layer.pipe(Layer.provide(StoreUrl.layer(url)))
    )
  )
  yield* Console.log(`${dialogues} customers, ${turns} turns, ${Duration.toSeconds(elapsed).toFixed(1)} s`)
  if (mismatches.length > 0) return yield* new Mismatch({ where: mismatches })
  yield* Console.log("Every state is as expected.")
})

program.pipe(
  Effect.tapError((error) => Console.error(error.message)),
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
