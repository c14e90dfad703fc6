/** A machine that takes orders, for the tests. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { MemoryStore, StateMachine, StateStore } from "effect-state"

export const Order = StateMachine.make({
  id: "Order",
  states: {
    Idle: {},
    Asking: { question: Schema.String, since: Schema.optional(Schema.Date) },
    Done: { dish: Schema.String }
  },
  events: { Start: { question: Schema.String }, Answer: { text: Schema.String }, Cancel: {}, Repeat: {}, Again: {} },
  data: { dishes: Schema.Array(Schema.String), since: Schema.Date },
  message: Schema.Struct({ ordered: Schema.String }),
  initial: "Idle",
  on: {
    Idle: { Start: { to: "Asking", fields: ({ event }) => ({ question: event.question, since: new Date(0) }) } },
    Asking: {
      Answer: {
        to: "Done",
        guard: ({ event }) => event.text !== "",
        fields: ({ event }) => ({ dish: event.text }),
        data: ({ data, event }) => ({ dishes: [...(data.dishes ?? []), event.text] }),
        emit: ({ next }) => ({ ordered: next.dish })
      },
      Repeat: { to: "Asking", fields: ({ state }) => state },
      Again: { to: "Asking", fields: ({ state }) => state, reenter: true },
      Cancel: { to: "Idle", data: "clear" }
    },
    Done: { Start: { to: "Asking", fields: ({ event }) => event } }
  }
})
export const { Again, Answer, Cancel, Repeat, Start } = Order.events
export const start = Start.make({ question: "?" })
export const answer = Answer.make({ text: "Soup" })

export const idle: typeof Order.State.Type = { _tag: "Idle" }

export class Orders extends StateMachine.Tag<Orders>()("Orders", {
  machine: Order,
  ttl: { state: "1 hour", data: "1 day" }
}) {}

export const inMemory = <S, E, R>(layer: Layer.Layer<S, E, R | StateStore.StateStore>) =>
  Layer.fresh(Layer.provideMerge(layer, MemoryStore.layer()))

export const on = (store: StateStore.Service) => Effect.provideService(StateStore.StateStore, store)
