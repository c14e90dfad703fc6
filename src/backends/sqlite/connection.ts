/**
 * SQLite as the store sees it: statements that run at once, without a break.
 *
 * @since 0.1.0
 */
import type { Connection as SqlConnection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import type Database from "better-sqlite3"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { hasProperty } from "effect/Predicate"
import type { Fault } from "../../store/Backend.ts"

/**
 * @since 0.1.0
 * @category models
 */
export type Params = ReadonlyArray<string | number | Uint8Array | null>

/**
 * The columns of a row, in the statement's order.
 *
 * @since 0.1.0
 * @category models
 */
export type Row = ReadonlyArray<unknown>

/**
 * Statements throw the driver's errors.
 *
 * @since 0.1.0
 * @category models
 */
export interface Connection {
  /** All rows. A statement that writes must be run to its end, as this does: its commit is in its last step. */
  readonly query: (sql: string) => (...params: Params) => ReadonlyArray<Row>
  /** The first row of a statement that only reads. */
  readonly first: (sql: string) => (...params: Params) => Row | undefined
  /** The only column of the first row of a statement that only reads; `undefined` without a row. */
  readonly value: (sql: string) => (param: string) => unknown
  /** The only column of all rows. */
  readonly values: (sql: string) => (...params: Params) => ReadonlyArray<unknown>
  /** A statement without rows: how many rows it changed. */
  readonly command: (sql: string) => (...params: Params) => number
}

/**
 * Thrown where the store itself says no, in place of the driver.
 *
 * @since 0.1.0
 * @category errors
 */
export class Refusal extends Error {
  readonly fault: Fault
  constructor(fault: Fault) {
    super(fault.reason)
    this.fault = fault
  }
}

/**
 * Thrown by a COMMIT, or by a statement that commits by itself.
 *
 * @since 0.1.0
 * @category errors
 */
export class CommitFailure extends Error {
  constructor(cause: unknown) {
    super("the commit failed", { cause })
  }
}

/**
 * A handle of our own; `written` is told how many rows a statement changed.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofHandle = (db: Database.Database, written: (rows: number) => void): Connection => ({
  query: (sql) => {
    const statement = db.prepare<Array<unknown>, Row>(sql).raw()
    return (...params) => {
      const rows = statement.all(...params)
      if (!statement.readonly) written(rows.length)
      return rows
    }
  },
  first: (sql) => {
    const statement = db.prepare<Array<unknown>, Row>(sql).raw()
    return (...params) => statement.get(...params)
  },
  value: (sql) => {
    const statement = db.prepare(sql).pluck()
    return (param) => statement.get(param)
  },
  values: (sql) => {
    const statement = db.prepare(sql).pluck()
    return (...params) => statement.all(...params)
  },
  command: (sql) => {
    const statement = db.prepare(sql)
    return (...params) => {
      const { changes } = statement.run(...params)
      written(changes)
      return changes
    }
  }
})

/**
 * The connection of an app's client. Its statements are Effects that never wait, and so can run at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofClient = (connection: SqlConnection): Connection => {
  const query =
    (sql: string) =>
    (...params: Params): ReadonlyArray<Row> =>
      runNow(connection.executeValues(sql, params))
  return {
    query,
    first: (sql) => {
      const all = query(sql)
      return (...params) => all(...params)[0]
    },
    value: (sql) => {
      const all = query(sql)
      return (param) => all(param)[0]?.[0]
    },
    values: (sql) => {
      const all = query(sql)
      return (...params) => all(...params).map(([value]) => value)
    },
    command:
      (sql) =>
      (...params) =>
        changesOf(runNow(connection.executeRaw(sql, params)))
  }
}

/** What the driver tells of a statement without rows. */
const changesOf = (result: unknown): number => (hasProperty(result, "changes") ? Number(result.changes) : 0)

/**
 * Runs an Effect that never waits, and throws the driver's error if it fails.
 *
 * @since 0.1.0
 * @category running
 */
export const runNow = <A>(effect: Effect.Effect<A, SqlError>): A => {
  const exit = Effect.runSyncExit(effect)
  if (Exit.isSuccess(exit)) return exit.value
  const error = Option.getOrElse(Cause.failureOption(exit.cause), () => Cause.squash(exit.cause))
  throw error instanceof SqlError ? error.cause : error
}
