/**
 * The connections of a store.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Fault, Gate } from "../../store/Backend.ts"
import type { Connection } from "./connection.ts"

/**
 * @since 0.1.0
 * @category models
 */
export class Connections {
  readonly #all: ReadonlyArray<Connection>
  #turn = 0

  constructor(all: ReadonlyArray<Connection>) {
    this.#all = all
  }

  /** The next one that is ready, in turn; any of them if there is none. */
  get next(): Connection {
    const count = this.#all.length
    for (let looked = 1; looked < count; looked++) {
      const connection = this.#all[this.#turn++ % count]
      if (connection?.isReady === true) return connection
    }
    return this.#all[this.#turn++ % count] as Connection // There is at least one.
  }

  /** It is open while one of them is ready. */
  readonly gate: Gate = {
    isOpen: () => this.#all.some(({ isReady }) => isReady),
    wait: (done) => {
      let missing = this.#all.length
      for (const connection of this.#all) {
        connection.whenReady((fault) => {
          if (missing === 0) return
          missing = fault === undefined ? 0 : missing - 1
          if (missing === 0) done(fault)
        })
      }
    }
  }

  /** Runs an effect while the gate is open; whoever is interrupted before has nothing sent. */
  whenOpen<A>(effect: Effect.Effect<A>, otherwise: (fault: Fault) => A): Effect.Effect<A> {
    return Effect.suspend(() =>
      this.gate.isOpen()
        ? effect
        : Effect.flatMap(
            Effect.async<Fault | undefined>((resume) => this.gate.wait((fault) => resume(Effect.succeed(fault)))),
            (fault) => (fault === undefined ? effect : Effect.succeed(otherwise(fault)))
          )
    )
  }
}
