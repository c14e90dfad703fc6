/**
 * The context of a conversation: where its machine stands, and what was gathered.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type { DeliveryError, Transitioned } from "./Delivery.ts"
import type { UnknownState } from "./MachineError.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface SendOptions {
  /**
   * An id of this event, in this context. Delivered again under the same id it changes nothing, and is answered as the first
   * time, a refusal included.
   */
  readonly id?: string | undefined
}

/**
 * One context of a machine. `S` and `E` are the machine's states and events, `D` its data; `X` is what `send` may fail
 * with besides, `W` what every write may.
 *
 * @since 0.1.0
 * @category models
 */
export interface Context<S, E, D, X, W> {
  /** The key under which it is stored. */
  readonly key: string
  /**
   * Delivers an event. State, data and message are written in one commit, then the effects run; an event that the machine
   * refuses changes nothing. If another writer comes in between, the event meets the state that he left.
   */
  readonly send: (event: E, options?: SendOptions) => Effect.Effect<Transitioned<S>, DeliveryError | X | W>
  /** The state: the initial one where none is stored. */
  readonly getState: Effect.Effect<S, ReadError | UnknownState>
  /** Sets the state, whatever it is now: no transition, no guard, no effect. */
  readonly setState: (state: S) => Effect.Effect<void, ReadError | WriteError | W>
  /** What was gathered: nothing where none is stored. */
  readonly getData: Effect.Effect<D, ReadError>
  /** Sets all data. */
  readonly setData: (data: D) => Effect.Effect<void, ReadError | WriteError | W>
  /** Lays fields over the data, atomically, and gives all of it; other fields stay, also when others change them at once. */
  readonly updateData: (fields: Partial<D>) => Effect.Effect<D, ReadError | WriteError | VersionConflict | W>
  /** Drops state and data in one commit: the context is as new. What was answered under an id stays answered. */
  readonly clear: Effect.Effect<void, ReadError | WriteError | W>
}
