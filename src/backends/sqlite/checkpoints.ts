/**
 * Copying the log back into the file, on a thread of its own.
 *
 * SQLite does that in a commit, for all pages since the last time: the process stands still until they are written and
 * synced. So another thread copies what there is every some rows, and the commit that finds the log at its limit has only
 * the rest to copy before the log starts anew. Nothing depends on the thread: where there is none, or it fell behind, that
 * commit does all of it, and the log stays as short.
 *
 * @since 0.1.0
 */
import * as Module from "node:module"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * The rows after which the thread is told to copy.
 *
 * @since 0.1.0
 * @category limits
 */
export const rowsBetween = 1_000

/**
 * Is told how many rows were written to a file. The thread starts when it is first needed, since most stores never are so
 * busy; the end of the scope waits for what it has under way.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (filename: string): Effect.Effect<(rows: number) => void, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Copier(filename)),
      (copier) => copier.close
    ),
    (copier) => (rows) => copier.written(rows)
  )

class Copier {
  readonly #filename: string
  readonly #signal = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  #thread: Worker | "none" | undefined
  #rows = 0
  #closed = false

  constructor(filename: string) {
    this.#filename = filename
  }

  written(rows: number): void {
    this.#rows += rows
    // Another signal would take the place of the one to end.
    if (this.#rows < rowsBetween || this.#closed) return
    this.#rows = 0
    this.#thread ??= start({ filename: this.#filename, signal: this.#signal, signals })
    this.#tell(signals.copy)
  }

  readonly close: Effect.Effect<void> = Effect.async((resume) => {
    this.#closed = true
    const thread = this.#thread
    if (thread === undefined || thread === "none" || thread.threadId === ended) return resume(Effect.void)
    thread.ref()
    thread.once("exit", () => resume(Effect.void))
    this.#tell(signals.end)
  })

  #tell(signal: number): void {
    Atomics.store(this.#signal, 0, signal)
    Atomics.notify(this.#signal, 0)
  }
}

/** A bundle may hide where the driver lies, and a process be forbidden to have threads: a commit must not fail for that. */
const start = (workerData: object): Worker | "none" => {
  try {
    const driver = Module.createRequire(import.meta.url).resolve("better-sqlite3")
    // A loader that the process was started with is of no use here, and slow.
    const thread = new Worker(source, { eval: true, workerData: { ...workerData, driver }, execArgv: [] })
    // It ends with an error that SQLite gives the next commit which copies, too.
    thread.on("error", () => {})
    thread.unref()
    return thread
  } catch {
    return "none"
  }
}

/** The `threadId` of a thread that ended. */
const ended = -1

const signals = { none: 0, copy: 1, end: 2 }

/** As text, since a path would not survive a bundler, nor would a thread understand TypeScript. */
const source = `
const { driver, filename, signal, signals } = require("node:worker_threads").workerData
const Database = require(driver)
const db = new Database(filename, { fileMustExist: true, timeout: 0 })
for (;;) {
  Atomics.wait(signal, 0, signals.none)
  if (Atomics.exchange(signal, 0, signals.none) === signals.end) break
  try {
    db.pragma("wal_checkpoint(PASSIVE)")
  } catch (error) {
    if (!/^SQLITE_(BUSY|LOCKED)/.test(error.code)) throw error
  }
}
db.close()
`
