import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { MemoryStore, StateMachine, StateStore } from "effect-state"
import { Answer, answer, Cancel, idle, inMemory, Order, Orders, start } from "./orders.ts"

describe("A context", () => {
  it.effect("begins in the initial state without data, and has nothing stored", () =>
    Effect.gen(function* () {
      const order = (yield* Orders).at("ada")
      assert.strictEqual(order.key, "ada")
      assert.deepStrictEqual(yield* order.getState, idle)
      assert.deepStrictEqual(yield* order.getData, {})
      const store = yield* StateStore.StateStore
      assert.strictEqual((yield* store.stats).entriesApprox, 0)
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )

  it.effect("knows an event that is delivered again for a day, unless told otherwise", () =>
    Effect.gen(function* () {
      const order = (yield* Orders).at("ada")
      yield* order.send(start, { id: "1" })
      yield* TestClock.adjust(Duration.subtract(Duration.days(1), Duration.millis(1)))
      assert.isTrue((yield* order.send(start, { id: "1" })).isRepeated)
      yield* TestClock.adjust(1)
      assert.isFalse((yield* order.send(start, { id: "1" })).isRepeated)
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )

  it.effect("takes events, and keeps state and data as their schemas encode them", () =>
    Effect.gen(function* () {
      const order = (yield* Orders).at("ada")
      const started = yield* order.send(start)
      assert.deepInclude(started, { event: "Start", from: idle, isRepeated: false })
      assert.deepStrictEqual(started.to, { _tag: "Asking", question: "?", since: new Date(0) })
      assert.deepStrictEqual(yield* order.getState, started.to)
      yield* order.send(answer)
      assert.deepStrictEqual(yield* order.getState, { _tag: "Done", dish: "Soup" })
      assert.deepStrictEqual(yield* order.getData, { dishes: ["Soup"] })
      const store = yield* StateStore.StateStore
      const raw = store.namespace("Orders")
      yield* order.send(start)
      assert.deepStrictEqual(
        Option.map(yield* raw.get("ada"), ({ value }) => value),
        Option.some({ _tag: "Asking", question: "?" })
      )
      const stream = yield* Stream.runCollect((yield* Orders).states)
      assert.deepStrictEqual(Array.from(stream), [["ada", { _tag: "Asking", question: "?" }]])
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )

  it.effect("refuses an event without a transition, and one that no guard lets through, and stays as it was", () =>
    Effect.gen(function* () {
      const order = (yield* Orders).at("ada")
      const none = yield* Effect.flip(order.send(answer))
      assert.deepInclude(none, { _tag: "NoTransition", machine: "Order", state: "Idle", event: "Answer" })
      yield* order.send(start)
      const refused = yield* Effect.flip(order.send(Answer.make({ text: "" })))
      assert.deepInclude(refused, { _tag: "GuardRefused", state: "Asking", guards: ["guarded"] })
      assert.strictEqual(refused.message, "Order: in Asking, Answer is refused by guarded")
      assert.strictEqual((yield* order.getState)._tag, "Asking")
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )

  it.effect("can be set by hand, part by part, and cleared", () =>
    Effect.gen(function* () {
      const order = (yield* Orders).at("ada")
      yield* order.setState({ _tag: "Done", dish: "Tea" })
      assert.deepStrictEqual(yield* order.getState, { _tag: "Done", dish: "Tea" })
      yield* order.setData({ dishes: ["Tea"] })
      assert.deepStrictEqual(yield* order.updateData({ since: new Date(1) }), { dishes: ["Tea"], since: new Date(1) })
      assert.deepStrictEqual(yield* order.getData, { dishes: ["Tea"], since: new Date(1) })
      yield* order.setData({ dishes: [] })
      assert.deepStrictEqual(yield* order.getData, { dishes: [] })
      yield* order.clear
      assert.deepStrictEqual([yield* order.getState, yield* order.getData], [idle, {}])
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )

  it.effect("drops its data where a transition says so", () =>
    Effect.gen(function* () {
      const order = (yield* Orders).at("ada")
      yield* order.updateData({ dishes: ["Tea"] })
      yield* order.send(start)
      assert.deepStrictEqual(yield* order.getData, { dishes: ["Tea"] })
      yield* order.send(Cancel.make())
      assert.deepStrictEqual(yield* order.getData, {})
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )

  it.effect("keeps what another program stored in its data, under names that it does not know", () =>
    Effect.gen(function* () {
      const data = (yield* StateStore.StateStore).namespace("Orders").namespace("data")
      yield* data.set("ada", { dishes: ["Tea"], newer: 1 })
      const order = (yield* Orders).at("ada")
      yield* order.updateData({ since: new Date(0) })
      yield* order.send(start)
      yield* order.send(answer)
      assert.deepStrictEqual(yield* order.getData, { dishes: ["Tea", "Soup"], since: new Date(0) })
      const stored = Option.getOrThrow(yield* data.get("ada")).value
      assert.deepStrictEqual(stored, { dishes: ["Tea", "Soup"], newer: 1, since: "1970-01-01T00:00:00.000Z" })
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )

  it.effect("loses its state after its time, and its data after theirs", () =>
    Effect.gen(function* () {
      const order = (yield* Orders).at("ada")
      yield* order.send(start)
      yield* order.send(answer)
      yield* TestClock.adjust("59 minutes")
      yield* order.send(start)
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual((yield* order.getState)._tag, "Asking")
      yield* TestClock.adjust("1 minutes")
      assert.deepStrictEqual(yield* order.getState, idle)
      assert.deepStrictEqual(yield* order.getData, { dishes: ["Soup"] })
      yield* TestClock.adjust("23 hours")
      assert.deepStrictEqual(yield* order.getData, {})
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )

  it.effect("refuses to store what its schemas refuse, and stays as it was", () => {
    const Short = StateMachine.make({
      id: "Short",
      states: { A: {}, B: { text: Schema.String.pipe(Schema.maxLength(3)) } },
      events: { Go: { text: Schema.String } },
      initial: "A",
      on: { A: { Go: { to: "B", fields: ({ event }) => event } } }
    })
    return Effect.gen(function* () {
      const context = (yield* StateMachine.contexts("short", { machine: Short })).at("a")
      const error = yield* Effect.flip(context.send({ _tag: "Go", text: "long" }, { id: "1" }))
      assert.strictEqual(error._tag, "EncodeError")
      assert.deepStrictEqual(yield* context.getState, { _tag: "A" })
      assert.strictEqual((yield* context.send({ _tag: "Go", text: "ok" }, { id: "1" })).isRepeated, false)
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  })

  it.effect("hides its key in errors where keys are secrets", () =>
    Effect.gen(function* () {
      const contexts = yield* StateMachine.contexts("secret", { machine: Order, secretKeys: true })
      const store = (yield* StateStore.StateStore).namespace("secret")
      yield* store.set("s3cret", { _tag: "Gone" })
      const error = yield* Effect.flip(contexts.at("s3cret").getState)
      assert.notInclude(JSON.stringify(error), "s3cret")
      // An answer that is none.
      yield* store.namespace("answers").set("6:s3cret:1", {})
      const unknown = yield* Effect.flip(contexts.at("s3cret").send(start, { id: "1" }))
      assert.strictEqual(unknown._tag, "DecodeError")
      assert.notInclude(JSON.stringify(unknown), "s3cret")
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )
})

describe("The outbox", () => {
  it.effect("has the messages of transitions, in the order of each context, until they are removed", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const read = Effect.map(Stream.runCollect(orders.outbox), (messages) => Array.from(messages))
      for (const text of ["Soup", "Tea"]) {
        for (const id of ["bob", "ada"]) {
          yield* orders.at(id).send(start)
          yield* orders.at(id).send(Answer.make({ text }))
        }
      }
      const messages = yield* read
      assert.deepStrictEqual(
        messages.map(({ key, message }) => [key, message.ordered]),
        [
          ["ada", "Soup"],
          ["ada", "Tea"],
          ["bob", "Soup"],
          ["bob", "Tea"]
        ]
      )
      // Written anew by other means, with another codec, say.
      const outbox = (yield* StateStore.StateStore).namespace("Orders").namespace("outbox")
      yield* TestClock.adjust("1 minute")
      yield* Stream.runForEach(outbox.entries({}), ({ key, value }) => outbox.set(key, value))
      const told = (messages: ReadonlyArray<StateMachine.Message<unknown>>) =>
        messages.map(({ atMs, key, version }) => [key, version, atMs])
      assert.deepStrictEqual(told(yield* read), told(messages))
      assert.isTrue(yield* messages[0]?.remove ?? Effect.succeed(false))
      assert.isFalse(yield* messages[0]?.remove ?? Effect.succeed(true))
      assert.strictEqual((yield* read).length, 3)
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )
})

describe("A stored state that the machine does not have", () => {
  const renamed = { _tag: "Waiting", prompt: "What?" }
  const contexts = (fallback: ((stored: StateMachine.Unknown) => typeof Order.State.Type | undefined) | undefined) =>
    StateMachine.contexts("Orders", { machine: { ...Order, fallback } })
  const store = Effect.map(StateStore.StateStore, (store) => store.namespace("Orders"))

  it.effect("is an error that says its name, and changes nothing", () =>
    Effect.gen(function* () {
      yield* (yield* store).set("ada", renamed)
      const order = (yield* contexts(undefined)).at("ada")
      for (const use of [order.getState, order.send(answer), order.send(answer, { id: "1" })]) {
        const error = yield* Effect.flip<unknown, unknown, never>(use)
        assert.deepInclude(error, { _tag: "UnknownState", machine: "Order", key: "ada", state: "Waiting" })
      }
      assert.deepStrictEqual(Option.getOrThrow(yield* (yield* store).get("ada")).value, renamed)
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )

  it.effect("is what the fallback makes of it, and goes on from there", () =>
    Effect.gen(function* () {
      yield* (yield* store).set("ada", renamed)
      yield* (yield* store).set("bob", { _tag: "Lost" })
      const orders = yield* contexts(({ fields, tag }) =>
        tag === "Waiting" ? Order.states.Asking.make({ question: String(fields.prompt) }) : undefined
      )
      const asking = Order.states.Asking.make({ question: "What?" })
      assert.deepStrictEqual(yield* orders.at("ada").getState, asking)
      const { from, to } = yield* orders.at("ada").send(answer)
      assert.deepStrictEqual([from, to._tag], [asking, "Done"])
      assert.strictEqual((yield* Effect.flip(orders.at("bob").getState))._tag, "UnknownState")
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )

  it.effect("is told from one that the machine has with other data, and from what is no state", () =>
    Effect.gen(function* () {
      yield* (yield* store).set("ada", { _tag: "Done", dish: 42 })
      yield* (yield* store).set("bob", "Done")
      const orders = yield* contexts(() => idle)
      for (const id of ["ada", "bob"]) {
        const error = yield* Effect.flip(orders.at(id).getState)
        assert.deepInclude(error, { _tag: "DecodeError", key: id })
      }
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )

  it.effect("in the answer to an earlier delivery falls back, too", () =>
    Effect.gen(function* () {
      const old = StateMachine.make({
        id: "Order",
        states: { Idle: {}, Waiting: { prompt: Schema.String } },
        events: { Start: { question: Schema.String } },
        initial: "Idle",
        on: { Idle: { Start: { to: "Waiting", fields: ({ event }) => ({ prompt: event.question }) } } }
      })
      yield* (yield* StateMachine.contexts("Orders", { machine: old })).at("ada").send(start, { id: "1" })
      const orders = yield* contexts(({ fields }) => Order.states.Asking.make({ question: String(fields.prompt) }))
      const { isRepeated, to } = yield* orders.at("ada").send(start, { id: "1" })
      assert.deepStrictEqual([isRepeated, to], [true, { _tag: "Asking", question: "?" }])
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )
})
