/**
 * Sends batches of commits, and again one by one what was refused as a whole.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { type Commit, fault, type Later, type Outcome } from "../../store/Backend.ts"
import { inRealTime } from "../../store/RealTime.ts"
import * as Commits from "./commits.ts"
import * as Failure from "./failure.ts"
import * as Functions from "./functions.ts"
import type { Link } from "./link.ts"
import type { Statements } from "./statements.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  readonly synchronousCommit: string | undefined
  /** How long a commit may wait after its batch was refused, in milliseconds: for its turn, and then for its locks. */
  readonly lockTimeoutMs: number
  /** How many commits may wait so at once: each of them occupies a connection. */
  readonly waitersMax: number
  /** Runs what takes more than one statement, in a fiber that nobody interrupts. */
  readonly fork: <A>(effect: Effect.Effect<A>, onExit: (exit: Exit.Exit<A>) => void) => void
}

/**
 * The checks and mutations of one statement, and its payloads' size; a larger commit goes by itself.
 *
 * @since 0.1.0
 * @category limits
 */
export const callStepsMax = Functions.versionsPerDraw

const callCharsMax = 8 * 1_024 * 1_024

/** A message to the server can't take a gigabyte, and a payload's characters may take three bytes each. */
const commitCharsMax = 256 * 1_024 * 1_024

const collisionsMax = 5

/**
 * Applies a batch. Commits that a lock keeps waiting answer later than the others.
 *
 * @since 0.1.0
 * @category writing
 */
