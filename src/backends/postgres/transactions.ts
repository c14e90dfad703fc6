/**
 * The backend inside the transactions that an app has open with `sql.withTransaction`.
 *
 * The mark of such a transaction is one for all clients of all databases, so each is asked whose it is. A statement that
 * fails would abort the app's transaction, and its COMMIT would then roll back without a word; so commits go to a function
 * that catches errors, and a fault leaves the transaction as it was.
 *
 * @since 0.1.0
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Pg from "pg"
import { type Backend, type Commit, type Fault, fault, type Outcome } from "../../store/Backend.ts"
import { limits, onLink } from "./backend.ts"
import * as Commits from "./commits.ts"
import * as Failure from "./failure.ts"
import * as Link from "./link.ts"
import type { Statement } from "./query.ts"
import type { Statements } from "./statements.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends Link.Options {
  /** How long a commit waits for its locks, in milliseconds. */
  readonly lockTimeoutMs: number
  /** Whether a connection of a transaction is one of the store's own client or pool. */
  readonly owns: (connection: Connection, driver: Pg.ClientBase) => boolean
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (statements: Statements, options: Options): NonNullable<Backend["within"]> => {
  // A connection object lives as long as its transaction.
  const joined = new WeakMap<Connection, Backend>()
  return (caller) => {
    const open = Context.getOption(caller, SqlClient.TransactionConnection)
    if (open._tag === "None") return undefined
    const connection = open.value[0]
    const known = joined.get(connection)
    if (known !== undefined) return known
    const driver = driverOf(connection)
    const backend =
      driver !== undefined && options.owns(connection, driver) ? join(driver, statements, options) : refusing(foreign)
    joined.set(connection, backend)
    return backend
  }
}

/**
 * The driver's connection behind one of `@effect/sql-pg`, which keeps it in a field.
 *
 * @since 0.1.0
 * @category getters
 */
export const driverOf = (connection: Connection): Pg.ClientBase | undefined =>
  hasProperty(connection, "pg") && hasProperty(connection.pg, "query") && hasProperty(connection.pg, "getTypeParser")
    ? (connection.pg as unknown as Pg.ClientBase) // Nothing else has these two.
    : undefined

const join = (driver: Pg.ClientBase, statements: Statements, options: Options): Backend => {
  const catching = { ...statements, commit: statements.attempt }
  const link = Link.make((onConnection) => onConnection(undefined, driver, (destroy) => drop(driver, destroy)), options)
  const backend = onLink(link, statements)
  const turns = Effect.unsafeMakeSemaphore(1)
  let isolation: string | undefined
  /** One call at a time, to its end: what the app sends next meets no statement of ours under way. */
  const inTurn = <A, E>(call: Effect.Effect<A, E>, refuse: (reason: Fault) => Effect.Effect<A, E>) => {
    const checked = Effect.flatMap(askIsolation, (found) =>
      found === "read committed" ? call : refuse(typeof found === "string" ? wrongIsolation(found) : found)
    )
    return turns.withPermits(1)(Effect.uninterruptible(checked))
  }
  const askIsolation: Effect.Effect<string | Fault> = Effect.suspend(() =>
    isolation !== undefined
      ? Effect.succeed(isolation)
      : Effect.match(link.query(command("SELECT current_setting('transaction_isolation')")), {
          onSuccess: (rows) => (isolation = rows[0]?.[0] ?? ""),
          onFailure: Failure.readFault
        })
  )
  const send = (batch: ReadonlyArray<Commit>): Effect.Effect<ReadonlyArray<Outcome>, Failure.Failure> =>
    Effect.suspend(() => {
      const call = Commits.encode(catching, batch, {
        lockTimeoutMs: options.lockTimeoutMs,
        synchronousCommit: undefined
      })
      return Effect.flatMap(link.query(call.statement), (rows) => {
        const [, , , , code, message] = rows[0] ?? []
        return typeof code === "string"
          ? Effect.fail(Failure.caught(code, message ?? ""))
          : Effect.succeed(call.outcomes(rows))
      })
    })
  return {
    ...backend,
    capabilities: { ...limits, coalesce: undefined },
    read: (keys, select) => inTurn(backend.read(keys, select), (reason) => Effect.succeed(keys.map(() => reason))),
    commit: (batch) =>
      inTurn(
        Effect.catchAll(send(batch), (failure) => Effect.succeed(batch.map(() => Failure.writeFault(failure)))),
        (reason) => Effect.succeed(batch.map(() => reason))
      ),
    scan: (range, scan) => inTurn(backend.scan(range, scan), Effect.fail),
    count: (range) => inTurn(backend.count(range), Effect.fail),
    sweep: (entriesMax) => inTurn(backend.sweep(entriesMax), Effect.fail),
    info: inTurn(backend.info, Effect.fail)
  }
}

const command = (text: string): Statement => ({ name: undefined, text, values: [] })

/**
 * Ends a connection that was given up, so that it can't be used again. It goes back to its client by itself.
 *
 * @since 0.1.0
 * @category running
 */
export const drop = (driver: Pg.ClientBase | undefined, destroy: Error | undefined): void => {
  // Every connection of the driver can be ended; only a pool's type hides it.
  if (destroy !== undefined) (driver as Pg.Client | undefined)?.end(() => {})
}

const foreign = fault("unsupported", "the open transaction belongs to another client or database than the store")

const wrongIsolation = (found: string): Fault =>
  fault("unsupported", `the open transaction is ${found.toUpperCase()}; the store joins READ COMMITTED ones`)

/** Refuses everything. */
const refusing = (reason: Fault): Backend => ({
  name: "postgres",
  capabilities: { ...limits, coalesce: undefined },
  read: (keys) => Effect.succeed(keys.map(() => reason)),
  commit: (batch) => Effect.succeed(batch.map(() => reason)),
  scan: () => Effect.fail(reason),
  count: () => Effect.fail(reason),
  sweep: () => Effect.fail(reason),
  info: Effect.fail(reason)
})
