/**
 * State machines of conversations: states and events by schema, transitions that the compiler checks, and contexts in a store
 * that survive restarts, repeated deliveries and events that come together.
 *
 * A machine is pure: {@link make} defines it, {@link step} says what an event makes of a state, {@link toMermaid} draws it.
 * {@link Tag} keeps contexts of it, each under a key, with state and data apart; what an application does when a state is
 * entered or left is given there, and runs after the commit.
 *
 * @since 0.1.0
 */
import * as ServiceContext from "effect/Context"
import * as Layer from "effect/Layer"
import type * as StateStore from "../../store/StateStore.ts"
import * as Contexts_ from "./Contexts.ts"
import type * as Effects from "./Effects.ts"
import type { Tagged } from "./Members.ts"
import type { Edge } from "./Table.ts"

export type { Dictionary, Stored } from "../Dictionary.ts"
export type { Context, SendOptions } from "./Context.ts"
export {
  type Contexts,
  type EffectError,
  type Isolation,
  type IsolationError,
  type Message,
  make as contexts,
  type Options
} from "./Contexts.ts"
export * as ConversationKey from "./ConversationKey.ts"
export { type Defined, type Definition, make, type StateMachine, TypeId, type Unknown } from "./Definition.ts"
export type { DeliveryError, Transitioned } from "./Delivery.ts"
export type { Arguments as EffectArguments, Effects } from "./Effects.ts"
export { EffectFailed, GuardRefused, NoTransition, UnknownState } from "./MachineError.ts"
export type { Member, Members, Tagged, Union } from "./Members.ts"
export { toMermaid } from "./Mermaid.ts"
export type { Ttl } from "./Records.ts"
export { type Change, type Step, step, transition } from "./Step.ts"
export type { Edge, Edges, Table, Transition } from "./Table.ts"

/**
 * A machine's contexts as a tag. `Failure` is what effects fail with, and `I` how events are isolated.
 *
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<
  Self,
  Id extends string,
  S extends Tagged,
  E extends Tagged,
  D,
  M,
  K,
  Failure,
  I extends Contexts_.Isolation,
  R
> extends ServiceContext.TagClass<
    Self,
    Id,
    Contexts_.Contexts<S, E, D, M, K, Contexts_.EffectError<S, Failure>, Contexts_.IsolationError<I>>
  > {
  readonly layer: Layer.Layer<Self, never, StateStore.StateStore | R>
}

/**
 * A class that is the tag of a machine's contexts, with its layer.
 *
 * ```ts
 * import { MemoryStore, StateMachine } from "effect-state"
 * import { Console, Effect, Layer, Schema } from "effect"
 *
 * const Order = StateMachine.make({
 *   id: "Order",
 *   states: { Idle: {}, Asking: { question: Schema.String }, Done: { dish: Schema.String } },
 *   events: { Start: {}, Answer: { text: Schema.NonEmptyString }, Cancel: {} },
 *   data: { dishes: Schema.Array(Schema.String) },
 *   initial: "Idle",
 *   on: {
 *     Idle: { Start: { to: "Asking", fields: () => ({ question: "What would you like?" }) } },
 *     Asking: {
 *       Answer: {
 *         to: "Done",
 *         fields: ({ event }) => ({ dish: event.text }),
 *         data: ({ data, event }) => ({ dishes: [...(data.dishes ?? []), event.text] })
 *       },
 *       Cancel: "Idle"
 *     }
 *   }
 * })
 *
 * class Orders extends StateMachine.Tag<Orders>()("Orders", {
 *   machine: Order,
 *   key: StateMachine.ConversationKey.userInChat,
 *   ttl: { state: "1 hour", data: "1 day" },
 *   isolation: true,
 *   entry: { Asking: ({ state }) => Console.log(state.question) }
 * }) {}
 *
 * const program = Effect.gen(function* () {
 *   const order = (yield* Orders).at({ chat: -1001, user: 7 })
 *   yield* order.send(Order.events.Start.make(), { id: "update-1" })
 *   yield* order.send(Order.events.Answer.make({ text: "Soup" }), { id: "update-2" })
 *   return yield* order.getState // { _tag: "Done", dish: "Soup" }
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Orders.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <
    const Id extends string,
    S extends Tagged,
    E extends Tagged,
    D,
    M,
    X extends Edge,
    R,
    K = string,
    const I extends Contexts_.Isolation = false,
    In = Record<never, never>,
    Out = Record<never, never>
  >(
    id: Id,
    options: Contexts_.Options<S, E, D, M, X, R, K, I, In, Out>
  ): TagClass<
    Self,
    Id,
    S,
    E,
    D,
    M,
    K,
    Effects.ErrorOf<In> | Effects.ErrorOf<Out>,
    I,
    R | Effects.ServicesOf<In> | Effects.ServicesOf<Out>
  > => {
    type Failure = Effects.ErrorOf<In> | Effects.ErrorOf<Out>
    type Service = Contexts_.Contexts<S, E, D, M, K, Contexts_.EffectError<S, Failure>, Contexts_.IsolationError<I>>
    const base = ServiceContext.Tag(id)<Self, Service>()
    return Object.assign(base, { layer: Layer.effect(base, Contexts_.make(id, options)) })
  }
