/**
 * How statements reach the server: a connection is taken, one statement runs on it, and it goes back. A read may be sent
 * behind another one that is still under way: each connection in use is a process that the server has to wake.
 *
 * Everything is callbacks, and nobody's interruption reaches a statement that was sent: it runs to its end, or to its
 * deadline, and only then is its connection free. A statement is never cancelled, as a cancel request may hit the
 * next one. At the deadline the connection is destroyed.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Pg from "pg"
import * as Failure from "./failure.ts"
import { Query, type Rows, type Statement } from "./query.ts"
import * as Watch from "./watch.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Link {
  readonly query: (statement: Statement) => Effect.Effect<Rows, Failure.Failure>
  /** The same for a statement that only reads, and takes little time. */
  readonly read: (statement: Statement) => Effect.Effect<Rows, Failure.Failure>
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
  /** Whether reads may be sent behind others: only where nobody else uses a connection that was taken. */
  readonly readsAhead?: boolean | undefined
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
  const reading = new Set<Reading>()
  let closed = false
  let onIdle = () => {}

  const start = (taken: Taken, { query, reads, resume, sentMs }: Sent, readsLeft: number): void => {
    const { connection, release } = taken
    const current: Reading = { connection, readsLeft, behind: undefined }
    const giveUp = run(connection, query, options.commandTimeoutMs, sentMs, (result, destroy) => {
      running.delete(giveUp)
      reading.delete(current)
      const { behind } = current
      // Its answer is the next thing that the server sends.
      if (behind !== undefined && destroy === undefined) start(taken, behind, readsLeft - 1)
      else release(destroy)
      resume(result)
      if (destroy !== undefined) behind?.resume(Effect.fail(Failure.lost(destroy)))
      if (running.size === 0) onIdle()
    })
    running.add(giveUp)
    if (reads) reading.add(current)
  }

  const take = (asked: Asked): void =>
    checkout((error, connection, release) => {
      if (connection === undefined) return asked.resume(Effect.fail(Failure.notConnected(error)))
      if (closed) {
        release()
        return asked.resume(Effect.fail(Failure.closed))
      }
      start({ connection, release }, { ...asked, sentMs: performance.now() }, readsMax)
    })

  const sendBehind = (asked: Asked): boolean => {
    for (const one of reading) {
      if (one.behind === undefined && one.readsLeft > 1 && asked.query.sendAhead(one.connection)) {
        one.behind = { ...asked, sentMs: performance.now() }
        return true
      }
    }
    return false
  }

  const ask = (statement: Statement, reads: boolean) =>
    Effect.async<Rows, Failure.Failure>((resume) => {
      if (closed) return resume(Effect.fail(Failure.closed))
      const asked: Asked = { query: new Query(statement, options.namedStatements), reads, resume }
      if (!reads || !sendBehind(asked)) take(asked)
    })

  return {
    query: (statement) => ask(statement, false),
    read: (statement) => ask(statement, options.readsAhead ?? false),
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

/** A statement that somebody waits for. */
interface Asked {
  readonly query: Query
  readonly reads: boolean
  readonly resume: (result: Effect.Effect<Rows, Failure.Failure>) => void
}

interface Sent extends Asked {
  /** Its deadline begins here, be it sent behind another one. */
  readonly sentMs: number
}

interface Taken {
  readonly connection: Pg.ClientBase
  readonly release: (error?: Error | undefined) => void
}

/** A read under way, and the one that was sent behind it. */
interface Reading {
  readonly connection: Pg.ClientBase
  readonly readsLeft: number
  behind: Sent | undefined
}

/** How many reads a connection makes before it goes back, for others who may wait for it. */
const readsMax = 16

/**
 * A pool's connections. What a statement leaves behind is kept until the end of the event loop's turn, for the next one:
 * taking it from the pool again costs two timers and a round of listeners. Whoever waits for the pool goes first.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromPool = (pool: Pg.Pool): Checkout => {
  const kept: Array<Kept> = []
  const giveBack = () => {
    for (const { release } of kept.splice(0)) release()
  }
  const use = (last: Kept, onConnection: Parameters<Checkout>[0]) =>
    onConnection(undefined, last.connection, (error) => {
      const usesLeft = last.usesLeft - 1
      const keep = error === undefined && usesLeft > 0 && pool.waitingCount === 0 && !Watch.over(last.connection).isLost
      if (!keep) return last.release(error)
      if (kept.length === 0) setImmediate(giveBack)
      kept.push({ ...last, usesLeft })
    })
  return (onConnection) => {
    const last = kept.pop()
    if (last !== undefined && !Watch.over(last.connection).isLost) return use(last, onConnection)
    last?.release()
    pool.connect((error, connection, release) =>
      connection === undefined
        ? onConnection(error, undefined, release)
        : use({ connection, release, usesLeft: usesMax }, onConnection)
    )
  }
}

interface Kept {
  readonly connection: Pg.ClientBase
  readonly release: (error?: Error | undefined) => void
  readonly usesLeft: number
}

/** The pool ends connections that are too old, or were used too often, when they come back to it: they have to. */
const usesMax = 100

type Settle = (result: Effect.Effect<Rows, Failure.Failure>, destroy?: Error | undefined) => void

/** Runs a statement on a connection that nobody else uses meanwhile; gives a function that gives it up. */
const run = (
  connection: Pg.ClientBase,
  query: Query,
  timeoutMs: number,
  sentMs: number,
  onEnd: Settle
): ((failure: Failure.Failure) => void) => {
  const watch = Watch.over(connection)
  watch.isUnconfirmed = false
  let ended = false
  const settle: Settle = (result, destroy) => {
    if (ended) return
    ended = true
    watch.endDeadline()
    onEnd(result, destroy)
  }
  const giveUp = (failure: Failure.Failure) => settle(Effect.fail(failure), new Error(failure.reason))
  watch.startDeadline(sentMs + timeoutMs, () => giveUp(Failure.late(timeoutMs)))
  query.callback = (error, rows) => {
    if (error === null) return settle(watch.isUnconfirmed ? unconfirmed : Effect.succeed(rows))
    if (!Failure.isAnswer(error)) return giveUp(Failure.lost(error))
    afterRefusal(connection, (loss) =>
      loss === undefined ? settle(Effect.fail(Failure.refused(error))) : giveUp(Failure.lost(loss))
    )
  }
  connection.query(query)
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
