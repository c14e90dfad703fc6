import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { MemoryStore, StateMachine, StateStore } from "effect-state"

const isLongEnough = ({ event }: { readonly event: { readonly text: string } }) => event.text.length > 1

const Order = StateMachine.make({
  id: "Order",
  states: {
    Idle: {},
    Asking: { question: Schema.String, at: Schema.optional(Schema.Date) },
    Done: { dish: Schema.String }
  },
  events: { Start: { question: Schema.String }, Answer: { text: Schema.String }, Cancel: {}, Again: {} },
  data: { dishes: Schema.Array(Schema.String), since: Schema.Date },
  message: Schema.Struct({ ordered: Schema.String }),
  initial: "Idle",
  on: {
    Idle: { Start: { to: "Asking", fields: ({ event }) => ({ question: event.question }) } },
    Asking: {
      Answer: {
        to: "Done",
        guard: isLongEnough,
        fields: ({ event }) => ({ dish: event.text }),
        data: ({ data, event }) => ({ dishes: [...(data.dishes ?? []), event.text] }),
        emit: ({ next }) => ({ ordered: next.dish })
      },
      Again: { to: "Asking", fields: ({ state }) => state, reenter: true },
      Cancel: { to: "Idle", data: "clear" }
    },
    Done: { Start: { to: "Asking", fields: ({ event }) => ({ question: event.question }) } }
  }
})
const { Answer, Again, Cancel, Start } = Order.events

class Orders extends StateMachine.Tag<Orders>()("Orders", {
  machine: Order,
  ttl: { state: "1 hour", data: "1 day" }
}) {}

const layer = Layer.fresh(Orders.layer.pipe(Layer.provideMerge(MemoryStore.layer())))

const idle: typeof Order.State.Type = { _tag: "Idle" }

describe("A state machine", () => {
  it("steps purely", () => {
    const asking = Either.getOrThrow(StateMachine.step(Order, idle, Start.make({ question: "?" })))
    assert.deepStrictEqual(asking.to, { _tag: "Asking", question: "?" })
    const refused = Either.flip(StateMachine.step(Order, asking.to, Answer.make({ text: "x" }))).pipe(Either.getOrThrow)
    assert.deepInclude(refused, { _tag: "GuardRefused", guards: ["isLongEnough"] })
    const none = Either.flip(StateMachine.step(Order, idle, Cancel.make())).pipe(Either.getOrThrow)
    assert.deepInclude(none, { _tag: "NoTransition", state: "Idle", event: "Cancel" })
    const done = Either.getOrThrow(
      StateMachine.step(Order, asking.to, Answer.make({ text: "Soup" }), { dishes: ["Tea"] })
    )
    assert.deepStrictEqual(done.to, { _tag: "Done", dish: "Soup" })
    assert.deepStrictEqual(done.data, { dishes: ["Tea", "Soup"] })
    assert.deepStrictEqual(done.message, Option.some({ ordered: "Soup" }))
    assert.isTrue(Either.getOrThrow(StateMachine.step(Order, asking.to, Again.make())).enters)
  })
  it("is drawn", () => {
    assert.deepStrictEqual(
      StateMachine.toMermaid(Order)
        .trim()
        .split("\n")
        .map((line) => line.trim()),
      [
        "stateDiagram-v2",
        "Idle",
        "Asking",
        "Done",
        "[*] --> Idle",
        "Idle --> Asking : Start",
        "Asking --> Done : Answer [isLongEnough]",
        "Asking --> Asking : Again",
        "Asking --> Idle : Cancel",
        "Done --> Asking : Start"
      ]
    )
  })
  it.effect("end to end", () =>
    Effect.gen(function* () {
      const order = (yield* Orders).at("ada")
      assert.deepStrictEqual(yield* order.getState, idle)
      yield* order.send(Start.make({ question: "?" }), { id: "1" })
      const first = yield* order.send(Answer.make({ text: "Soup" }), { id: "2" })
      const again = yield* order.send(Answer.make({ text: "Soup" }), { id: "2" })
      assert.deepStrictEqual(again, { ...first, isRepeated: true })
      assert.deepStrictEqual(yield* order.getData, { dishes: ["Soup"] })
      const [message] = Array.from(yield* Stream.runCollect((yield* Orders).outbox))
      assert.deepInclude(message, { key: "ada", message: { ordered: "Soup" }, version: first.version })
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* order.getState, idle)
      assert.deepStrictEqual(yield* order.getData, { dishes: ["Soup"] })
      assert.deepStrictEqual(yield* order.updateData({ since: new Date(0) }), { dishes: ["Soup"], since: new Date(0) })
      yield* order.clear
      assert.deepStrictEqual(yield* order.getData, {})
      yield* StateStore.StateStore
    }).pipe(Effect.provide(layer))
  )
})
