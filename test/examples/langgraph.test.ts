import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Worker from "../processes/Worker.ts"

let folder = ""
let workers: Worker.Workers
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "effect-state-"))
  workers = await Worker.make(fileURLToPath(new URL("../../examples/langgraph.ts", import.meta.url)))
})
afterAll(() => {
  workers.dispose()
  rmSync(folder, { recursive: true, force: true })
})

/** Starts the program in a process of its own, and gives what it printed. */
const start = (...args: ReadonlyArray<string>) => workers.run("", [join(folder, "letters.db"), ...args])

const pidIn = (line: string | undefined) => /process (\d+)$/.exec(line ?? "")?.[1]

describe("The LangGraph graph", () => {
  it("stops at its question, and goes on in another process", { timeout: 60_000 }, async () => {
    const question = JSON.stringify({ question: "May I send this?", draft: "Dear Ada, all is well." })
    const first = await start()
    const drafter = pidIn(first[0])
    assert.deepStrictEqual(first, [`drafted by process ${drafter}`, question, "waits at review"])
    // Without an answer it waits on.
    assert.deepStrictEqual(await start(), first)
    const second = await start("yes")
    const sender = pidIn(second[1])
    assert.notStrictEqual(sender, drafter)
    assert.deepStrictEqual(second, [
      `drafted by process ${drafter}`,
      `yes, to process ${sender}`,
      "sent letter 1 to Ada",
      "done"
    ])
  })
})
