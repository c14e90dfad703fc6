/**
 * Waiting until replicas have what was written.
 *
 * @since 0.1.0
 */
import { fault, type Outcome } from "../../store/Backend.ts"
import type { Connection } from "./connection.ts"

/**
 * How many replicas must have a write before it counts as done, and how long to wait for them.
 *
 * @since 0.1.0
 * @category models
 */
export interface WaitReplicas {
  readonly count: number
  readonly timeoutMs: number
}

/** Takes how many replicas have all that was written before it was asked; `undefined` if nobody knows. */
type Asker = (replicas: number | undefined, cause: unknown) => void

/**
 * While the server waits for replicas it answers nothing else on the connection. So a connection has one such question
 * at a time, for all writes before it; who comes meanwhile shares the next one. Nobody waits longer than for two of them.
 *
 * @since 0.1.0
 * @category models
 */
export class Replicas {
  readonly #options: WaitReplicas
  readonly #askers = new WeakMap<Connection, Array<Asker>>()

  constructor(options: WaitReplicas) {
    this.#options = options
  }

  /** Outcomes of writes that are done; those that too few replicas have may yet be lost, and are unknown. */
  confirm(
    connection: Connection,
    outcomes: ReadonlyArray<Outcome>,
    done: (outcomes: ReadonlyArray<Outcome>) => void
  ): void {
    if (!outcomes.some((outcome) => outcome._tag === "Committed")) {
      done(outcomes)
      return
    }
    const asker: Asker = (replicas, cause) =>
      done(replicas !== undefined && replicas >= this.#options.count ? outcomes : doubt(outcomes, cause))
    const waiting = this.#askers.get(connection)
    if (waiting !== undefined) {
      waiting.push(asker)
      return
    }
    this.#askers.set(connection, [])
    this.#ask(connection, [asker])
  }

  #ask(connection: Connection, askers: ReadonlyArray<Asker>): void {
    const { count, timeoutMs } = this.#options
    connection.send("write", ["WAIT", String(count), String(timeoutMs)], (fault, reply) => {
      const next = this.#askers.get(connection) ?? []
      if (next.length === 0) this.#askers.delete(connection)
      else {
        this.#askers.set(connection, [])
        this.#ask(connection, next)
      }
      for (const asker of askers) asker(fault === undefined ? Number(reply) : undefined, fault?.cause)
    })
  }
}

const doubt = (outcomes: ReadonlyArray<Outcome>, cause: unknown): ReadonlyArray<Outcome> =>
  outcomes.map((outcome) =>
    outcome._tag === "Committed"
      ? fault("unavailable", "too few replicas took the write in time", { outcome: "unknown", cause })
      : outcome
  )
