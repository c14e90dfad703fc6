/**
 * Starts `child.ts`, bundled to one file: from its sources it would take ten times as long.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

export interface Workers {
  /**
   * Runs a worker and gives its lines. With `killAfter` it is killed, as `kill -9` does, once it has printed so many; else
   * it must end well.
   */
  readonly run: (
    stateUrl: string,
    args: ReadonlyArray<string>,
    options?: { readonly killAfter?: number }
  ) => Promise<ReadonlyArray<string>>
  /** Starts a worker, to be told and asked line by line, and killed. */
  readonly start: (args: ReadonlyArray<string>) => ChildProcessByStdio<Writable, Readable, null>
  readonly dispose: () => void
}

const require = createRequire(import.meta.url)

/** Makes one file of a program and all that it needs, but for SQLite's binary. */
export const bundle = async (entry: string, outfile: string): Promise<void> => {
  const sqlite = require.resolve("better-sqlite3")
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    // The drivers are CommonJS, and ask for built-in modules at run time.
    banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url)` },
    alias: { "better-sqlite3": sqlite },
    external: [sqlite, "pg-native"]
  })
}

/** Bundles a program; `child.ts` unless told. */
export const make = async (program: string = fileURLToPath(new URL("child.ts", import.meta.url))): Promise<Workers> => {
  const folder = mkdtempSync(join(tmpdir(), "effect-state-worker-"))
  const outfile = join(folder, "worker.mjs")
  await bundle(program, outfile)
  const run: Workers["run"] = async (stateUrl, args, { killAfter } = {}) => {
    const child = spawn(process.execPath, [outfile, ...args], {
      env: { ...process.env, STATE_URL: stateUrl },
      stdio: ["ignore", "pipe", "inherit"]
    })
    const exited = once(child, "exit")
    const lines: Array<string> = []
    for await (const line of createInterface(child.stdout)) {
      lines.push(line)
      if (lines.length === killAfter) child.kill("SIGKILL")
    }
    const [code, signal] = await exited
    if (killAfter === undefined ? code !== 0 : signal !== "SIGKILL")
      throw new Error(`The worker ended with ${code ?? signal}`)
    return lines
  }
  const start: Workers["start"] = (args) =>
    spawn(process.execPath, [outfile, ...args], { stdio: ["pipe", "pipe", "inherit"] })
  return { run, start, dispose: () => rmSync(folder, { recursive: true, force: true }) }
}
