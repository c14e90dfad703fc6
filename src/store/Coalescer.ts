/**
 * One tick's calls made one batch.
 *
 * A call that finds nobody under way goes out at the end of its tick: nobody waits for company who is alone. Under
 * load a batch takes about half of all calls that are waiting or under way, so that the server works on one batch while
 * the answers of another are handed out. Batches run in fibers of their own: no caller's interruption reaches them, and an
 * interrupted call that was not sent yet is withdrawn.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Runtime from "effect/Runtime"
import * as RuntimeFlags from "effect/RuntimeFlags"
import type * as Scope from "effect/Scope"
import {
  type Backend,
  type Commit,
  type Fault,
  fault,
  type Later,
  type Outcome,
  type ReadResult,
  type Select,
  settle
} from "./Backend.ts"
import type { FullKey } from "./Key.ts"

/**
 * How single reads and commits reach a backend.
 *
 * @since 0.1.0
 * @category models
 */
export interface Access {
  /** Answers at once, for a caller that need not wait for anybody: see `Backend.now`. */
  readonly now:
    | {
        readonly read: (key: FullKey, select: Select) => ReadResult | "later"
        readonly commit: (commit: Commit, caller: Fiber.RuntimeFiber<unknown, unknown>) => Outcome | "later"
      }
    | undefined
  readonly read: (key: FullKey, select: Select) => Effect.Effect<ReadResult>
  readonly commit: (commit: Commit) => Effect.Effect<Outcome>
}

/**
 * Each call by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const direct = (backend: Backend): Access => ({
  now: backend.now,
  read: (key, select) => Effect.map(backend.read([key], select), first),
  commit: (commit) => Effect.map(Effect.flatMap(backend.commit([commit]), settle), first)
})

/**
 * Calls gathered as the backend's capabilities say. Closing the scope refuses what was not sent yet, and waits up to
 * `closeTimeout` for what was.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  backend: Backend,
  options: { readonly closeTimeout?: Duration.DurationInput | undefined } = {}
): Effect.Effect<Access, never, Scope.Scope> => {
  const limits = backend.capabilities.coalesce
  if (limits === undefined) return Effect.succeed(direct(backend))
  const single = direct(backend)
  const closeTimeout = options.closeTimeout ?? Duration.seconds(10)
  const batcher = <Request, Reply>(run: (requests: ReadonlyArray<Request>) => Batch<Reply>, batchMax: number) =>
    Effect.acquireRelease(
      Effect.map(Effect.runtime<never>(), (runtime) => {
        const runFork = Runtime.runFork(runtime)
        return new Batcher<Request, Reply>(run, (lane) => void runFork(lane), batchMax, {
          ...limits,
          looksForCompany: backend.now === undefined
        })
      }),
      (batcher) => Effect.timeoutOption(Effect.interruptible(batcher.close), closeTimeout)
    )
  return Effect.gen(function* () {
    const commits = yield* batcher<Commit, Outcome>(backend.commit, limits.commitsMax)
    if (limits.readsMax === undefined) {
      return {
        now: backend.now && {
          read: backend.now.read,
          commit: (commit, caller) => (commits.isAlone(caller) ? (backend.now?.commit(commit) ?? "later") : "later")
        },
        read: single.read,
        commit: (commit) => commits.submit(commit)
      }
    }
    const entries = yield* batcher((keys: ReadonlyArray<FullKey>) => backend.read(keys, "entry"), limits.readsMax)
    const metas = yield* batcher((keys: ReadonlyArray<FullKey>) => backend.read(keys, "meta"), limits.readsMax)
    return {
      now: undefined,
      read: (key, select) => (select === "entry" ? entries : metas).submit(key),
      commit: (commit) => commits.submit(commit)
    }
  })
}

interface Call<Request, Reply> {
  readonly request: Request
  readonly resume: (reply: Effect.Effect<Reply>) => void
  /** The calling fiber, if interrupting it takes the call back. */
  readonly caller: Fiber.RuntimeFiber<unknown, unknown> | undefined
}

