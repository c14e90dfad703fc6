/**
 * A connection that says the truth about what it sent.
 *
 * A read waits for the connection to be ready, up to its deadline; a write does not, as nobody may want it any more by
 * then: who has one waits first. A command that was sent and not answered is never sent again. The driver's own queue and
 * resending are off: it would repeat what may have been applied. Deadlines are of the process's own time, which nobody sets.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Redis } from "ioredis"
import type { Fault } from "../../store/Backend.ts"
import { type Access, fromError } from "./faults.ts"
import { type Argument, encode, encodeAfter, type Reply, Request } from "./request.ts"
import type { Script } from "./scripts/Script.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long a command may take, waiting for the connection included. */
  readonly commandTimeoutMs: number
  /** Whether the connection is this store's own, and may be cut when it hangs. */
  readonly owned: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export class Connection {
  readonly client: Redis
  readonly #options: Options
  readonly #waiting = new Set<() => void>()
  /**
   * What was sent, in no order; a request knows its place. A `Set` would keep all that ever were in it: its table is made
   * anew every few requests, and each old one points to the next, which the collector of young garbage takes for a use.
   */
  readonly #unanswered: Array<Request> = []
  /** Goes off at the first deadline or before, if any command is under way. */
  #timer: NodeJS.Timeout | undefined
  #firesMs = 0
  #detached = false
  readonly #onReady = () => {
    for (const wake of [...this.#waiting]) wake()
  }

  constructor(client: Redis, options: Options) {
    this.client = client
    this.#options = options
    // The driver reconnects by itself, and each command gets an error of its own: nothing is left to do here.
    client.on("error", ignore)
    client.on("ready", this.#onReady)
  }

  /** Lets go of the client: no call goes out any more, and those that wait for it to be ready fail. */
  detach(): void {
    this.#detached = true
    this.#onReady()
    this.client.off("ready", this.#onReady)
    this.client.off("error", ignore)
  }

  /** Whether what is sent now goes out: the driver calls itself ready for a while after its socket was closed. */
  get isReady(): boolean {
    return this.client.status === "ready" && this.client.stream.writable && !this.#detached
  }

  /** Tells when it is ready, or why it was not in the time of a command. */
  whenReady(done: (fault: Fault | undefined) => void): void {
    this.#whenReady(performance.now() + this.#options.commandTimeoutMs, (isReady) =>
      done(isReady ? undefined : unreachable)
    )
  }

  /** Sends a command: its name, and its arguments. */
  command(access: Access, ...args: readonly [string, ...ReadonlyArray<Argument>]): Effect.Effect<Reply, Fault> {
    return Effect.async((resume) => this.send(access, args, resumed(resume)))
  }

  /** Runs a script; a server that does not know it (yet, or any more) is told, which is safe: nothing ran. */
  script(
    access: Access,
    script: Script,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<Argument>
  ): Effect.Effect<Reply, Fault> {
    return Effect.async((resume) => this.sendScript(access, script, keys, args, resumed(resume)))
  }

  /** As `command`, for who needs no fiber. */
  send(access: Access, args: readonly [string, ...ReadonlyArray<Argument>], done: Done): void {
    this.#send(access, args[0], encode(args), done)
  }

  /** As `script`, for who needs no fiber. */
  sendScript(
    access: Access,
    script: Script,
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<Argument>,
    done: Done
  ): void {
    const wire = encodeAfter([String(keys.length), ...keys, ...args])
    this.#send(access, "EVALSHA", wire("EVALSHA", script.sha), (fault, reply) => {
      if (fault !== undefined && isNoScript(fault)) this.#send(access, "EVAL", wire("EVAL", script.text), done)
      else done(fault, reply)
    })
  }

  #send(access: Access, name: string, wire: Buffer, done: Done): void {
    this.#attempt(new Call(access, name, wire, performance.now() + this.#options.commandTimeoutMs, done))
  }

  #attempt(call: Call): void {
    if (!this.isReady) {
      this.#hold(call)
      return
    }
    const request = new Request(call.name, call.wire, call.deadlineMs, (error, reply) => {
      this.#forget(request)
      if (error === undefined) return call.done(undefined, reply)
      if (!request.sent) return this.#hold(call)
      if (this.#options.owned && error === late) this.client.disconnect(true)
      call.done(fromError(error, call.access, true), null)
    })
    request.place = this.#unanswered.push(request) - 1
    this.#watch(call.deadlineMs)
    this.client.sendCommand(request)
  }

  #forget({ place }: Request): void {
    const last = this.#unanswered.pop()
    if (last === undefined || place === this.#unanswered.length) return
    last.place = place
    this.#unanswered[place] = last
  }

  /** Sees to it that a deadline is not missed: a timer for each command would cost a good part of it. */
  #watch(deadlineMs: number): void {
    if (this.#timer !== undefined && this.#firesMs <= deadlineMs) return
    clearTimeout(this.#timer)
    this.#firesMs = deadlineMs
    this.#timer = setTimeout(this.#failLate, deadlineMs - performance.now()).unref()
  }

  readonly #failLate = (): void => {
    this.#timer = undefined
    const nowMs = performance.now()
    // Who is rejected leaves the list, and may have another command sent.
    for (const request of this.#unanswered.filter(({ deadlineMs }) => deadlineMs <= nowMs)) request.reject(late)
    const next = this.#unanswered.reduce((next, { deadlineMs }) => Math.min(next, deadlineMs), Number.POSITIVE_INFINITY)
    if (next !== Number.POSITIVE_INFINITY) this.#watch(next)
  }

  /** Tries a read again when the connection is ready. */
  #hold(call: Call): void {
    if (call.access === "write") {
      call.done(unreachable, null)
      return
    }
    this.#whenReady(call.deadlineMs, (isReady) => {
      if (isReady) this.#attempt(call)
      else call.done(unreachable, null)
    })
  }

  /** What is late is not ready any more, be the connection so or not. */
  #whenReady(deadlineMs: number, done: (isReady: boolean) => void): void {
    const remainingMs = deadlineMs - performance.now()
    if (remainingMs <= 0 || this.#detached || this.client.status === "end") {
      done(false)
      return
    }
    if (this.client.status === "wait") this.client.connect().catch(ignore)
    const wake = () => {
      clearTimeout(timer)
      this.#waiting.delete(wake)
      done(this.isReady && performance.now() < deadlineMs)
    }
    const timer = setTimeout(wake, remainingMs)
    this.#waiting.add(wake)
  }
}

/**
 * Takes the reply of a command, or why there is none.
 *
 * @since 0.1.0
 * @category models
 */
export type Done = (fault: Fault | undefined, reply: Reply) => void

/** A command on its way. A class, and no literal: see "Objects that wait" in docs/ARCHITECTURE.md. */
class Call {
  readonly access: Access
  readonly name: string
  readonly wire: Buffer
  readonly deadlineMs: number
  readonly done: Done

  constructor(access: Access, name: string, wire: Buffer, deadlineMs: number, done: Done) {
    this.access = access
    this.name = name
    this.wire = wire
    this.deadlineMs = deadlineMs
    this.done = done
  }
}

const resumed =
  (resume: (effect: Effect.Effect<Reply, Fault>) => void): Done =>
  (fault, reply) =>
    resume(fault === undefined ? Effect.succeed(reply) : Effect.fail(fault))

const unreachable = fromError(new Error("The connection is not ready"), "write", false)

const late = new Error("The command timed out")

const isNoScript = ({ cause }: Fault): boolean => cause instanceof Error && cause.message.startsWith("NOSCRIPT")

/** What fails here is told elsewhere: each command has its own error. */
const ignore = (): void => {}
