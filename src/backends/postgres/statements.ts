/**
 * The statements that read, sweep and look after the table.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import type { ScanOptions, Select } from "../../store/Backend.ts"
import type { FullRange } from "../../store/KeyRange.ts"
import * as BinaryArray from "./binaryArray.ts"
import * as Functions from "./functions.ts"
import type { Statement } from "./query.ts"
import type { Table } from "./table.ts"

/**
 * All statements of a table; their names differ between tables, as one pool can serve several.
 *
 * @since 0.1.0
 * @category models
 */
export interface Statements {
  readonly read: (keys: ReadonlyArray<string>, select: Select) => Statement
  readonly scan: (range: FullRange, options: ScanOptions) => Statement
  readonly count: (range: FullRange) => Statement
  readonly sweep: (entriesMax: number) => Statement
  readonly info: () => Statement
  readonly putOne: (values: Statement["values"]) => Statement
  readonly put: (values: Statement["values"]) => Statement
  readonly commit: (values: Statement["values"]) => Statement
  /** The same inside an app's transaction: an error comes as a row, with its code and message behind the columns. */
  readonly attempt: (values: Statement["values"]) => Statement
}

/** A subquery, so that one statement has one time, and an index can be used. */
const nowMs = `(SELECT ${Functions.nowMs})`

const live = `(t.expires_at_ms IS NULL OR t.expires_at_ms >= ${nowMs})`

/** Text and integers only: nothing here depends on how a connection is set to print times, bytes or fractions. */
const meta = "t.key, t.version, t.created_at_ms, t.updated_at_ms, t.expires_at_ms"

const columns: Record<Select, string> = { meta, entry: `${meta}, t.value, encode(t.bytes, 'hex')` }

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (table: Table): Statements => {
  const named = (name: string, text: string) => {
    const full = statementName(table, name)
    return (values: Statement["values"]): Statement => ({ name: full, text, values })
  }
  const bySelect = <A>(make: (select: Select) => A): Record<Select, A> => ({ meta: make("meta"), entry: make("entry") })

  const readOne = bySelect((select) =>
    named(
      `${select}`,
      `SELECT ${columns[select]} FROM ${table.entries} AS t
      WHERE t.key = $1 AND (t.expires_at_ms IS NULL OR t.expires_at_ms >= ${Functions.nowMs})`
    )
  )
  const readMany = bySelect((select) =>
    named(`${select}s`, `SELECT ${columns[select]} FROM ${table.entries} AS t WHERE t.key = ANY ($1) AND ${live}`)
  )
  const scan = (reverse: boolean, after: boolean) =>
    bySelect((select) =>
      named(
        `scan-${select}${reverse ? "-reverse" : ""}${after ? "-after" : ""}`,
        `SELECT ${columns[select]} FROM ${table.entries} AS t
        WHERE t.key ${after && !reverse ? ">" : ">="} $1 AND t.key < $2 AND ${live}
        ORDER BY t.key ${reverse ? "DESC" : "ASC"} LIMIT $3`
      )
    )
  const scanForward = { first: scan(false, false), after: scan(false, true) }
  const scanReverse = scan(true, false)
  const count = named(
    "count",
    `SELECT count(*) FROM ${table.entries} AS t WHERE t.key >= $1 AND t.key < $2 AND ${live}`
  )
  const sweep = named(
    "sweep",
    `WITH expired AS (
      SELECT t.key FROM ${table.entries} AS t WHERE t.expires_at_ms < ${nowMs}
      ORDER BY t.expires_at_ms LIMIT $1 FOR UPDATE SKIP LOCKED
    ), removed AS (
      DELETE FROM ${table.entries} AS t USING expired WHERE t.key = expired.key AND t.expires_at_ms < ${nowMs} RETURNING 1
    ) SELECT count(*) FROM removed`
  )
  const info = named(
    "info",
    `SELECT ${Functions.nowMs}, current_setting('server_version'),
      CASE WHEN c.reltuples < 0 THEN pg_stat_get_live_tuples(c.oid) ELSE c.reltuples::bigint END,
      pg_total_relation_size(c.oid)
    FROM pg_class AS c WHERE c.oid = $1::text::regclass`
  )
  return {
    read: (keys, select) =>
      keys.length === 1 ? readOne[select](keys) : readMany[select]([BinaryArray.text(padded(keys))]),
    scan: (range, { after, limit, reverse, select }) => {
      const start = reverse ? range.start : (after ?? range.start)
      const end = reverse ? (after ?? range.end) : range.end
      const statement = reverse ? scanReverse : after === undefined ? scanForward.first : scanForward.after
      return statement[select]([start, end, limit + 1])
    },
    count: (range) => count([range.start, range.end]),
    sweep: (entriesMax) => sweep([entriesMax]),
    info: () => info([table.entries]),
    putOne: named("put-one", Functions.putOne(table)),
    put: named("put", `SELECT o_at, o_version FROM ${table.put}($1, $2, $3, $4, $5, $6, $7)`),
    commit: named(
      "commit",
      `SELECT o_at, o_version, o_results, o_refused FROM ${table.commit}(${Functions.commitArguments})`
    ),
    attempt: named(
      "attempt",
      `SELECT o_at, o_version, o_results, o_refused, o_code, o_message
      FROM ${table.attempt}(${Functions.commitArguments})`
    )
  }
}

/**
 * The planner takes an array of unknown length for one of ten items. For a shorter one a plan of its own looks cheaper,
 * and it would be made anew at every call; so no array is shorter. The server drops the repeated keys.
 */
const padded = (keys: ReadonlyArray<string>): ReadonlyArray<string | undefined> =>
  keys.length >= 10 ? keys : [...keys, ...Array<string | undefined>(10 - keys.length).fill(keys[0])]

/** PostgreSQL cuts these names at 63 bytes too. */
const statementName = (table: Table, name: string): string =>
  `effect-state ${createHash("sha256").update(table.entries).digest("hex").slice(0, 16)} ${name}`
