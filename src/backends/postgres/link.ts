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
import * as Either from "effect/Either"
import type * as Pg from "pg"
import * as Failure from "./failure.ts"
import { Query, type Rows, type Statement, wireOf } from "./query.ts"
import * as Watch from "./watch.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Link {
  readonly query: (statement: Statement) => Effect.Effect<Rows, Failure.Failure>
  /** The same for whoever takes the answer by callback. What is to `"read"` only reads, and takes little time. */
  readonly send: (kind: "query" | "read", statement: Statement, done: Done) => void
  /** Refuses statements from now on, waits for those under way, and gives them up when the time is over. */
  readonly close: (timeout: Duration.DurationInput) => Effect.Effect<void>
}

/**
 * Takes the answer to a statement, once.
 *
 * @since 0.1.0
 * @category models
 */
export type Done = (answer: Answer) => void

type Answer = Either.Either<Rows, Failure.Failure>

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
  const running: Array<Taken> = []
  let closed = false
  let onIdle = () => {}

  const start = (taken: Taken, asked: Asked, turn: "now" | "next"): void => {
    asked.sentMs = performance.now()
    if (asked.reads) taken.readsLeft -= 1
    else taken.readsLeft = 0
    taken.asked.push(asked)
    asked.giveUp = run(taken.connection, asked, turn, options.commandTimeoutMs, (answer, destroy) => {
      taken.asked.splice(taken.asked.indexOf(asked), 1)
      const rest = destroy === undefined ? [] : taken.asked.splice(0)
      if (taken.asked.length === 0) end(taken, destroy)
      asked.settle(answer)
      for (const { giveUp } of rest) giveUp(Failure.lost(destroy))
      if (running.length === 0) onIdle()
    })
  }

  const end = (taken: Taken, destroy: Error | undefined): void => {
    const place = running.indexOf(taken)
    if (place === -1) return
    running.splice(place, 1)
    taken.release(destroy)
  }

  const take = (asked: Asked): void =>
    checkout((error, connection, release) => {
      if (connection === undefined) return asked.settle(Either.left(Failure.notConnected(error)))
      if (closed) {
        release()
        return asked.settle(Either.left(Failure.closed))
      }
      const taken = new Taken(connection, release)
      running.push(taken)
      start(taken, asked, "now")
    })

  const sendBehind = (asked: Asked): boolean => {
    for (const taken of running) {
      const [first] = taken.asked
      if (first === undefined || taken.asked.length > 1 || taken.readsLeft <= 0) continue
      if (!asked.query.sendAhead(taken.connection, first.query)) continue
      start(taken, asked, "next")
      return true
    }
    return false
  }

  const send: Link["send"] = (kind, statement, done) => {
    if (closed) return done(Either.left(Failure.closed))
    const reads = kind === "read" && options.readsAhead === true
    const asked = new Asked(new Query(statement, options.namedStatements), reads, done)
    if (!reads || !sendBehind(asked)) take(asked)
  }

  return {
    send,
    query: (statement) => Effect.async((resume) => send("query", statement, resume)),
    close: (timeout) =>
      Effect.async<void>((resume) => {
        closed = true
        onIdle = () => resume(Effect.void)
        if (running.length === 0) onIdle()
      }).pipe(
        // A finalizer is uninterruptible, and then nothing would end the wait.
        Effect.interruptible,
        Effect.timeoutOption(timeout),
        Effect.zipRight(
          Effect.sync(() => {
            for (const { asked } of [...running]) asked[0]?.giveUp(Failure.lost(new Error("the store was closed")))
          })
        )
      )
  }
}

/** A statement that somebody waits for. What waits is of a class: see "Objects that wait" in docs/ARCHITECTURE.md. */
class Asked {
  readonly query: Query
  readonly reads: boolean
  /** Its deadline begins here, be it sent behind another one. */
  sentMs = 0
  /** Ends it, and the connection. */
  giveUp: (failure: Failure.Failure) => void = nobody
  #done: Done

  constructor(query: Query, reads: boolean, done: Done) {
    this.query = query
    this.reads = reads
    this.#done = done
  }

  /** Answers, and lets go of whoever waited. */
  settle(answer: Answer): void {
    const done = this.#done
    this.#done = nobody
    this.giveUp = nobody
    done(answer)
  }
}

const nobody = () => {}

/** A connection in use. */
class Taken {
  readonly connection: Pg.ClientBase
  readonly release: (error?: Error | undefined) => void
  /** How many reads it may still make; none behind what does not read. */
  readsLeft = readsMax
  /** What runs on it, and what was sent behind that. */
  readonly asked: Array<Asked> = []

  constructor(connection: Pg.ClientBase, release: (error?: Error | undefined) => void) {
    this.connection = connection
    this.release = release
  }
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
  const use = (one: Kept, onConnection: Parameters<Checkout>[0]) =>
    onConnection(undefined, one.connection, (error) => {
      one.usesLeft -= 1
      const keep =
        error === undefined && one.usesLeft > 0 && pool.waitingCount === 0 && !Watch.over(one.connection).isLost
      if (!keep) return one.release(error)
      if (kept.length === 0) setImmediate(giveBack)
      kept.push(one)
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
  usesLeft: number
}

/** The pool ends connections that are too old, or were used too often, when they come back to it: they have to. */
const usesMax = 100

type Settle = (answer: Answer, destroy?: Error | undefined) => void

/**
 * Runs a statement on a connection, now or when it is its turn; gives a function that gives it up. A deadline that begins
 * with the statement before it would be taken for that one's.
 */
const run = (
  connection: Pg.ClientBase,
  { query, sentMs }: Asked,
  turn: "now" | "next",
  timeoutMs: number,
  onEnd: Settle
): ((failure: Failure.Failure) => void) => {
  const watch = Watch.over(connection)
  let ended = false
  const settle: Settle = (answer, destroy) => {
    if (ended) return
    ended = true
    watch.endDeadline(onLate)
    onEnd(answer, destroy)
  }
  const giveUp = (failure: Failure.Failure) => settle(Either.left(failure), new Error(failure.reason))
  const onLate = () => giveUp(Failure.late(timeoutMs))
  const begin = () => {
    watch.isUnconfirmed = false
    watch.startDeadline(sentMs + timeoutMs, onLate)
  }
  query.callback = (error, rows) => {
    if (error === null) return settle(watch.isUnconfirmed ? unconfirmed : Either.right(rows))
    if (!Failure.isAnswer(error)) return giveUp(Failure.lost(error))
    afterRefusal(connection, (loss) =>
      loss === undefined ? settle(Either.left(Failure.refused(error))) : giveUp(Failure.lost(loss))
    )
  }
  if (turn === "now") begin()
  else query.onTurn = begin
  connection.query(query)
  return giveUp
}

const unconfirmed: Answer = Either.left(Failure.unconfirmed)

/**
 * An error ends the statement or the connection: in the first case the connection is ready for the next one in a moment.
 * The error's severity would tell too, but in the server's language.
 */
const afterRefusal = (connection: Pg.ClientBase, onKnown: (loss: unknown) => void): void => {
  const wire = wireOf(connection)
  const finish = (loss: unknown) => {
    wire.off("readyForQuery", onReady)
    connection.off("error", onError)
    connection.off("end", onLoss)
    onKnown(loss)
  }
  const onReady = () => finish(undefined)
  const onError = (error: unknown) => finish(error)
  const onLoss = () => finish(new Error("the server ended the connection"))
  wire.on("readyForQuery", onReady)
  connection.on("error", onError)
  connection.on("end", onLoss)
}
