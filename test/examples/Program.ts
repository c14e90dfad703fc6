/**
 * An example as a user runs it: as a process of its own, with files in a folder of its own, on every backend.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { afterAll } from "vitest"
import * as SharedServers from "../servers/SharedServers.ts"

export const root = fileURLToPath(new URL("../..", import.meta.url))

export interface Program {
  readonly run: (stateUrl: string, ...args: ReadonlyArray<string>) => SpawnSyncReturns<string>
  /** The path of a file in the folder. */
  readonly path: (name: string) => string
  /** Writes a file in the folder, and gives its path. */
  readonly file: (name: string, content: string | Uint8Array) => string
  /** The URL of an SQLite database in the folder. */
  readonly database: (name: string) => string
  /** The names of the backends, each with a URL for a test. */
  readonly backends: ReadonlyArray<readonly [string, Effect.Effect<string, unknown, Scope.Scope>]>
}

/** The example in a folder of `examples`, until the tests of this file are through. */
export const make = (name: string): Program => {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const path = (file: string) => join(folder, file)
  const database = (file: string) => `sqlite:${path(file)}`
  return {
    run: (stateUrl, ...args) =>
      spawnSync(process.execPath, ["--import", "tsx", `examples/${name}/main.ts`, ...args], {
        cwd: root,
        encoding: "utf8",
        env: { ...process.env, STATE_URL: stateUrl }
      }),
    path,
    file: (file, content) => {
      writeFileSync(path(file), content)
      return path(file)
    },
    database,
    backends: [
      ["memory", Effect.succeed("memory:")],
      ["sqlite", Effect.succeed(database(`${name}.db`))],
      ["redis", SharedServers.redisUrl],
      ["postgres", SharedServers.postgresDatabase]
    ]
  }
}
