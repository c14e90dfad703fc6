/**
 * The customers example as a user runs it: as a process of its own, on every backend.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as SharedServers from "../servers/SharedServers.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "customers-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const replay = (stateUrl: string, ...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, ["--import", "tsx", "examples/customers/main.ts", ...args], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, STATE_URL: stateUrl }
  })

describe("The customers example replays the sample of dialogues", () => {
  const urls = {
    memory: Effect.succeed("memory:"),
    sqlite: Effect.sync(() => `sqlite:${join(folder, "customers.db")}`),
    redis: SharedServers.redisUrl,
    postgres: SharedServers.postgresDatabase
  }
  const expectReplay = (stateUrl: string) => {
    const { status, stderr, stdout } = replay(stateUrl)
    assert.strictEqual(stderr, "")
    assert.match(stdout, /^6 customers, 32 turns, /m)
    assert.match(stdout, /^Every state is as expected.$/m)
    assert.strictEqual(status, 0)
  }

  it.each(Object.entries(urls))("on %s", (_, url) =>
    url.pipe(Effect.map(expectReplay), Effect.scoped, Effect.runPromise)
  )

  it("a second time, over what the first run left", () => {
    const stateUrl = `sqlite:${join(folder, "twice.db")}`
    expectReplay(stateUrl)
    expectReplay(stateUrl)
  }, 60_000)

  it("and fails where there is no such file", () => {
    const { status, stderr } = replay("memory:", join(folder, "nowhere.jsonl"))
    assert.match(stderr, /can't be read/)
    assert.strictEqual(status, 1)
  })
})