type Batch<Reply> = Effect.Effect<ReadonlyArray<Reply | Later>>

class Batcher<Request, Reply> {
  readonly #run: (requests: ReadonlyArray<Request>) => Batch<Reply>
  readonly #fork: (lane: Effect.Effect<void>) => void
  readonly #batchMax: number
  readonly #inFlightMax: number
  readonly #synchronous: boolean
  readonly #looksForCompany: boolean
  #waiting: Array<Call<Request, Reply | Fault>> = []
  /** What gives the fibers that have no batch their next one, or none any more. */
  readonly #idle: Array<(calls: Calls<Request, Reply> | undefined) => void> = []
  #callsInFlight = 0
  #batchesInFlight = 0
  #flushScheduled = false
  #patience: ReturnType<typeof setTimeout> | undefined
  #lastCaller = -1
  #closed = false
  #onDrained = () => {}

  constructor(
    run: (requests: ReadonlyArray<Request>) => Batch<Reply>,
    fork: (lane: Effect.Effect<void>) => void,
    batchMax: number,
    limits: {
      readonly inFlightMax: number
      readonly synchronous?: boolean | undefined
      /** Whether a caller that is alone goes straight through; false where it was asked before it came. */
      readonly looksForCompany: boolean
    }
  ) {
    this.#run = run
    this.#fork = fork
    this.#batchMax = batchMax
    this.#inFlightMax = limits.inFlightMax
    this.#synchronous = limits.synchronous ?? false
    this.#looksForCompany = limits.looksForCompany
  }

  submit(request: Request): Effect.Effect<Reply | Fault> {
    return Effect.withFiberRuntime((fiber, status) => {
      const alone = this.#looksForCompany && this.isAlone(fiber)
      if (alone && this.#synchronous) {
        return Effect.flatMap(this.#run([request]), (replies) => inTime<Reply>(first(replies)))
      }
      // Exactly one parameter, and nothing returned: each would cost every call, and the flush looks for itself.
      return Effect.async<Reply | Fault>((resume) => {
        if (this.#closed) return resume(Effect.succeed(closedFault))
        const caller = RuntimeFlags.interruptible(status.runtimeFlags) ? fiber : undefined
        if (alone) return this.#send([{ request, resume, caller }])
        this.#waiting.push({ request, resume, caller })
        this.#scheduleFlush()
      })
    })
  }

  /** A caller that comes twice in a row has no company; the first call of another one shows that it may have. */
  isAlone(caller: Fiber.RuntimeFiber<unknown, unknown>): boolean {
    const { id } = caller.id()
    const alone = id === this.#lastCaller && this.#waiting.length === 0 && this.#batchesInFlight === 0
    this.#lastCaller = id
    return alone && !this.#closed
  }

  readonly close: Effect.Effect<void> = Effect.async((resume) => {
    this.#closed = true
    for (const call of this.#waiting.splice(0)) call.resume(Effect.succeed(closedFault))
    for (const end of this.#idle.splice(0)) end(undefined)
    this.#onDrained = () => resume(Effect.void)
    if (this.#batchesInFlight === 0) this.#onDrained()
  })

  #scheduleFlush(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    queueMicrotask(() => {
      this.#flushScheduled = false
      this.#flush()
    })
  }

  /** Fewer calls than are under way wait for company: another small batch costs the server more than it saves in time. */
  #flush(isPatient = true): void {
    while (this.#waiting.length > 0 && this.#batchesInFlight < this.#inFlightMax) {
      if (isPatient && this.#waiting.length < this.#callsInFlight) {
        this.#startPatience()
        return
      }
      const half = Math.ceil((this.#waiting.length + this.#callsInFlight) / 2)
      const size = this.#synchronous ? this.#batchMax : Math.min(this.#batchMax, Math.max(batchMin, half))
      const calls = this.#waiting.splice(0, size).filter(isWanted)
      if (calls.length > 0) this.#send(calls)
    }
  }

  /** What is under way may be held up: nobody waits for it for long. */
  #startPatience(): void {
    this.#patience ??= setTimeout(() => {
      this.#patience = undefined
      this.#flush(false)
    }, patienceMs)
  }

