/**
 * Calls gathered into batches.
 *
 * A caller that is alone is sent at once. A call that finds nobody under way goes out at the end of its tick, with all of
 * that tick. Under load a batch takes about half of all calls that are waiting or under way, so that the server works on
 * one batch while the answers of another are handed out; and where far fewer wait than are under way, they wait for more
 * to come, though not for long. No caller's interruption reaches a batch, and an interrupted call that was not sent yet is
 * withdrawn: so what can't be sent is kept here, and not by the backend.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as FiberStatus from "effect/FiberStatus"
import * as RuntimeFlags from "effect/RuntimeFlags"
import { closedFault, type Fault, type Gate, type Later } from "./Backend.ts"

/**
 * What becomes of a batch: a reply for each request, in order.
 *
 * @since 0.1.0
 * @category models
 */
export type Replies<Reply> = Exit.Exit<ReadonlyArray<Reply | Later>>

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Request, Reply> {
  /** Sends a batch, and tells what became of it, once, whatever that is; or throws, and has not told anything. */
  readonly send: (requests: ReadonlyArray<Request>, done: (replies: Replies<Reply>) => void) => void
  /** The same for one request in its caller's fiber, where nobody else is waited for. */
  readonly sendAlone?: ((request: Request) => Effect.Effect<Reply | Fault>) | undefined
  /** Whether a caller that is alone goes straight through; false where it was asked before it came. */
  readonly looksForCompany: boolean
  readonly batchMax: number
  /** The fewest calls that make half of all: where these would be fewer, all who wait make one batch. Default 2. */
  readonly halfMin?: number | undefined
  /** The most batches under way at once; if it is one, all who wait go in it. */
  readonly inFlightMax: number
  /** While it is shut, calls are kept here, for as long as it says. */
  readonly gate?: Gate | undefined
}

type Calls<Request, Reply> = ReadonlyArray<Call<Request, Reply>>

/**
 * @since 0.1.0
 * @category models
 */
export class Batcher<Request, Reply> {
  readonly #options: Options<Request, Reply>
  readonly #waiting: Array<Call<Request, Reply>> = []
  /** Those that wait for the gate, and are not sent before they were in `#waiting` again. */
  readonly #kept = new Set<Calls<Request, Reply>>()
  /** What comes later than its batch, and is waited for. */
  readonly #later = new Set<Later>()
  #callsInFlight = 0
  #batchesInFlight = 0
  #flushScheduled = false
  #patience: ReturnType<typeof setTimeout> | undefined
  #lastCaller = -1
  #closed = false
  #onDrained = () => {}

  constructor(options: Options<Request, Reply>) {
    this.#options = options
  }