export const make = (link: Link, statements: Statements, options: Options) => {
  const { synchronousCommit, fork } = options
  const waiters = Effect.unsafeMakeSemaphore(options.waitersMax)

  const sendOne = (
    commit: Commit,
    untilMs: number | undefined,
    collisions = 0
  ): Effect.Effect<Either.Either<Outcome, Failure.Failure>> =>
    Effect.suspend(() => {
      // At least one: the server takes none for all the time in the world.
      const lockTimeoutMs = untilMs === undefined ? undefined : Math.max(1, Math.ceil(untilMs - performance.now()))
      const call = Commits.encode(statements, [commit], { synchronousCommit, lockTimeoutMs })
      return Effect.flatMap(Effect.either(link.query(call.statement)), (sent) => {
        if (Either.isRight(sent)) return Effect.succeed(Either.right(call.outcomes(sent.right)[0] as Outcome)) // One for each.
        return Failure.isCollision(sent.left) && collisions < collisionsMax
          ? sendOne(commit, untilMs, collisions + 1)
          : Effect.succeed(Either.left(sent.left))
      })
    })

  /** Of each key, the turn of the last commit that waits for it, in whatever batch it came. */
  const waiting = new Map<string, Deferred.Deferred<void>>()

  /**
   * Sends a commit behind all that wait for its keys. If its time is over before that, its caller hears so; but it keeps its
   * turn, as who is behind it must not overtake who is ahead.
   */
  const sendLater = (commit: Commit, keys: ReadonlyArray<string>, untilMs: number): Effect.Effect<Later> =>
    Effect.gen(function* () {
      const outcome = yield* Deferred.make<Outcome>()
      const turn = yield* Deferred.make<void>()
      const ahead = keys.flatMap((key) => waiting.get(key) ?? [])
      for (const key of keys) waiting.set(key, turn)
      let state: "waiting" | "sent" | "over" = "waiting"
      const send = Effect.suspend(() => {
        if (state === "over") return Effect.void
        state = "sent"
        const sent = Effect.map(sendOne(commit, untilMs), Either.getOrElse(Failure.writeFault))
        return Effect.intoDeferred(sent, outcome)
      })
      const giveUp = Effect.suspend(() => {
        if (state === "sent") return Effect.void
        state = "over"
        return Deferred.succeed(outcome, Failure.writeFault(Failure.locked))
      })
      const pass = Effect.suspend(() => {
        for (const key of keys) if (waiting.get(key) === turn) waiting.delete(key)
        return Deferred.succeed(turn, undefined)
      })
      // It goes on when its caller is interrupted, as every write does that was sent once.
      yield* Effect.forEach(ahead, Deferred.await, { discard: true }).pipe(
        Effect.zipRight(waiters.withPermits(1)(send)),
        Effect.ensuring(pass),
        Effect.forkDaemon
      )
      yield* Deferred.await(outcome).pipe(
        Effect.timeoutOption(untilMs - performance.now()),
        inRealTime,
        Effect.zipRight(giveUp),
        Effect.forkDaemon
      )
      return { _tag: "Later", outcome: Deferred.await(outcome) }
    })

  /** In order, each with what became of it; a commit that shares a key with one that waits is behind it. */
  const sendSingly = (batch: ReadonlyArray<Commit>): Effect.Effect<ReadonlyArray<Outcome | Later>> =>
    Effect.gen(function* () {
      const untilMs = performance.now() + options.lockTimeoutMs
      const outcomes: Array<Outcome | Later> = []
      let disconnected: Failure.Failure | undefined
      for (const commit of batch) {
        const keys = keysOf(commit)
        let outcome: Outcome | Later | undefined
        if (disconnected !== undefined) {
          outcome = Failure.writeFault(disconnected)
        } else if (!keys.some((key) => waiting.has(key))) {
          const sent = yield* sendOne(commit, undefined)
          if (Either.isRight(sent)) outcome = sent.right
          else if (!Failure.isLockTimeout(sent.left)) outcome = Failure.writeFault(sent.left)
          if (Either.isLeft(sent) && isDisconnected(sent.left)) disconnected = sent.left
        }
        outcomes.push(outcome ?? (yield* sendLater(commit, keys, untilMs)))
      }
      return outcomes
    })

  const sendBatch = (batch: ReadonlyArray<Commit>, done: Done): void => {
    const { statement, outcomes } = Commits.encode(statements, batch, { synchronousCommit, lockTimeoutMs: undefined })
    link.send("query", statement, (answer) => {
      if (Either.isRight(answer)) return done(Exit.succeed(outcomes(answer.right)))
      const failure = answer.left
      // Without a code nobody knows what happened, or nobody is there.
      if (failure.code === undefined) return done(Exit.succeed(batch.map(() => Failure.writeFault(failure))))
      const isFinal = batch.length === 1 && !Failure.isLockTimeout(failure) && !Failure.isCollision(failure)
      if (isFinal) return done(Exit.succeed([Failure.writeFault(failure)]))
      fork(sendSingly(batch), done)
    })
  }

  return (batch: ReadonlyArray<Commit>, done: Done): void => {
    const calls = split(batch)
    const [first] = calls
    if (calls.length === 1 && first !== undefined && first !== tooLarge) {
      sendBatch(first, done)
      return
    }
    const outcomes = Effect.forEach(calls, (call) =>
      call === tooLarge ? Effect.succeed([tooLargeFault]) : Effect.async((resume: Done) => sendBatch(call, resume))
    )
    fork(
      Effect.map(outcomes, (outcomes) => outcomes.flat()),
      done
    )
  }
}

type Done = (outcomes: Exit.Exit<ReadonlyArray<Outcome | Later>>) => void

const tooLarge = Symbol("tooLarge")

const tooLargeFault = fault("failure", `the values of a commit are limited to ${commitCharsMax} characters in all`)

/** The calls a batch takes; nearly always one. */
const split = (batch: ReadonlyArray<Commit>): ReadonlyArray<ReadonlyArray<Commit> | typeof tooLarge> => {
  const calls: Array<Array<Commit> | typeof tooLarge> = []
  let call: Array<Commit> = []
  let steps = 0
  let chars = 0
  for (const commit of batch) {
    const weight = Commits.weigh(commit)
    if (weight.chars > commitCharsMax) {
      calls.push(tooLarge)
      call = []
      continue
    }
    if (call.length === 0 || steps + weight.steps > callStepsMax || chars + weight.chars > callCharsMax) {
      call = []
      calls.push(call)
      steps = 0
      chars = 0
    }
    call.push(commit)
    steps += weight.steps
    chars += weight.chars
  }
  return calls
}

const isDisconnected = (failure: Failure.Failure): boolean =>
  failure.code === undefined && failure.outcome === "not-applied"

const keysOf = ({ checks, mutations }: Commit): ReadonlyArray<string> => [
  ...new Set([...checks, ...mutations].map(({ key }) => key.text))
]
