/**
 * Replays task-oriented dialogues as customers with sessions and histories, on the store that STATE_URL names (default: memory),
 * and checks what is stored after each turn.
 *
 *     tsx examples/customers/main.ts                          the sample of the dialogues example
 *     tsx examples/customers/main.ts dialogues.jsonl.gz       a file of JSON lines, plain or gzipped
 */
import { fileURLToPath } from "node:url"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StoreUrl } from "effect-state/url"
import * as CommandLine from "../dialogues/CommandLine.ts"
import * as Source from "../dialogues/Source.ts"
import * as Replay from "./Replay.ts"

const sample = fileURLToPath(new URL("../dialogues/sample.jsonl", import.meta.url))

const program = Effect.gen(function* () {
  const url = yield* CommandLine.stateUrl("memory:")
  const [elapsed, { dialogues, mismatches, turns }] = yield* Effect.timed(
    Effect.provide(
      Replay.replay(Source.dialogues(process.argv[2] ?? sample), 16),
      Replay.Customers.layer.pipe(Layer.provide(StoreUrl.layer(url)))
    )
  )
  yield* Console.log(`${dialogues} customers, ${turns} turns, ${Duration.toSeconds(elapsed).toFixed(1)} s`)
  if (mismatches.length > 0) return yield* new CommandLine.Mismatch({ what: "states", where: mismatches })
  yield* Console.log("Every state is as expected.")
})

CommandLine.run(program)