  /** Sends a request with others, and makes of its reply what the caller gets; to be run by the caller's fiber. */
  submit<A, E>(
    request: Request,
    answer: (reply: Reply | Fault) => Effect.Effect<A, E>,
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    status: FiberStatus.Running
  ): Effect.Effect<A, E> {
    const alone = this.#options.looksForCompany && this.isAlone(fiber)
    if (alone && this.#options.sendAlone !== undefined) {
      return Effect.flatMap(this.#options.sendAlone(request), answer)
    }
    // Exactly one parameter, and nothing returned: each would cost every call, and the flush looks for itself.
    return Effect.async<A, E>((resume) => {
      if (this.#closed) return resume(answer(closedFault))
      const caller = RuntimeFlags.interruptible(status.runtimeFlags) ? fiber : undefined
      this.#waiting.push(new Submitted(request, caller, answer, resume))
      if (alone && this.#options.gate?.isOpen() !== false) this.#send(this.#waiting.splice(0))
      else this.#scheduleFlush()
    })
  }

  /** A caller that comes twice in a row has no company; the first call of another one shows that it may have. */
  isAlone(caller: Fiber.RuntimeFiber<unknown, unknown>): boolean {
    const { id } = caller.id()
    const alone = id === this.#lastCaller && this.#waiting.length === 0 && this.#batchesInFlight === 0
    this.#lastCaller = id
    return alone && !this.#closed
  }

  /** Refuses what was not sent yet, and waits for what was. */
  readonly close: Effect.Effect<void> = Effect.zipRight(
    Effect.async<void>((resume) => {
      this.#closed = true
      for (const calls of [this.#waiting.splice(0), ...this.#kept]) {
        for (const call of calls) call.reply(closedFault)
      }
      this.#kept.clear()
      this.#onDrained = () => resume(Effect.void)
      if (this.#batchesInFlight === 0) this.#onDrained()
    }),
    Effect.suspend(() => Effect.forEach([...this.#later], ({ outcome }) => outcome, { discard: true }))
  )

  #scheduleFlush(): void {
    if (this.#flushScheduled) return
    this.#flushScheduled = true
    queueMicrotask(() => {
      this.#flushScheduled = false
      this.#flush()
    })
  }

  /** The same, which closing waits for while its caller does. */
  readonly #awaited = (later: Later): Later => ({
    _tag: "Later",
    outcome: Effect.acquireUseRelease(
      Effect.sync(() => this.#later.add(later)),
      () => later.outcome,
      () => Effect.sync(() => this.#later.delete(later))
    )
  })

  /** Far fewer calls than are under way wait for company: another small batch costs the server more than it saves in time. */
  #flush(isPatient = true): void {
    const { batchMax, gate, halfMin = 2, inFlightMax } = this.#options
    if (gate?.isOpen() === false) {
      this.#keep(gate, this.#waiting.splice(0))
      return
    }
    while (this.#waiting.length > 0 && this.#batchesInFlight < inFlightMax) {
      if (isPatient && this.#waiting.length < Math.floor(this.#callsInFlight * companyMin)) {
        this.#startPatience()
        return
      }
      const half = Math.ceil((this.#waiting.length + this.#callsInFlight) / 2)
      const splits = inFlightMax > 1 && half >= halfMin
      const calls = this.#waiting.splice(0, splits ? Math.min(half, batchMax) : batchMax).filter(isWanted)
      if (calls.length > 0) this.#send(calls)
    }
  }

  #keep(gate: Gate, calls: Calls<Request, Reply>): void {
    if (calls.length === 0) return
    this.#kept.add(calls)
    gate.wait((fault) => {
      if (!this.#kept.delete(calls)) return
      for (const call of calls) {
        if (fault === undefined) this.#waiting.push(call)
        else call.reply(fault)
      }
      this.#scheduleFlush()
    })
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
    const done = (replies: Replies<Reply>) => {
      this.#callsInFlight -= calls.length
      this.#batchesInFlight -= 1
      settle(calls, replies, this.#awaited)
      if (this.#waiting.length > 0) this.#scheduleFlush()
      if (this.#batchesInFlight === 0) this.#onDrained()
    }
    const requests = calls.map((call) => call.request)
    try {
      this.#options.send(requests, done)
    } catch (defect) {
      done(Exit.die(defect))
    }
  }
}

/** Calls go without more company if they are this part of those under way, rounded down: so the two halves of 13 are enough. */
const companyMin = 3 / 4

/** How long a call may wait for company while a batch is under way, in milliseconds. */
const patienceMs = 5

/** A request that waits for its reply. */
interface Call<Request, Reply> {
  readonly request: Request
  /** The calling fiber, if interrupting it takes the call back. */
  readonly caller: Fiber.RuntimeFiber<unknown, unknown> | undefined
  readonly reply: (reply: Reply | Later | Fault) => void
  readonly fail: (cause: Cause.Cause<never>) => void
}

class Submitted<Request, Reply, A, E> implements Call<Request, Reply> {
  readonly request: Request
  readonly caller: Fiber.RuntimeFiber<unknown, unknown> | undefined
  readonly #answer: (reply: Reply | Fault) => Effect.Effect<A, E>
  readonly #resume: (effect: Effect.Effect<A, E>) => void

  constructor(
    request: Request,
    caller: Fiber.RuntimeFiber<unknown, unknown> | undefined,
    answer: (reply: Reply | Fault) => Effect.Effect<A, E>,
    resume: (effect: Effect.Effect<A, E>) => void
  ) {
    this.request = request
    this.caller = caller
    this.#answer = answer
    this.#resume = resume
  }

  reply(reply: Reply | Later | Fault): void {
    // What throws here is the caller's own, as its codec: nobody else may hear of it.
    try {
      this.#resume(isLater(reply) ? Effect.flatMap(inTime<Reply | Fault>(reply), this.#answer) : this.#answer(reply))
    } catch (defect) {
      this.#resume(Effect.die(defect))
    }
  }

  fail(cause: Cause.Cause<never>): void {
    this.#resume(Effect.failCause(cause))
  }
}

/** A caller that was interrupted while it waited is gone, or about to go: nobody wants the answer. */
const isWanted = (call: { readonly caller: Fiber.RuntimeFiber<unknown, unknown> | undefined }): boolean =>
  call.caller === undefined || Cause.isEmpty(call.caller.getFiberRef(FiberRef.interruptedCause))

const settle = <Reply>(calls: Calls<unknown, Reply>, exit: Replies<Reply>, awaited: (later: Later) => Later): void => {
  if (Exit.isFailure(exit)) {
    for (const call of calls) call.fail(exit.cause)
    return
  }
  const replies = exit.value
  for (let i = 0; i < calls.length; i++) {
    const reply = replies[i] as Reply | Later // It may itself be undefined.
    if (i < replies.length) calls[i]?.reply(isLater(reply) ? awaited(reply) : reply)
    else calls[i]?.fail(Cause.die(new Error(`A batch of ${calls.length} calls got ${replies.length} replies`)))
  }
}

/**
 * A reply, once it is there.
 *
 * @since 0.1.0
 * @category running
 */
export const inTime = <Reply>(reply: Reply | Later): Effect.Effect<Reply> =>
  // Only the replies to commits, outcomes, come later.
  isLater(reply) ? (reply.outcome as Effect.Effect<unknown> as Effect.Effect<Reply>) : Effect.succeed(reply)

const isLater = <Reply>(reply: Reply | Later): reply is Later =>
  typeof reply === "object" && reply !== null && "_tag" in reply && reply._tag === "Later"
