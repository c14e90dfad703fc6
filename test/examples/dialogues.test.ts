/**
 * The dialogues example as a user runs it: as a process of its own, on every backend, and on broken input.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Collection } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import * as SharedServers from "../servers/SharedServers.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const sample = readFileSync(join(root, "examples/dialogues/sample.jsonl"), "utf8")
let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "dialogues-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const replay = (stateUrl: string, ...args: ReadonlyArray<string>) =>
  spawnSync(process.execPath, ["--import", "tsx", "examples/dialogues/main.ts", ...args], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, STATE_URL: stateUrl }
  })

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const database = (name: string): string => `sqlite:${join(folder, name)}`
