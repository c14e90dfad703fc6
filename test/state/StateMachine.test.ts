import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Backend, Lock, MemoryStore, Namespace, StateMachine, StateStore } from "effect-state"
import { make as makeMemory } from "../../src/backends/memory/backend.ts"

const Order = StateMachine.make({
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
const { Again, Answer, Cancel, Repeat, Start } = Order.events
const start = Start.make({ question: "?" })
const answer = Answer.make({ text: "Soup" })

const idle: typeof Order.State.Type = { _tag: "Idle" }

class Orders extends StateMachine.Tag<Orders>()("Orders", {
  machine: Order,
  ttl: { state: "1 hour", data: "1 day" }
}) {}

const inMemory = <S, E, R>(layer: Layer.Layer<S, E, R | StateStore.StateStore>) =>
  Layer.fresh(Layer.provideMerge(layer, MemoryStore.layer()))

const on = (store: StateStore.Service) => Effect.provideService(StateStore.StateStore, store)

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

describe("Effects", () => {
  /** Contexts whose effects write down what they see. */
  const watched = (isolation: boolean) =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const store = yield* StateStore.StateStore
      const note = (what: string, id: string) =>
        Effect.gen(function* () {
          const stored = yield* store.namespace("watched").get(id)
          const { _tag } = Option.getOrElse(
            Option.map(stored, ({ value }) => value as { readonly _tag: string }),
            () => idle
          )
          seen.push(`${what}, stored: ${_tag}`)
        })
      const contexts = yield* StateMachine.contexts("watched", {
        machine: Order,
        isolation,
        entry: {
          Asking: ({ id, state }) => note(`enter Asking ${state.question}`, id),
          Done: ({ data, id, state }) => note(`enter Done ${state.dish} of ${data.dishes?.length}`, id),
          Idle: ({ id, transition }) => note(`enter Idle from ${transition.from._tag}`, id)
        },
        exit: {
          Idle: ({ event, id }) => note(`leave Idle by ${event._tag}`, id),
          Asking: ({ id, transition }) => note(`leave Asking to ${transition.to._tag}`, id)
        }
      })
      return { contexts, seen }
    })

  for (const isolation of [false, true]) {
    it.effect(`run after the commit, first of the state left, then of the one entered; isolation ${isolation}`, () =>
      Effect.gen(function* () {
        const { contexts, seen } = yield* watched(isolation)
        const order = contexts.at("ada")
        yield* order.send(start)
        yield* order.send(answer)
        assert.deepStrictEqual(seen, [
          "leave Idle by Start, stored: Asking",
          "enter Asking ?, stored: Asking",
          "leave Asking to Done, stored: Done",
          "enter Done Soup of 1, stored: Done"
        ])
      }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
    )
  }

  it.effect("don't run where no state is left or entered: by refusals, repetitions, and what is set by hand", () =>
    Effect.gen(function* () {
      const { contexts, seen } = yield* watched(false)
      const order = contexts.at("ada")
      yield* Effect.flip(order.send(answer))
      yield* order.setState({ _tag: "Asking", question: "?" })
      yield* order.send(Repeat.make())
      assert.deepStrictEqual(seen, [])
      yield* order.send(Cancel.make(), { id: "1" })
      assert.strictEqual(seen.length, 2)
      yield* order.send(Cancel.make(), { id: "1" })
      yield* order.clear
      assert.strictEqual(seen.length, 2)
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )

  it.effect("run where a transition enters its own state again", () =>
    Effect.gen(function* () {
      const { contexts, seen } = yield* watched(false)
      const order = contexts.at("ada")
      yield* order.setState({ _tag: "Asking", question: "?" })
      yield* order.send(Again.make())
      assert.deepStrictEqual(seen, ["leave Asking to Asking, stored: Asking", "enter Asking ?, stored: Asking"])
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )

  it.scoped("run once for each transition, and not at all for a commit that failed", () =>
    Effect.gen(function* () {
      const memory = yield* makeMemory
      let cut = true
      const store = yield* StateStore.make({
        ...memory,
        now: undefined,
        commit: (batch) =>
          cut ? Effect.succeed(batch.map(() => Backend.fault("unavailable", "it is cut"))) : memory.commit(batch)
      })
      const { contexts, seen } = yield* on(store)(watched(false))
      assert.strictEqual((yield* Effect.flip(contexts.at("ada").send(start)))._tag, "StoreUnavailable")
      assert.deepStrictEqual(seen, [])
      cut = false
      yield* contexts.at("ada").send(start)
      // Of twenty who meet, most see conflicts and step again: no effect of theirs runs for that.
      yield* Effect.replicateEffect(contexts.at("ada").send(Again.make()), 20, { concurrency: "unbounded" })
      assert.strictEqual(seen.length, 2 + 2 * 20)
    })
  )

  it.effect("that fail say which, and the transition stands", () =>
    Effect.gen(function* () {
      let entered = 0
      const contexts = yield* StateMachine.contexts("failing", {
        machine: Order,
        entry: { Asking: () => Effect.sync(() => entered++), Done: () => Effect.fail("no cook" as const) },
        exit: {
          Idle: ({ event }) => ("question" in event && event.question === "bad" ? Effect.fail(404) : Effect.void)
        }
      })
      const ada = contexts.at("ada")
      const left = yield* Effect.flip(ada.send(Start.make({ question: "bad" }), { id: "1" }))
      assert(left._tag === "EffectFailed")
      assert.deepInclude(left, { phase: "exit", state: "Idle", error: 404 })
      assert.strictEqual(left.message, "The transition is committed, and the exit effect of Idle failed")
      assert.strictEqual(entered, 0)
      const state = yield* ada.getState
      assert.deepStrictEqual([left.transition.to, left.transition.isRepeated], [state, false])
      const again = yield* ada.send(Start.make({ question: "bad" }), { id: "1" })
      assert.deepStrictEqual(again, { ...left.transition, isRepeated: true })

      const failed = yield* Effect.flip(ada.send(answer))
      assert(failed._tag === "EffectFailed")
      assert.deepInclude(failed, { phase: "entry", state: "Done", error: "no cook" })
      assert.strictEqual((yield* ada.getState)._tag, "Done")
      assert.strictEqual(Array.from(yield* Stream.runCollect(contexts.outbox)).length, 1)
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )

  for (const isolation of [false, true]) {
    it.effect(`may send events to their own context; isolation ${isolation}`, () =>
      Effect.gen(function* () {
        const contexts = yield* StateMachine.contexts("chain", {
          machine: Order,
          isolation,
          entry: { Asking: ({ context }) => context.send(answer) }
        })
        const { to } = yield* contexts.at("ada").send(start)
        assert.strictEqual(to._tag, "Asking")
        assert.strictEqual((yield* contexts.at("ada").getState)._tag, "Done")
      }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
    )
  }
})

describe("Isolation", () => {
  /** Contexts whose entry takes a while, and which count how many are in there at a time. */
  const slow = (isolation: boolean) =>
    Effect.gen(function* () {
      const counted = { now: 0, most: 0 }
      const contexts = yield* StateMachine.contexts("slow", {
        machine: Order,
        isolation,
        entry: {
          Asking: () =>
            Effect.gen(function* () {
              counted.most = Math.max(counted.most, ++counted.now)
              yield* Effect.sleep("1 second")
              counted.now--
            })
        }
      })
      return { contexts, counted }
    })
  const crowd = (isolation: boolean) =>
    Effect.gen(function* () {
      const { contexts, counted } = yield* slow(isolation)
      yield* contexts.at("ada").setState({ _tag: "Asking", question: "?" })
      const fiber = yield* Effect.fork(
        Effect.replicateEffect(contexts.at("ada").send(Again.make()), 5, { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
      return counted.most
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))

  it.effect("keeps an event out until the effects of the one before are through", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* crowd(true), 1)
      assert.isAbove(yield* crowd(false), 1)
    })
  )

  it.scoped("takes the lock before the state is read, also across processes", () =>
    Effect.gen(function* () {
      const memory = yield* makeMemory
      const read: Array<string> = []
      const ours = yield* StateStore.make(memory)
      const theirs = yield* StateStore.make({
        ...memory,
        now: undefined,
        read: (keys, select) => {
          read.push(...keys.map(({ text }) => text))
          return memory.read(keys, select)
        }
      })
      const options = { machine: Order, isolation: { wait: "1 minute" } } as const
      const holder = yield* on(ours)(StateMachine.contexts("orders", options))
      const waiting = yield* on(theirs)(StateMachine.contexts("orders", options))
      const handled = yield* Deferred.make<void>()
      const handler = yield* Effect.fork(
        holder.isolated("ada")((order) =>
          Effect.gen(function* () {
            yield* order.send(start)
            yield* Deferred.await(handled)
            return yield* order.updateData({ dishes: ["Tea"] })
          })
        )
      )
      const waiter = yield* Effect.fork(waiting.at("ada").send(answer))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(Array.from(new Set(read)), ["orders/~lock:ada", "orders/~lock-wanted:ada"])
      yield* Deferred.succeed(handled, undefined)
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(handler)
      assert.strictEqual((yield* Fiber.join(waiter)).to._tag, "Done")
      assert.deepStrictEqual(yield* holder.at("ada").getData, { dishes: ["Tea", "Soup"] })
    })
  )

  it.effect("gives up on a lock that is held too long, and has changed nothing", () =>
    Effect.gen(function* () {
      const orders = yield* StateMachine.contexts("orders", { machine: Order, isolation: { wait: 0 } })
      const error = yield* orders.isolated("ada")(() => Effect.flip(orders.at("ada").send(start)))
      assert.strictEqual(error._tag, "LockTimeout")
      assert.deepStrictEqual(yield* orders.at("ada").getState, idle)
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )

  it.effect("lets nothing through of a handler who lost the lock", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const store = (yield* StateStore.StateStore).namespace("Orders")
      const locks = store.namespace(Namespace.inner("lock"))
      const lose = locks.set("ada", { holder: "somebody else" })
      const handlers = [
        orders.isolated("ada")((order) => Effect.zipRight(lose, order.send(start))),
        orders.isolated("ada")((order) => Effect.zipRight(lose, order.setData({}))),
        orders.isolated("ada")((order) => Effect.zipRight(lose, order.updateData({}))),
        orders.isolated("ada")((order) => Effect.zipRight(lose, order.clear))
      ]
      yield* orders.at("ada").updateData({ dishes: ["Tea"] })
      for (const handler of handlers) {
        const error = yield* Effect.flip<unknown, unknown, never>(handler)
        assert.instanceOf(error, Lock.LockLost)
        yield* locks.delete("ada")
      }
      assert.deepStrictEqual(yield* orders.at("ada").getState, idle)
      assert.deepStrictEqual(yield* orders.at("ada").getData, { dishes: ["Tea"] })
    }).pipe(Effect.provide(inMemory(Orders.layer)))
  )

  it.effect("lets other contexts go on", () =>
    Effect.gen(function* () {
      const orders = yield* StateMachine.contexts("orders", { machine: Order, isolation: { wait: 0 } })
      const outcome = yield* orders.isolated("ada")(() => Effect.either(orders.at("bob").send(start)))
      assert.isTrue(Either.isRight(outcome))
    }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
  )
})
