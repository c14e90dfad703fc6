/**
 * One tick's calls made one batch.
 *
 * A call that finds nobody else waiting goes out at the end of its tick, in a batch of one: nobody waits for company. Under
 * load a batch takes about half of all calls that are waiting or under way, so that the server works on one batch while
 * the answers of another are handed out. A batch runs in a fiber of its own: no caller's interruption reaches it, and an
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
  type Select
} from "./Backend.ts"
import type { FullKey } from "./Key.ts"

/**
 * How single reads and commits reach a backend. Each goes on with the answer by itself: a step of its own for that would
 * cost every call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Access {
  readonly read: <A, E>(
    key: FullKey,
    select: Select,
    use: (result: ReadResult) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  readonly commit: <A, E>(commit: Commit, use: (outcome: Outcome) => Effect.Effect<A, E>) => Effect.Effect<A, E>
}

/**
 * Each call by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const direct = (backend: Backend): Access => ({
  read: (key, select, use) => Effect.flatMap(backend.read([key], select), (results) => use(first(results))),
  commit: (commit, use) => Effect.flatMap(backend.commit([commit]), (outcomes) => useInTime(first(outcomes), use))
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
        const runCallback = Runtime.runCallback(runtime)
        return new Batcher<Request, Reply>(
          run,
          (batch, onExit) => void runCallback(batch, { onExit }),
          batchMax,
          limits
        )
      }),
      (batcher) => Effect.timeoutOption(Effect.interruptible(batcher.close), closeTimeout)
    )
  return Effect.gen(function* () {
    const commits = yield* batcher<Commit, Outcome>(backend.commit, limits.commitsMax)
    if (limits.readsMax === undefined)
      return { read: single.read, commit: (commit, use) => commits.submit(commit, use) }
    const entries = yield* batcher((keys: ReadonlyArray<FullKey>) => backend.read(keys, "entry"), limits.readsMax)
    const metas = yield* batcher((keys: ReadonlyArray<FullKey>) => backend.read(keys, "meta"), limits.readsMax)
    return {
      read: (key, select, use) => (select === "entry" ? entries : metas).submit(key, use),
      commit: (commit, use) => commits.submit(commit, use)
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
  readonly #start: (batch: Batch<Reply>, onExit: (exit: Exit.Exit<ReadonlyArray<Reply | Later>>) => void) => void
  readonly #batchMax: number
  readonly #inFlightMax: number
  readonly #synchronous: boolean
  #waiting: Array<Call<Request, Reply | Fault>> = []
  #callsInFlight = 0
  #batchesInFlight = 0
  #flushScheduled = false
  #lastCaller = -1
  #closed = false
  #onDrained = () => {}

  constructor(
    run: (requests: ReadonlyArray<Request>) => Batch<Reply>,
    start: (batch: Batch<Reply>, onExit: (exit: Exit.Exit<ReadonlyArray<Reply | Later>>) => void) => void,
    batchMax: number,
    limits: { readonly inFlightMax: number; readonly synchronous?: boolean | undefined }
  ) {
    this.#run = run
    this.#start = start
    this.#batchMax = batchMax
    this.#inFlightMax = limits.inFlightMax
    this.#synchronous = limits.synchronous ?? false
  }

  submit<A, E>(request: Request, use: (reply: Reply | Fault) => Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.withFiberRuntime((fiber, status) => {
      if (this.#synchronous && this.#isAlone(fiber.id().id)) {
        return Effect.flatMap(this.#run([request]), (replies) => useInTime(first(replies), use))
      }
      // Exactly one parameter, and nothing returned: each would cost every call, and the flush looks for itself.
      const reply = Effect.async<Reply | Fault>((resume) => {
        if (this.#closed) return resume(Effect.succeed(closedFault))
        this.#waiting.push({
          request,
          resume,
          caller: RuntimeFlags.interruptible(status.runtimeFlags) ? fiber : undefined
        })
        this.#scheduleFlush()
      })
      return Effect.flatMap(reply, use)
    })
  }

  /** A caller that comes twice in a row has no company; the first call of another one shows that it may have. */
  #isAlone(caller: number): boolean {
    const alone = caller === this.#lastCaller && this.#waiting.length === 0 && this.#batchesInFlight === 0
    this.#lastCaller = caller
    return alone && !this.#closed
  }

  readonly close: Effect.Effect<void> = Effect.async((resume) => {
    this.#closed = true
    for (const call of this.#waiting.splice(0)) call.resume(Effect.succeed(closedFault))
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

  #flush(): void {
    while (this.#waiting.length > 0 && this.#batchesInFlight < this.#inFlightMax) {
      const half = Math.ceil((this.#waiting.length + this.#callsInFlight) / 2)
      const size = this.#synchronous ? this.#batchMax : Math.min(this.#batchMax, Math.max(batchMin, half))
      const calls = this.#waiting.splice(0, size).filter(isWanted)
      if (calls.length > 0) this.#send(calls)
    }
  }

  #send(calls: ReadonlyArray<Call<Request, Reply | Fault>>): void {
    this.#callsInFlight += calls.length
    this.#batchesInFlight += 1
    this.#start(this.#run(calls.map((call) => call.request)), (exit) => {
      this.#callsInFlight -= calls.length
      this.#batchesInFlight -= 1
      answer(calls, exit)
      if (this.#waiting.length > 0) this.#scheduleFlush()
      if (this.#batchesInFlight === 0) this.#onDrained()
    })
  }
}

/** Fewer calls than these are not worth splitting into two batches. */
const batchMin = 8

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
  for (const [i, call] of calls.entries()) {
    const reply = exit.value[i]
    call.resume(
      i < exit.value.length
        ? inTime(reply as Reply | Later) // In bounds; a reply may itself be undefined.
        : Effect.dieMessage(`A batch of ${calls.length} calls got ${exit.value.length} replies`)
    )
  }
}

const inTime = <Reply>(reply: Reply | Later): Effect.Effect<Reply> =>
  // Only the replies to commits, outcomes, come later.
  isLater(reply) ? (reply.outcome as Effect.Effect<unknown> as Effect.Effect<Reply>) : Effect.succeed(reply)

const useInTime = <Reply, A, E>(
  reply: Reply | Later,
  use: (reply: Reply) => Effect.Effect<A, E>
): Effect.Effect<A, E> => (isLater(reply) ? Effect.flatMap(inTime<Reply>(reply), use) : use(reply))

const isLater = <Reply>(reply: Reply | Later): reply is Later =>
  typeof reply === "object" && reply !== null && "_tag" in reply && reply._tag === "Later"

const first = <A>(replies: ReadonlyArray<A>): A => {
  if (replies.length !== 1) throw new Error(`A batch of one call got ${replies.length} replies`)
  return replies[0] as A // Just counted; the item may itself be undefined.
}
