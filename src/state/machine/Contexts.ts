/**
 * The contexts of a machine in a store.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Lock from "../../coordination/lock/Lock.ts"
import * as Atomic from "../../store/Atomic.ts"
import type { Codec } from "../../store/Codec.ts"
import type { Placement } from "../../store/Namespace.ts"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import * as SubjectKey from "../SubjectKey.ts"
import type { Context } from "./Context.ts"
import type { StateMachine } from "./Definition.ts"
import type * as Delivery from "./Delivery.ts"
import * as Effects from "./Effects.ts"
import * as Handle from "./Handle.ts"
import type { EffectFailed, UnknownState } from "./MachineError.ts"
import type { Tagged } from "./Members.ts"
import * as Records from "./Records.ts"
import type { Edge } from "./Table.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<S extends Tagged, E extends Tagged, D, M, X extends Edge, R, K, I extends Isolation, In, Out> {
  readonly machine: StateMachine<S, E, D, M, X, R>
  /** The key of a context's id; a strategy of `ConversationKey`, say. Default: the id is the key. */
  readonly key?: ((id: K) => string) | undefined
  /** How long each part of a context lives. */
  readonly ttl?: Records.Ttl | undefined
  /**
   * Whether a context takes one event at a time: its lock is taken before the state is read, and held until the effects are
   * through. Without it, events that come together are put in a line by their commits, and their effects may overlap.
   */
  readonly isolation?: I | undefined
  /** What runs when a state was entered. */
  readonly entry?: (In & Effects.Effects<S, E, D, K> & Effects.Known<In, S>) | undefined
  /** What runs when a state was left. */
  readonly exit?: (Out & Effects.Effects<S, E, D, K> & Effects.Known<Out, S>) | undefined
  /** The segment of the namespace. Default: the tag's id. */
  readonly namespace?: string | undefined
  /** Which contexts live together: see `Namespace`. */
  readonly placement?: Placement | undefined
  /** Keys are secrets: errors show a hash instead. */
  readonly secretKeys?: boolean | undefined
  /** How all parts of a context are stored: see `Codec`. Default: as the store says. */
  readonly codec?: Codec | undefined
}

/**
 * Whether events are isolated, and how their lock is taken.
 *
 * @since 0.1.0
 * @category options
 */
export type Isolation = boolean | Lock.Options

/**
 * What isolation adds to the errors of `send`.
 *
 * @since 0.1.0
 * @category errors
 */
export type IsolationError<I extends Isolation> = [I] extends [false] ? never : Lock.AcquireError | Lock.LockLost

/**
 * What effects add to the errors of `send`.
 *
 * @since 0.1.0
 * @category errors
 */
export type EffectError<S, Failure> = [Failure] extends [never]
  ? never
  : EffectFailed<Failure, Delivery.Transitioned<S>>

/**
 * A message in the outbox.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message<M> {
  /** The key of the context that it comes from. */
  readonly key: string
  readonly message: M
  /** The version of the transition's commit: it orders the messages of a context. */
  readonly version: Version
  /** When it was committed, by the store's clock, in milliseconds since the epoch. */
  readonly atMs: number
  /** Takes it out of the outbox, and tells whether it was there. */
  readonly remove: Effect.Effect<boolean, WriteError>
}

/**
 * Contexts of a machine by their ids. `X` is what effects add to the errors of `send`, `I` what isolation does.
 *
 * @since 0.1.0
 * @category models
 */
export interface Contexts<S, E, D, M, K, X, I> {
  /** The context of an id. Nothing is read, and nothing written, until it is asked to. */
  readonly at: (id: K) => Context<S, E, D, X | I, never>
  /**
   * Runs a handler that has a context to itself: its lock is taken before and held until it ends. What it sends and writes goes
   * through only while the lock is held; a handler who lost it is interrupted with `LockLost`.
   */
  readonly isolated: (
    id: K,
    options?: Lock.Options
  ) => <A, E2, R2>(
    handler: (context: Context<S, E, D, X, Lock.LockLost | VersionConflict>) => Effect.Effect<A, E2, R2>
  ) => Effect.Effect<A, E2 | Lock.AcquireError | Lock.LockLost, R2>
  /** The keys and states of all contexts that have one stored. */
  readonly states: Stream.Stream<readonly [key: string, state: S], ReadError | UnknownState>
  /** The messages in the outbox, context by context, each context's in their order. Whoever has sent one removes it. */
  readonly outbox: Stream.Stream<Message<M>, ReadError>
}

/**
 * The contexts of a machine in a store; the services that schemas and effects need are taken from the context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  S extends Tagged,
  E extends Tagged,
  D,
  M,
  X extends Edge,
  R,
  K = string,
  const I extends Isolation = false,
  In = Record<never, never>,
  Out = Record<never, never>
>(
  id: string,
  options: Options<S, E, D, M, X, R, K, I, In, Out>
): Effect.Effect<
  Contexts<S, E, D, M, K, EffectError<S, Effects.ErrorOf<In> | Effects.ErrorOf<Out>>, IsolationError<I>>,
  never,
  StateStore.StateStore | R | Effects.ServicesOf<In> | Effects.ServicesOf<Out>
> =>
  Effect.gen(function* () {
    const { codec, isolation = false, machine, namespace, placement, secretKeys } = options
    const store = (yield* StateStore.StateStore).namespace(namespace ?? id, { codec, placement, secretKeys })
    const records = yield* Records.make(machine, store, options.ttl ?? {})
    const services = yield* Effect.context<Effects.ServicesOf<In> | Effects.ServicesOf<Out>>()
    const keyOf = options.key ?? ((id: K) => id as string) // Without a key, K is string.
    // Each is called with the state it was declared for, and its services are provided.
    const hooks = { entry: options.entry ?? {}, exit: options.exit ?? {} } as unknown as Effects.Hooks<never>
    const parts = { machine, records, run: Effects.runner(hooks, services) }

    const free = Handle.make<S, E, D, M, X, R, never>(parts, store.commit)
    const fencedBy = (lease: Lock.Lease) => Handle.make(parts, (atomic) => Lock.commitOn(store, lease, atomic))
    const isolated = (id: K, options: Lock.Options | undefined) => Lock.withLockOn(store, keyOf(id), options)

    const self: Contexts<S, E, D, M, K, unknown, unknown> = {
      at: (id) => {
        const context = free(id, keyOf(id))
        if (isolation === false) return context
        const lock = isolated(id, isolation === true ? undefined : isolation)
        return {
          ...context,
          send: (event, options) => lock((lease) => fencedBy(lease)(id, context.key).send(event, options))
        }
      },
      isolated: (id, options) => (handler) => isolated(id, options)((lease) => handler(fencedBy(lease)(id, keyOf(id)))),
      states: Stream.mapEffect(store.entries({}), ({ key, value }) =>
        Effect.map(records.decodeState(key, Option.some(value)), (state) => [key, state] as const)
      ),
      outbox: Stream.mapEffect(records.outbox.entries({}), (entry) =>
        Effect.map(records.decodeMessage(entry), (message) => ({
          key: SubjectKey.of(entry.key),
          message,
          // The message may have been written anew since: its key tells the version of its transition.
          version: Atomic.stampOf(entry.key),
          atMs: entry.createdAtMs,
          remove: records.outbox.delete(entry.key)
        }))
      )
    }
    // Only what effects and isolation bring is in the last two: no isolation, no lock.
    return self as Contexts<
      S,
      E,
      D,
      M,
      K,
      EffectError<S, Effects.ErrorOf<In> | Effects.ErrorOf<Out>>,
      IsolationError<I>
    >
  })
