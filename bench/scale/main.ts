/**
 * The store at a million entries: how long a listing takes, what an entry costs, how much memory streaming them takes, and
 * for how long sweeping holds the process up.
 *
 *     npm run bench:scale                         all backends, each in a process of its own
 *     npm run bench:scale -- redis sqlite         some
 *     npm run bench:scale -- --entries 20000      a smaller size; nothing is saved
 */
import * as ChildProcess from "node:child_process"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import * as Results from "../Results.ts"
import * as Runner from "../Runner.ts"
import * as Servers from "../Servers.ts"
import { measure } from "./measure.ts"
import { targets } from "./targets.ts"

const entriesFull = 1_000_000

const scale = Command.make(
  "scale",
  {
    backends: Args.repeated(Args.text({ name: "backend" })),
    entries: Options.integer("entries").pipe(Options.withDefault(entriesFull))
  },
  ({ backends, entries }) =>
    Effect.gen(function* () {
      const all = targets(entries)
      const chosen = all.filter(({ backend }) => backends.length === 0 || backends.includes(backend))
      const [target] = chosen
      if (target === undefined)
        return yield* Effect.dieMessage(`expected ${all.map(({ backend }) => backend).join(", ")}`)
      if (chosen.length > 1)
        return yield* Effect.forEach(chosen, ({ backend }) => alone(backend, entries), { discard: true })
      const full = entries === entriesFull
      const found = yield* measure(target, entries, { ...Runner.efforts[full ? "full" : "quick"], rounds: 5 })
      if (full) yield* Results.save("full", found.versions, found)
    }).pipe(Effect.provide(Servers.layer))
)

/** In a process of its own, so that one backend's memory is not another's. */
const alone = (backend: string, entries: number) =>
  Effect.async<void>((resume) => {
    const args = [...process.execArgv, process.argv[1] ?? "", backend, "--entries", String(entries)]
    ChildProcess.spawn(process.execPath, args, { stdio: "inherit" }).once("exit", (code) =>
      resume(code === 0 ? Effect.void : Effect.dieMessage(`${backend} ended with code ${code}`))
    )
  })

Command.run(scale, { name: "scale", version: "0" })(process.argv).pipe(
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain
)
