/** Processes that share a store, and are killed and paused. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as readline from "node:readline"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Worker from "../processes/Worker.ts"

/** A part of a store that several processes share. */
export interface Place {
  readonly url: string
  readonly namespace: string
}

export interface SectionOptions {
  readonly sections: number
  readonly leaseMs: number
  /** The part of the sections in which the process kills itself. */
  readonly killPart: number
  /** The part of the sections in which the process pauses itself. */
  readonly pausePart: number
  /** Whether the writes are fenced. */
  readonly fenced: boolean
  /** What the choices are made of. */
  readonly seed: string
}

export interface CountOptions {
  readonly fibers: number
  readonly times: number
}

export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-state-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
)

/** The child as one file. */
export const bundle: Effect.Effect<string, never, Scope.Scope> = Effect.tap(
  Effect.map(temporaryFolder, (folder) => join(folder, "child.mjs")),
  (outfile) => Effect.promise(() => Worker.bundle(fileURLToPath(new URL("child.ts", import.meta.url)), outfile))
)

/** What the sections of several processes came to. */
export interface Report {
  readonly wrote: ReadonlyArray<{ readonly n: number; readonly token: number }>
  readonly ended: number
  /** Writes that the fence refused. */
  readonly refused: number
  /** Sections that were cut off. */
  readonly lost: number
  readonly killed: number
  readonly paused: number
}

/**
 * Runs sections in so many processes at once. One that died is followed by another, which does the sections that are left;
 * one that paused goes on after twice the lease.
 */
export const runSections = (
  child: string,
  place: Place,
  options: SectionOptions & { readonly processes: number }
): Effect.Effect<Report> =>
  Effect.gen(function* () {
    const wrote: Array<Report["wrote"][number]> = []
    const counts = { ended: 0, refused: 0, lost: 0, killed: 0, paused: 0 }
    const lives = async (number: number, signal: AbortSignal): Promise<void> => {
      for (let left = options.sections, life = 0; left > 0; life++) {
        const seed = `${options.seed}/${number}/${life}`
        const process = start(child, place, { ...options, seed, sections: left }, "sections", signal)
        for await (const line of linesOf(process)) {
          const [what, n, token] = line.split(" ")
          if (what === "wrote") wrote.push({ n: Number(n), token: Number(token) })
          if (what === "refused" || what === "lost" || what === "ended" || what === "paused") counts[what]++
          if (what === "ended") left--
          if (what === "paused") setTimeout(() => process.kill("SIGCONT"), 2 * options.leaseMs)
        }
        const code = await exitOf(process)
        if (code === "SIGKILL") counts.killed++
        else if (code !== 0) throw new Error(`a process ended with ${code}`)
      }
    }
    yield* Effect.promise((signal) =>
      Promise.all(Array.from({ length: options.processes }, (_, number) => lives(number, signal)))
    )
    return { wrote, ...counts }
  })

/** Runs fibers that change the same keys, in so many processes at once. */
export const runCounts = (
  child: string,
  place: Place,
  options: CountOptions & { readonly processes: number }
): Effect.Effect<void> =>
  Effect.promise(async (signal) => {
    const processes = Array.from({ length: options.processes }, () => start(child, place, options, "count", signal))
    for (const code of await Promise.all(processes.map(exitOf))) {
      if (code !== 0) throw new Error(`a process ended with ${code}`)
    }
  })

const start = (
  child: string,
  place: Place,
  options: SectionOptions | CountOptions,
  job: "sections" | "count",
  signal: AbortSignal
): ChildProcess => {
  const process_ = spawn(process.execPath, [child, place.namespace, JSON.stringify(options), job], {
    env: { ...process.env, STATE_URL: place.url },
    stdio: ["ignore", "pipe", "inherit"]
  })
  const kill = () => process_.kill("SIGKILL")
  signal.addEventListener("abort", kill)
  process_.once("exit", () => signal.removeEventListener("abort", kill))
  return process_
}

const linesOf = (process: ChildProcess): AsyncIterable<string> => {
  if (process.stdout === null) throw new Error("it has no output")
  return readline.createInterface(process.stdout)
}

const exitOf = async (process: ChildProcess): Promise<number | NodeJS.Signals | null> => {
  if (process.exitCode === null && process.signalCode === null) await once(process, "exit")
  return process.exitCode ?? process.signalCode
}
