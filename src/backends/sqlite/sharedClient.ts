/**
 * The backend on the connection of an app's client, which joins the transactions that the app opens on it.
 *
 * The client lets others in between two statements. So each step takes the connection for itself, as a transaction of the
 * client does, and runs without a break: no statement of ours lands in another fiber's transaction, none of another
 * fiber in ours, and an interruption finds no transaction open.
 *
 * @since 0.1.0
 */
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection as SqlConnection } from "@effect/sql/SqlConnection"
import type { SqliteClient } from "@effect/sql-sqlite-node/SqliteClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import { type Backend, closedFault, type Fault, fault } from "../../store/Backend.ts"
import * as SqliteBackend from "./backend.ts"
import { CommitFailure, type Connection, ofClient, Refusal, runNow } from "./connection.ts"
import { Engine } from "./engine.ts"
import * as Patience from "./patience.ts"
import * as Schema from "./schema.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  readonly busyTimeoutMs: number
  readonly table: string
  readonly names: Schema.Names
}

/**
 * Makes the tables if need be. Time is the clock of the effect. The end of the scope closes the store, and not its client.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (client: SqliteClient, options: Options): Effect.Effect<Backend, Fault, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const sqlConnection = yield* reserved(client, Effect.succeed)
    const connection = ofClient(sqlConnection)
    const run = Patience.makeAround(options.busyTimeoutMs, (attempt) => reserved(client, () => attempt))
    const transaction = transactionOn(connection, sqlConnection)
    const engine = yield* run(() => {
      Schema.ensure(connection, transaction, options.names, `${options.table}_meta`)
      return new Engine(Schema.prepare(connection, options.names), () => clock.unsafeCurrentTimeMillis())
    }, Effect.fail)
    let closed = false
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
      })
    )
    // Who waits for the connection may get it too late.
    const unlessClosed =
      (run: Patience.Run): Patience.Run =>
      (step, otherwise) =>
        Effect.suspend(() =>
          closed
            ? otherwise(closedFault)
            : run(() => {
                if (closed) throw new Refusal(closedFault)
                return step()
              }, otherwise)
        )
    const joined = SqliteBackend.make({
      engine,
      run: unlessClosed(Patience.makeOnce),
      transaction: savepointOn(connection),
      commitsAlone: false,
      coalesce: undefined
    })
    const other = foreign(joined.capabilities)
    return SqliteBackend.make({
      engine,
      run: unlessClosed(run),
      transaction,
      commitsAlone: false,
      coalesce: { readsMax: 250, commitsMax: 250, inFlightMax: 1, synchronous: true },
      within: (caller) => {
        const open = Context.getOption(caller, SqlClient.TransactionConnection)
        if (open._tag === "None") return undefined
        return open.value[0] === sqlConnection ? joined : other
      }
    })
  })

/**
 * Runs an effect while nobody else has the client's connection. The client's wait for it loses the connection if it is interrupted
 * just when it gets it: so it can't be, and whoever is interrupted goes without waiting for its end.
 */
const reserved = <A>(
  client: SqliteClient,
  use: (connection: SqlConnection) => Effect.Effect<A, Fault>
): Effect.Effect<A, Fault> =>
  Effect.scoped(
    Effect.flatMap(
      Effect.mapError(client.reserve, (cause) => fault("unavailable", "its client has no connection", { cause })),
      use
    )
  ).pipe(Effect.uninterruptible, Effect.disconnect)

/** The app's own waiting time for locks stops the process; it is put aside for the one statement that may meet a lock. */
const transactionOn = (connection: Connection, sqlConnection: SqlConnection) => {
  const [begin, commit, rollback] = ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"].map(connection.command)
  const busyTimeout = connection.first("PRAGMA busy_timeout")
  // This pragma acts when it is prepared, so that it must be each time.
  const setBusyTimeout = (ms: number) =>
    runNow(sqlConnection.executeUnprepared(`PRAGMA busy_timeout = ${ms}`, [], undefined))
  const beginAtOnce = () => {
    const busyTimeoutMs = Number(busyTimeout()?.[0])
    if (busyTimeoutMs !== 0) setBusyTimeout(0)
    try {
      begin?.()
    } finally {
      if (busyTimeoutMs !== 0) setBusyTimeout(busyTimeoutMs)
    }
  }
  return <A>(body: () => A): A => {
    beginAtOnce()
    try {
      const result = body()
      try {
        commit?.()
      } catch (cause) {
        throw new CommitFailure(cause)
      }
      return result
    } catch (error) {
      return undo(() => rollback?.(), error)
    }
  }
}

/** Inside the app's transaction: a failure undoes our part of it alone. */
const savepointOn = (connection: Connection) => {
  const [open, release, rollback] = ["SAVEPOINT", "RELEASE", "ROLLBACK TO"].map((verb) =>
    connection.command(`${verb} effect_state`)
  )
  return <A>(body: () => A): A => {
    open?.()
    try {
      const result = body()
      release?.()
      return result
    } catch (error) {
      return undo(() => {
        rollback?.()
        release?.()
      }, error)
    }
  }
}

/** Some errors roll back by themselves, and leave nothing to undo. What went wrong first is what is told. */
const undo = (rollback: () => void, error: unknown): never => {
  try {
    rollback()
  } catch (cause) {
    if (!(hasProperty(cause, "message") && /no (transaction is active|such savepoint)/.test(String(cause.message)))) {
      throw new AggregateError([error, cause], "a failed transaction could not be rolled back")
    }
  }
  throw error
}

const foreignFault = fault("unsupported", "the open transaction belongs to another client than the store's")

/** Where the caller has another client's transaction open: joining it is not possible, and leaving it not what was meant. */
const foreign = (capabilities: Backend["capabilities"]): Backend => ({
  name: "sqlite",
  capabilities,
  read: (keys) => Effect.succeed(keys.map(() => foreignFault)),
  commit: (batch) => Effect.succeed(batch.map(() => foreignFault)),
  scan: () => Effect.fail(foreignFault),
  count: () => Effect.fail(foreignFault),
  sweep: () => Effect.fail(foreignFault),
  info: Effect.fail(foreignFault)
})
