/**
 * A pool of connections of our own.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Pg from "pg"
import type { Fault } from "../../store/Backend.ts"
import * as Concurrent from "../../store/Concurrent.ts"
import * as Failure from "./failure.ts"
import * as Watch from "./watch.ts"

/**
 * Opens the pool and its first connections. Closing the scope waits for connections in use, for a bounded time.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (config: Pg.PoolConfig): Effect.Effect<Pg.Pool, Fault, Scope.Scope> =>
  Effect.gen(function* () {
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const pool = new Pg.Pool(config)
        hideSecrets(pool)
        // For ever: a connection may be lost after the pool was ended.
        pool.on("error", onIdleLoss)
        return pool
      }),
      end
    )
    yield* Effect.scoped(Concurrent.all(Arr.replicate(connect(pool), Math.max(1, config.min ?? 0))))
    return pool
  })

/** The pool replaces an idle connection that is lost by itself; only, an error that nobody listens for ends the process. */
const onIdleLoss = () => {}

/**
 * Listens for the loss of idle connections of an app's pool, until the scope closes.
 *
 * @since 0.1.0
 * @category listeners
 */
export const listen = (pool: Pg.Pool): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => pool.on("error", onIdleLoss)),
      () => Effect.sync(() => pool.off("error", onIdleLoss))
    )
  )

/**
 * The pool's connections, as far as they were in use since: whoever takes one makes it known.
 *
 * @since 0.1.0
 * @category getters
 */
export const connectionsOf = (pool: Pg.Pool): Effect.Effect<WeakSet<Pg.ClientBase>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const connections = new WeakSet<Pg.ClientBase>()
    const onAcquire = (connection: Pg.ClientBase) => void connections.add(connection)
    yield* Effect.acquireRelease(
      Effect.sync(() => pool.on("acquire", onAcquire)),
      () => Effect.sync(() => pool.off("acquire", onAcquire))
    )
    return connections
  })

/**
 * Holds a connection until the scope closes, so that several of these open several. The pool does not listen to what it
 * gave out; one that is lost while others are still opening goes back like the rest, and the pool sees it.
 */
const connect = (pool: Pg.Pool): Effect.Effect<void, Fault, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.async<() => void, Fault>((resume) =>
        pool.connect((error, connection, release) => {
          if (connection === undefined) return resume(Effect.fail(Failure.readFault(Failure.notConnected(error))))
          Watch.over(connection)
          resume(Effect.succeed(() => release()))
        })
      ),
      (release) => Effect.sync(release)
    )
  )

/** What is still in use by then was given up: its connections are about to be gone. */
const end = (pool: Pg.Pool): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.timeoutOption(
      Effect.interruptible(Effect.async<void>((resume) => pool.end(() => resume(Effect.void)))),
      "1 second"
    )
  )

/** The pool keeps the URL with its password where printing the pool would show it. */
const hideSecrets = (pool: Pg.Pool): void => {
  const { connectionString } = pool.options
  if (connectionString !== undefined) {
    Object.defineProperty(pool.options, "connectionString", { value: connectionString, enumerable: false })
  }
}
