/**
 * How statements reach the server: a connection is taken, one statement runs on it, and it goes back.
 *
 * Everything is callbacks, and nobody's interruption reaches a statement that was sent: it runs to its end, or to its
 * deadline, and only then is its connection free. A statement is never cancelled, as a cancel request may hit the
 * next one. At the deadline the connection is destroyed.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Pg from "pg"
import * as Failure from "./failure.ts"
import { Query, type Rows, type Statement } from "./query.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Link {
  readonly query: (statement: Statement) => Effect.Effect<Rows, Failure.Failure>
  /** Refuses statements from now on, waits for those under way, and gives them up when the time is over. */
  readonly close: (timeout: Duration.DurationInput) => Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  readonly commandTimeoutMs: number
  /** Whether statements are prepared under their names, once a connection. */
  readonly namedStatements: boolean
}

/**
 * Takes a connection; `release` gives it back, and destroys it if there is an error.
 *
 * @since 0.1.0
 * @category models
 */
export type Checkout = (
  onConnection: (
    error: unknown,
    connection: Pg.ClientBase | undefined,
    release: (error?: Error | undefined) => void
  ) => void
) => void

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (checkout: Checkout, options: Options): Link => {
  const running = new Set<(failure: Failure.Failure) => void>()
  let closed = false
  let onIdle = () => {}
  return {
    query: (statement) =>
      Effect.async((resume) => {
        if (closed) return resume(Effect.fail(Failure.closed))
        checkout((error, connection, release) => {
          if (connection === undefined) return resume(Effect.fail(Failure.notConnected(error)))
          if (closed) {
            release()
            return resume(Effect.fail(Failure.closed))
          }
          const giveUp = run(connection, statement, options, (result, destroy) => {
            running.delete(giveUp)
            release(destroy)
            resume(result)
            if (running.size === 0) onIdle()
          })
          running.add(giveUp)
        })
      }),
    close: (timeout) =>
      Effect.async<void>((resume) => {
        closed = true
        onIdle = () => resume(Effect.void)
        if (running.size === 0) onIdle()
      }).pipe(
        // A finalizer is uninterruptible, and then nothing would end the wait.
        Effect.interruptible,
        Effect.timeoutOption(timeout),
        Effect.zipRight(
          Effect.sync(() => {
            for (const giveUp of [...running]) giveUp(Failure.lost(new Error("the store was closed")))
          })
        )
      )
  }
}

/**
 * A pool's connections.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromPool =
  (pool: Pg.Pool): Checkout =>
  (onConnection) =>
    pool.connect((error, connection, release) => onConnection(error, connection, release))

type Settle = (result: Effect.Effect<Rows, Failure.Failure>, destroy?: Error | undefined) => void

/** Runs a statement on a connection that nobody else uses meanwhile; gives a function that gives it up. */
const run = (
  connection: Pg.ClientBase,
  statement: Statement,
  options: Options,
  onEnd: Settle
): ((failure: Failure.Failure) => void) => {
  const watch = watchOver(connection)
  let ended = false
  const settle: Settle = (result, destroy) => {
    if (ended) return
    ended = true
    clearTimeout(timer)
    onEnd(result, destroy)
  }
  const giveUp = (failure: Failure.Failure) => settle(Effect.fail(failure), new Error(failure.reason))
  const timer = setTimeout(() => giveUp(Failure.late(options.commandTimeoutMs)), options.commandTimeoutMs)
  connection.query(
    new Query(statement, options.namedStatements, (error, rows) => {
      if (error === null) return settle(watch.isUnconfirmed ? unconfirmed : Effect.succeed(rows))
      if (!Failure.isAnswer(error)) return giveUp(Failure.lost(error))
      afterRefusal(connection, (loss) =>
        loss === undefined ? settle(Effect.fail(Failure.refused(error))) : giveUp(Failure.lost(loss))
      )
    })
  )
  return giveUp
}

const unconfirmed = Effect.fail(Failure.unconfirmed)

/**
 * An error ends the statement or the connection: in the first case the connection is ready for the next one in a moment.
 * The error's severity would tell too, but in the server's language.
 */
const afterRefusal = (connection: Pg.ClientBase, onKnown: (loss: unknown) => void): void => {
  const finish = (loss: unknown) => {
    connection.off("drain", onReady)
    connection.off("error", onError)
    connection.off("end", onLoss)
    onKnown(loss)
  }
  const onReady = () => finish(undefined)
  const onError = (error: unknown) => finish(error)
  const onLoss = () => finish(new Error("the server ended the connection"))
  connection.on("drain", onReady)
  connection.on("error", onError)
  connection.on("end", onLoss)
}

interface Watch {
  /** Whether the statement under way was committed, and not confirmed by the standbys that have to. */
  isUnconfirmed: boolean
}

const watches = new WeakMap<Pg.ClientBase, Watch>()

/** Listens to a connection from its first statement on. A lost connection tells the statement under way by itself. */
const watchOver = (connection: Pg.ClientBase): Watch => {
  const known = watches.get(connection)
  if (known !== undefined) {
    known.isUnconfirmed = false
    return known
  }
  const watch: Watch = { isUnconfirmed: false }
  watches.set(connection, watch)
  // An error that nobody listens for ends the process.
  connection.on("error", () => {})
  connection.on("notice", (notice: unknown) => {
    // The routine's name is the one thing about a notice that no language setting changes.
    if (hasProperty(notice, "routine") && notice.routine === "SyncRepWaitForLSN") watch.isUnconfirmed = true
  })
  return watch
}
