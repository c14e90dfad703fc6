/**
 * The PostgreSQL backend: one table, reached through a link.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { type Backend, type Fault, fault, type ReadResult, type Select } from "../../store/Backend.ts"
import type { FullKey } from "../../store/Key.ts"
import * as Entries from "./entries.ts"
import * as Failure from "./failure.ts"
import type { Link } from "./link.ts"
import type { Rows, Statement } from "./query.ts"
import type { Statements } from "./statements.ts"
import * as Writer from "./writer.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends Writer.Options {
  /** How many batches of commits may be under way at once. */
  readonly inFlightMax: number
  readonly within: Backend["within"]
}

/**
 * @since 0.1.0
 * @category limits
 */
export const limits = {
  changes: "none",
  placementOf: undefined,
  batchReadsMax: 1_000,
  batchCommitsMax: 1_000,
  commitStepsMax: Writer.callStepsMax,
  valueBytesMax: 32 * 1_024 * 1_024
} as const

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (link: Link, statements: Statements, options: Options): Backend => {
  const commit = Writer.make(link, statements, options)
  return {
    ...onLink(link, statements),
    capabilities: {
      ...limits,
      // The second batch of reads is sent behind the first: see `Link`.
      coalesce: {
        readsMax: 500,
        readsInFlightMax: 2,
        commitsMax: 250,
        // Each batch is a transaction, and waits for the disk.
        commitsMin: 8,
        inFlightMax: options.inFlightMax
      }
    },
    within: options.within,
    send: { read: (keys, select, done) => read(link, statements, keys, select, done), commit },
    commit: (batch) => Effect.async((resume) => commit(batch, resume))
  }
}

/**
 * All but writing.
 *
 * @since 0.1.0
 * @category constructors
 */
export const onLink = (link: Link, statements: Statements): Omit<Backend, "capabilities" | "commit"> => {
  const ask = <A>(statement: Statement, decode: (rows: Rows) => A): Effect.Effect<A, Fault> =>
    Effect.mapBoth(link.query(statement), { onFailure: Failure.readFault, onSuccess: decode })
  return {
    name: "postgres",
    read: (keys, select) => Effect.async((resume) => read(link, statements, keys, select, resume)),
    scan: (range, scan) =>
      ask(statements.scan(range, scan), (rows) => ({
        items: rows.slice(0, scan.limit).map(Entries.decode),
        more: rows.length > scan.limit
      })),
    count: (range) => ask(statements.count(range), (rows) => integer(rows, 0)),
    sweep: (entriesMax) =>
      ask(statements.sweep(entriesMax), (rows) => {
        const removed = integer(rows, 0)
        return { removed, more: removed >= entriesMax }
      }),
    info: ask(statements.info(), (rows) => ({
      nowMs: integer(rows, 0),
      server: `PostgreSQL ${rows[0]?.[1] ?? ""}`,
      entriesApprox: integer(rows, 2),
      bytesApprox: integer(rows, 3)
    }))
  }
}

const read = (
  link: Link,
  statements: Statements,
  keys: ReadonlyArray<FullKey>,
  select: Select,
  done: (results: Exit.Exit<ReadonlyArray<ReadResult>>) => void
): void => {
  const texts = keys.map((key) => key.text)
  link.send("read", statements.read(texts, select), (answer) =>
    done(
      Exit.succeed(
        Either.isRight(answer) ? inOrder(texts, answer.right) : texts.map(() => Failure.readFault(answer.left))
      )
    )
  )
}

const inOrder = (texts: ReadonlyArray<string>, rows: Rows): ReadonlyArray<ReadResult> => {
  const byKey = new Map<unknown, ReadResult>()
  for (const row of rows) byKey.set(row[0], Entries.decode(row))
  const wanted = new Set<unknown>(texts)
  return rows.every((row) => wanted.has(row[0])) ? texts.map((text) => byKey.get(text)) : texts.map(() => strange)
}

/** To give somebody else's entry, or to call what is there absent, would be worse than to fail. */
const strange = fault("failure", "the answer to a read has an entry that was not asked for")

const integer = (rows: Rows, column: number): number => Number(rows[0]?.[column] ?? 0)
