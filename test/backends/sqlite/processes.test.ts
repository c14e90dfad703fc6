import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { createRequire } from "node:module"
import * as readline from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { StateStore } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import { build } from "esbuild"
import { temporaryFile } from "./support.ts"

/** One file of all that a child needs, for it starts ten times faster than from its sources; the scope removes it. */
const bundle = Effect.tap(
  Effect.map(temporaryFile, (file) => `${file}.mjs`),
  (outfile) => {
    const driver = createRequire(import.meta.url).resolve("better-sqlite3")
    return Effect.promise(() =>
      build({
        entryPoints: [fileURLToPath(new URL("child.ts", import.meta.url))],
        outfile,
        bundle: true,
        platform: "node",
        format: "esm",
        alias: { "better-sqlite3": driver },
        external: [driver]
      })
    )
  }
)

const start = (child: string, ...args: ReadonlyArray<string>): ChildProcess =>
  spawn(process.execPath, [child, ...args], { stdio: ["ignore", "pipe", "inherit"] })

/** The lines of a process that ended well. */
const linesOf = async (process: ChildProcess): Promise<ReadonlyArray<string>> => {
  const lines: Array<string> = []
  if (process.stdout === null) throw new Error("it has no output")
  for await (const line of readline.createInterface(process.stdout)) lines.push(line)
  if (process.exitCode === null) await once(process, "exit")
  assert.strictEqual(process.exitCode, 0)
  return lines
}

/** Kills a writing process once it has acknowledged so many writes; gives all it acknowledged. */
const killAfter = async (process: ChildProcess, writes: number): Promise<ReadonlyArray<string>> => {
  const lines: Array<string> = []
  if (process.stdout === null) throw new Error("it has no output")
  for await (const line of readline.createInterface(process.stdout)) {
    lines.push(line)
    if (lines.length === writes) process.kill("SIGKILL")
  }
  return lines
}

describe("SQLite, several processes", () => {
  it.live("lose no addition and no swap to each other, and give no version twice", () =>
    Effect.gen(function* () {
      const child = yield* bundle
      const filename = yield* temporaryFile
      const times = 700
      const lines = yield* Effect.promise(() =>
        Promise.all([1, 2, 3].map(() => linesOf(start(child, filename, "count", String(times)))))
      )
      const versions = lines.flat()
      assert.strictEqual(versions.length, 3 * times)
      assert.strictEqual(new Set(versions).size, versions.length)
      yield* Effect.gen(function* () {
        const store = yield* StateStore.StateStore
        for (const key of ["added", "swapped"]) {
          assert.strictEqual(Option.getOrThrow(yield* store.get(key)).value, 3 * times)
        }
      }).pipe(Effect.provide(SqliteStore.layer({ filename })))
    }).pipe(Effect.scoped)
  )

  it.live(
    "killed 50 times in the middle of writing, find every acknowledged write again",
    () =>
      Effect.gen(function* () {
        const child = yield* bundle
        const filename = yield* temporaryFile
        const round = (n: number) =>
          Effect.gen(function* () {
            const file = `${filename}-${n % 2}`
            const lines = yield* Effect.promise(() => killAfter(start(child, file, "write"), 20 + ((n * 7) % 60)))
            const acknowledged = new Map(lines.map((line) => line.split(" ")).map(([key = "", ...rest]) => [key, rest]))
            assert.isAbove(acknowledged.size, 0)
            yield* Effect.gen(function* () {
              const store = yield* StateStore.StateStore
              for (const [key, [version, i]] of acknowledged) {
                const entry = Option.getOrThrow(yield* store.get(key))
                // The write that was cut off may be there, too.
                assert.isAtLeast(entry.version, Number(version))
                assert.isAtLeast((entry.value as { readonly i: number }).i, Number(i)) // As the child writes it.
              }
            }).pipe(Effect.provide(SqliteStore.layer({ filename: file })))
          })
        // Each file has a row of 25 kills, and a log to recover after each.
        const row = (start: number) =>
          Effect.forEach(
            Array.from({ length: 25 }, (_, i) => start + 2 * i),
            round
          )
        yield* Effect.all([row(0), row(1)], { concurrency: 2 })
      }).pipe(Effect.scoped),
    60_000
  )
})
