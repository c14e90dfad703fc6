import * as ChildProcess from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Workflow } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import { drive, Workflows } from "../../examples/workflow.ts"

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "effect-state-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const onDisk = (filename: string) =>
  Layer.fresh(Layer.provide(Workflows.layer, SqliteStore.layer({ filename: join(folder, filename) })))

describe("The workflow of three frameworks", () => {
  it.live("runs as a program, and leaves its states on disk", () =>
    Effect.gen(function* () {
      const output = yield* Effect.async<string, Error>((resume) => {
        const program = fileURLToPath(new URL("../../examples/workflow.ts", import.meta.url))
        ChildProcess.execFile(
          process.execPath,
          ["--import", "tsx", program, join(folder, "program.db")],
          (error, stdout) => resume(error === null ? Effect.succeed(stdout) : Effect.fail(error))
        )
      })
      assert.deepStrictEqual(output.trim().split("\n").slice(-3), [
        "order-2: 7 messages, forked from order-1: It costs a lot and weighs a lot.",
        "order-1: 7 messages: It costs 30 euros and weighs 2 kg.",
        "order-1's checkpoints: planner, langgraph, resumed, agent, done"
      ])
      yield* Effect.provide(
        Effect.gen(function* () {
          const { state } = yield* (yield* Workflows).require("order-1")
          assert.deepStrictEqual(
            state.messages.map(({ from = "user" }) => from),
            ["user", "planner", "langgraph", "langgraph", "agent", "agent", "agent"]
          )
        }),
        onDisk("program.db")
      )
    })
  )

  it.live("goes on in another process, from where a framework handed over", () =>
    Effect.gen(function* () {
      const failing = Effect.gen(function* () {
        yield* (yield* Workflows).save(Workflow.empty("w", { framework: "planner" }), { checkpoint: true })
        return yield* Effect.flip(
          drive("w", () => {
            throw new Error("no answer")
          })
        )
      })
      const error = yield* Effect.provide(failing, onDisk("restart.db"))
      assert.strictEqual(error._tag, "RunnerFailed")
      const done = yield* Effect.provide(
        drive("w", (what) => what),
        onDisk("restart.db")
      )
      assert.strictEqual(done.state.metadata.framework, "done")
      assert.strictEqual(done.state.context.answer, "It costs price and weighs weight.")
    })
  )
})
