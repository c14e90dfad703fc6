/** LangGraph's own validation of checkpointers, all of it, on every backend. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SharedServers from "../../servers/SharedServers.ts"
import * as Validation from "./Validation.ts"

let validation: Validation.Validation
let folder = ""
beforeAll(async () => {
  validation = await Validation.make()
  folder = mkdtempSync(join(tmpdir(), "effect-state-"))
})
afterAll(() => {
  validation.dispose()
  rmSync(folder, { recursive: true, force: true })
})

describe("LangGraph's validation passes on", () => {
  it.scopedLive.each([
    ["memory", Effect.succeed("memory:")],
    ["sqlite", Effect.sync(() => `sqlite:${join(folder, "state.db")}`)],
    ["redis", SharedServers.redisUrl],
    ["postgres", SharedServers.postgresDatabase]
  ] as const)(
    "%s",
    ([, url]) =>
      Effect.gen(function* () {
        const stateUrl = yield* url
        const report = yield* Effect.promise(() => validation.run(stateUrl))
        // The suite of version 1.1.1: 718 of the checkpointer and, on request, 8 of channels that keep deltas.
        assert.deepStrictEqual(report, { passed: 726, others: [] })
      }),
    120_000
  )
})
