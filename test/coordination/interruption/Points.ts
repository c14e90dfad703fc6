/**
 * Interrupting an effect at every point: before each operation that a fiber of it runs, and whenever one of them waits.
 *
 * A scheduler is asked before each operation, and a supervisor told of each wait. Neither slows anything down or changes the
 * order of things: real input and output goes on as ever, and a fiber is interrupted just where it is.
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"
import * as Supervisor from "effect/Supervisor"

/**
 * The n-th operation; the n-th wait, at once; or the n-th wait when the event loop has come round and what was to be sent is
 * on its way.
 */
export interface Point {
  readonly at: "operation" | "wait" | "wait, a turn later"
  readonly n: number
}

/** Lets what it watches come to a point, and interrupts its target there. */
class Gate extends Supervisor.AbstractSupervisor<void> implements Scheduler.Scheduler {
  readonly value = Effect.void
  readonly #point: Point
  readonly #everywhere: boolean
  #count = 0
  readonly #unstarted = new Set<Fiber.RuntimeFiber<unknown, unknown>>()
  reached = false
  target: Fiber.RuntimeFiber<unknown, unknown> | undefined

  constructor(point: Point, everywhere: boolean) {
    super()
    this.#point = point
    this.#everywhere = everywhere
  }

  shouldYield(fiber: Fiber.RuntimeFiber<unknown, unknown>): number | false {
    // It yields, so that the interruption comes before the operation.
    if (this.#point.at === "operation" && this.#step()) return 0
    return Scheduler.defaultScheduler.shouldYield(fiber)
  }

  scheduleTask(...task: Parameters<Scheduler.Scheduler["scheduleTask"]>): void {
    Scheduler.defaultScheduler.scheduleTask(...task)
  }

  override onStart<A, E, R>(
    _context: Context.Context<R>,
    _effect: Effect.Effect<A, E, R>,
    _parent: Option.Option<Fiber.RuntimeFiber<unknown, unknown>>,
    fiber: Fiber.RuntimeFiber<A, E>
  ): void {
    this.#unstarted.add(fiber)
  }

  override onResume(fiber: Fiber.RuntimeFiber<unknown, unknown>): void {
    this.#unstarted.delete(fiber)
  }

  override onSuspend(): void {
    if (this.#point.at !== "operation") this.#step()
  }

  readonly watch = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    effect.pipe(Effect.withScheduler(this), Effect.supervised(this))

  #step(): boolean {
    this.#count++
    if (this.reached || this.#count < this.#point.n) return false
    if (!this.#everywhere && this.#unstarted.size > 0) return false
    this.reached = true
    if (this.#point.at === "wait, a turn later") setImmediate(() => this.#interrupt())
    else this.#interrupt()
    return true
  }

  #interrupt(): void {
    if (this.target !== undefined) Effect.runSync(Fiber.interruptAsFork(this.target, FiberId.none))
  }
}

export type Watch = Gate["watch"]

export interface Interrupted<A, E> {
  readonly exit: Exit.Exit<A, E>
  /** Whether it came to the point; else it was over before. */
  readonly reached: boolean
}

/**
 * Runs an effect in a fiber of its own, and interrupts it at a point of what it watches. It has to end soon after.
 *
 * Effect's own races and concurrent loops make fibers first and start them an operation later: if they are interrupted in
 * between, they wait for those fibers for ever. So no point is there, unless everywhere is to be one.
 */
export const interruptAt = <A, E, R>(
  point: Point,
  effect: (watch: Watch) => Effect.Effect<A, E, R>,
  { everywhere = false }: { readonly everywhere?: boolean } = {}
): Effect.Effect<Interrupted<A, E>, string, R> =>
  Effect.gen(function* () {
    const gate = new Gate(point, everywhere)
    const fiber = yield* Effect.forkDaemon(effect(gate.watch))
    gate.target = fiber
    const exit = yield* soon(Fiber.await(fiber), "it does not end")
    return { exit, reached: gate.reached }
  })

/**
 * The points of an effect in turn, until it gets through without coming to one; gives their number. All waits are among them;
 * of the operations behind the first `denseMax` only each `stride`-th, unless all are asked for.
 */
export const everyPoint = <E, R>(
  run: (point: Point) => Effect.Effect<boolean, E, R>,
  { denseMax, stride }: { readonly denseMax: number; readonly stride: number }
): Effect.Effect<number, E, R> =>
  Effect.gen(function* () {
    let points = 0
    for (const at of ["operation", "wait", "wait, a turn later"] as const) {
      const step = (n: number) => (isExhaustive || at !== "operation" || n < denseMax ? 1 : stride)
      for (let n = 1; yield* run({ at, n }); n += step(n)) points++
    }
    return points
  })

/** `npm run test:chaos` stops at each operation, which takes many times as long. */
export const isExhaustive = process.env.INTERRUPT_AT_ALL !== undefined

/** Bounds what should take no time. */
export const soon = <A, E, R>(effect: Effect.Effect<A, E, R>, otherwise: string): Effect.Effect<A, E | string, R> =>
  Effect.timeoutFail(effect, { duration: "5 seconds", onTimeout: () => otherwise })
