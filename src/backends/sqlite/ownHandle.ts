/**
 * The backend on a handle of its own.
 *
 * @since 0.1.0
 */
import * as Path from "node:path"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Backend, type Fault, fault } from "../../store/Backend.ts"
import * as SqliteBackend from "./backend.ts"
import * as Checkpoints from "./checkpoints.ts"
import { CommitFailure, ofHandle, Refusal } from "./connection.ts"
import { Engine } from "./engine.ts"
import * as Patience from "./patience.ts"
import * as Schema from "./schema.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  readonly filename: string
  readonly durability: "normal" | "full"
  readonly busyTimeoutMs: number
  readonly table: string
  readonly names: Schema.Names
}

/**
 * Opens the file, makes the tables if need be, and closes the file with the scope. Time is the clock of the effect.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Backend, Fault, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const run = Patience.make(options.busyTimeoutMs)
    const db = yield* Effect.acquireRelease(
      run(() => new Database(options.filename, { timeout: 0 }), Effect.fail),
      (db) => Effect.sync(() => db.close())
    )
    const written = db.memory ? () => {} : yield* Checkpoints.make(Path.resolve(options.filename))
    const connection = ofHandle(db, written)
    const transaction = transactionOn(db)
    const engine = yield* run(() => {
      configure(db, options.durability)
      Schema.ensure(connection, transaction, options.names, `${options.table}_meta`)
      return new Engine(Schema.prepare(connection, options.names), () => clock.unsafeCurrentTimeMillis())
    }, Effect.fail)
    return SqliteBackend.make({
      engine,
      run,
      transaction,
      commitsAlone: true,
      // Reads gain nothing by company. Writes share their transaction, and with it the pages they touch and the sync.
      coalesce: { readsMax: undefined, commitsMax: 250, inFlightMax: 1, synchronous: true }
    })
  })

const configure = (db: Database.Database, durability: Options["durability"]): void => {
  const mode = db.pragma("journal_mode = WAL", { simple: true })
  if (mode !== "wal" && mode !== "memory") {
    throw new Refusal(fault("failure", `its file system does not support write-ahead logging (journal mode ${mode})`))
  }
  db.pragma(`synchronous = ${durability}`)
  // RETURNING inside a transaction would put a page into a temporary file for every row.
  db.pragma("temp_store = MEMORY")
  // Pages that were written several times are copied back once: the more of them a checkpoint meets, the less it costs.
  db.pragma(`wal_autocheckpoint = ${checkpointPages}`)
}

/** 16 MB of log, most of which is copied back on the side before: see `Checkpoints`. */
const checkpointPages = 4_000

const transactionOn = (db: Database.Database) => {
  const [begin, commit, rollback] = ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"].map((sql) => db.prepare(sql))
  return <A>(body: () => A): A => {
    begin?.run()
    try {
      const result = body()
      try {
        commit?.run()
      } catch (cause) {
        throw new CommitFailure(cause)
      }
      return result
    } catch (error) {
      // Some errors roll back by themselves.
      if (db.inTransaction) rollback?.run()
      throw error
    }
  }
}
