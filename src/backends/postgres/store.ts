/**
 * Where the connections come from: a pool of our own, an app's pool, or an app's client.
 *
 * @since 0.1.0
 */
import type { Connection } from "@effect/sql/SqlConnection"
import type { PgClient } from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import type * as Pg from "pg"
import { type Backend, type Fault, fault } from "../../store/Backend.ts"
import * as PgBackend from "./backend.ts"
import * as Failure from "./failure.ts"
import * as Layout from "./layout.ts"
import * as Link from "./link.ts"
import type { Shared } from "./options.ts"
import * as Pool from "./pool.ts"
import * as Statements from "./statements.ts"
import * as Transactions from "./transactions.ts"

/**
 * @since 0.1.0
 * @category constructors
 */
export const fromConfig = (
  config: Pg.PoolConfig,
  shared: Shared,
  joins: boolean
): Effect.Effect<{ readonly pool: Pg.Pool; readonly backend: Backend }, Fault, Scope.Scope> =>
  Effect.gen(function* () {
    const pool = yield* Pool.make(config)
    return { pool, backend: yield* overPool(pool, shared, joins) }
  })

/**
 * @since 0.1.0
 * @category constructors
 */
export const fromPool = (pool: Pg.Pool, shared: Shared): Effect.Effect<Backend, Fault, Scope.Scope> =>
  Effect.zipRight(Pool.listen(pool), overPool(pool, shared, true))

/** `joins`: whether it joins the transactions that are open on the pool's connections. */
const overPool = (pool: Pg.Pool, shared: Shared, joins: boolean): Effect.Effect<Backend, Fault, Scope.Scope> =>
  Effect.gen(function* () {
    const own = joins ? yield* Pool.connectionsOf(pool) : undefined
    const owns = own && ((_: Connection, driver: Pg.ClientBase) => own.has(driver))
    return yield* make(Link.fromPool(pool), shared, pool.options.max, owns)
  })

/**
 * @since 0.1.0
 * @category constructors
 */
export const fromClient = (client: PgClient, shared: Shared): Effect.Effect<Backend, Fault, Scope.Scope> =>
  Effect.gen(function* () {
    const kind = yield* Effect.scoped(
      Effect.flatMap(reserve(client), (connection) =>
        Transactions.driverOf(connection) === undefined
          ? Effect.fail(fault("failure", "this version of @effect/sql-pg hides its connections"))
          : Effect.succeed(connection.constructor)
      )
    ).pipe(Effect.uninterruptible)
    // Each client makes a class of its own for its connections.
    const owns = (connection: Connection) => connection.constructor === kind
    return yield* make(checkoutOf(client), shared, client.config.maxConnections ?? 10, owns)
  })

const make = (
  checkout: Link.Checkout,
  shared: Shared,
  connectionsMax: number,
  owns: Transactions.Options["owns"] | undefined
): Effect.Effect<Backend, Fault, Scope.Scope> =>
  Effect.gen(function* () {
    const link = yield* Effect.acquireRelease(
      Effect.sync(() => Link.make(checkout, { ...shared, readsAhead: true })),
      (link) => link.close("1 second")
    )
    yield* Layout.ensure(link, shared.table)
    const statements = Statements.make(shared.table)
    const runtime = yield* Effect.runtime<never>()
    // The server's refusal is to come before our deadline, which would leave the outcome unknown.
    const lockTimeoutMs = Math.ceil(shared.commandTimeoutMs * 0.8)
    return PgBackend.make(link, statements, {
      synchronousCommit: shared.synchronousCommit,
      lockTimeoutMs,
      waitersMax: Math.max(1, Math.floor(connectionsMax / 4)),
      inFlightMax: Math.min(inFlightMax, connectionsMax),
      // The store may be made in a region that can't be interrupted; its waits end in time all the same.
      fork: (effect, onExit) => void Runtime.runCallback(runtime)(Effect.interruptible(effect), { onExit }),
      within: owns && Transactions.make(statements, { ...shared, lockTimeoutMs, owns })
    })
  })

const inFlightMax = 3

/** The client's connections, one at a time, as its transactions take them. */
const checkoutOf =
  (client: PgClient): Link.Checkout =>
  (onConnection) => {
    const use = Effect.flatMap(reserve(client), (connection) =>
      Effect.async<void, Fault>((resume) => {
        const driver = Transactions.driverOf(connection)
        onConnection(undefined, driver, (destroy) => {
          Transactions.drop(driver, destroy)
          resume(Effect.void)
        })
      })
    )
    // Its wait for a connection leaks the connection if it is interrupted.
    Effect.runCallback(Effect.uninterruptible(Effect.scoped(use)), {
      onExit: (exit) => {
        if (Exit.isFailure(exit)) onConnection(exit.cause, undefined, () => {})
      }
    })
  }

const reserve = (client: PgClient): Effect.Effect<Connection, Fault, Scope.Scope> =>
  Effect.mapError(client.reserve, ({ cause }) => Failure.readFault(Failure.notConnected(cause)))