  #send(calls: Calls<Request, Reply>): void {
    this.#callsInFlight += calls.length
    this.#batchesInFlight += 1
    const next = this.#idle.pop()
    if (next === undefined) this.#fork(this.#lane(calls))
    else next(calls)
  }

  /** Runs batch after batch: to fork a fiber for each costs more than a small batch does. */
  #lane(first: Calls<Request, Reply>): Effect.Effect<void> {
    let calls: Calls<Request, Reply> | undefined = first
    return Effect.whileLoop({
      while: () => calls !== undefined,
      body: () => this.#runToNext(calls ?? []),
      step: (next) => {
        calls = next
      }
    })
  }

  #runToNext(calls: Calls<Request, Reply>): Effect.Effect<Calls<Request, Reply> | undefined> {
    return Effect.flatMap(Effect.exit(this.#run(calls.map((call) => call.request))), (exit) =>
      Effect.async<Calls<Request, Reply> | undefined>((resume) => {
        const next = (calls: Calls<Request, Reply> | undefined) => resume(Effect.succeed(calls))
        if (this.#closed) next(undefined)
        else this.#idle.push(next)
        this.#settle(calls, exit)
      })
    )
  }

  #settle(calls: Calls<Request, Reply>, exit: Exit.Exit<ReadonlyArray<Reply | Later>>): void {
    this.#callsInFlight -= calls.length
    this.#batchesInFlight -= 1
    answer(calls, exit)
    if (this.#waiting.length > 0) this.#scheduleFlush()
    if (this.#batchesInFlight === 0) this.#onDrained()
  }
}

type Calls<Request, Reply> = ReadonlyArray<Call<Request, Reply | Fault>>

/** Fewer calls than these are not worth splitting into two batches. */
const batchMin = 8

/** How long a call may wait for company while a batch is under way, in milliseconds. */
const patienceMs = 5

const closedFault = fault("unavailable", "it is closed")

/** A caller that was interrupted while it waited is gone, or about to go: nobody wants the answer. */
const isWanted = (call: { readonly caller: Fiber.RuntimeFiber<unknown, unknown> | undefined }): boolean =>
  call.caller === undefined || Cause.isEmpty(call.caller.getFiberRef(FiberRef.interruptedCause))

const answer = <Reply>(
  calls: ReadonlyArray<Call<unknown, Reply | Fault>>,
  exit: Exit.Exit<ReadonlyArray<Reply | Later>>
): void => {
  if (Exit.isFailure(exit)) {
    for (const call of calls) call.resume(Effect.failCause(exit.cause))
    return
  }
  const replies = exit.value
  for (let i = 0; i < calls.length; i++) {
    calls[i]?.resume(
      i < replies.length
        ? inTime(replies[i] as Reply | Later) // In bounds; a reply may itself be undefined.
        : Effect.dieMessage(`A batch of ${calls.length} calls got ${replies.length} replies`)
    )
  }
}

const inTime = <Reply>(reply: Reply | Later): Effect.Effect<Reply> =>
  // Only the replies to commits, outcomes, come later.
  isLater(reply) ? (reply.outcome as Effect.Effect<unknown> as Effect.Effect<Reply>) : Effect.succeed(reply)

const isLater = <Reply>(reply: Reply | Later): reply is Later =>
  typeof reply === "object" && reply !== null && "_tag" in reply && reply._tag === "Later"

const first = <A>(replies: ReadonlyArray<A>): A => {
  if (replies.length !== 1) throw new Error(`A batch of one call got ${replies.length} replies`)
  return replies[0] as A // Just counted; the item may itself be undefined.
}
