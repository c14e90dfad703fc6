/**
 * Fibers that stay, to run one effect after another: to fork a fiber for each costs more than a small effect does.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

/**
 * Runs effects, each in a fiber that has none: as many fibers as there were effects at once. No caller's interruption
 * reaches them.
 *
 * @since 0.1.0
 * @category models
 */
export class Lanes {
  readonly #fork: (lane: Effect.Effect<void>) => void
  /** What gives the fibers that have nothing to run their next effect, or none any more. */
  readonly #idle: Array<(next: Job | undefined) => void> = []
  #closed = false

  constructor(fork: (lane: Effect.Effect<void>) => void) {
    this.#fork = fork
  }

  /** Runs an effect, and tells its exit. */
  run<A>(effect: Effect.Effect<A>, onExit: (exit: Exit.Exit<A>) => void): void {
    const job: Job = Effect.flatMap(Effect.exit(effect), (exit) => this.#rest(() => onExit(exit)))
    const next = this.#idle.pop()
    if (next === undefined) this.#fork(lane(job))
    else next(job)
  }

  /** Ends each fiber once it has nothing to run. */
  close(): void {
    this.#closed = true
    for (const end of this.#idle.splice(0)) end(undefined)
  }

  /** Waits for the next job; the fiber is free for it before anybody hears that the last one is done. */
  #rest(onEnd: () => void): Effect.Effect<Job | undefined> {
    return Effect.async<Job | undefined>((resume) => {
      if (this.#closed) resume(Effect.succeed(undefined))
      else this.#idle.push((job) => resume(Effect.succeed(job)))
      onEnd()
    })
  }
}

/** It gives the next one. */
type Job = Effect.Effect<Job | undefined>

const lane = (first: Job): Effect.Effect<void> => {
  let job: Job | undefined = first
  return Effect.whileLoop({
    while: () => job !== undefined,
    body: () => job ?? Effect.succeed(undefined),
    step: (next) => {
      job = next
    }
  })
}
