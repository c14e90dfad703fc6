/**
 * State machines: each event is met by one state, and nothing of a transition is there without the rest of it.
 */
import { strict as assert } from "node:assert"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as StateMachine from "../../state/machine/StateMachine.ts"
import * as StateStore from "../../store/StateStore.ts"
import { type Case, failure, storeCase } from "../Case.ts"

const atomic = storeCase("atomic")
const time = storeCase("time")
const keys = storeCase("keys")

/** A turnstile: it counts who went through, and nobody goes through without a coin. */
const Turnstile = StateMachine.make({
  id: "Turnstile",
  states: { Locked: { passed: Schema.Int }, Open: { passed: Schema.Int } },
  events: { Coin: {}, Push: {}, Toss: { by: Schema.String } },
  data: { coins: Schema.Int, tosses: Schema.Array(Schema.String) },
  message: Schema.Struct({ passed: Schema.Int }),
  initial: { _tag: "Locked", passed: 0 },
  on: {
    Locked: {
      Coin: {
        to: "Open",
        fields: ({ state }) => state,
        data: ({ data }) => ({ coins: (data.coins ?? 0) + 1 })
      },
      Toss: {
        to: "Open",
        fields: ({ state }) => state,
        data: ({ data, event }) => ({ tosses: [...(data.tosses ?? []), event.by] })
      }
    },
    Open: {
      Push: {
        to: "Locked",
        fields: ({ state }) => ({ passed: state.passed + 1 }),
        emit: ({ next }) => ({ passed: next.passed })
      },
      Toss: {
        to: "Locked",
        fields: ({ state }) => ({ passed: state.passed + 1 }),
        data: ({ data, event }) => ({ tosses: [...(data.tosses ?? []), event.by] }),
        emit: ({ next }) => ({ passed: next.passed })
      }
    }
  }
})
const { Coin, Push, Toss } = Turnstile.events

const open = (
  store: StateStore.Service,
  options: { readonly isolation?: boolean; readonly ttl?: StateMachine.Ttl } = {}
) =>
  Effect.provideService(
    StateMachine.contexts("turnstiles", { machine: Turnstile, ...options }),
    StateStore.StateStore,
    store
  )

/** A clock: it ticks, and has marks made in its data. */
const Clock = StateMachine.make({
  id: "Clock",
  states: { Running: { ticks: Schema.Int } },
  events: { Tick: {}, Mark: { name: Schema.String } },
  initial: { _tag: "Running", ticks: 0 },
  on: {
    Running: {
      Tick: { to: "Running", fields: ({ state }) => ({ ticks: state.ticks + 1 }) },
      Mark: { to: "Running", fields: ({ state }) => state, data: ({ event }) => ({ [event.name]: true }) }
    }
  }
})

const openClock = (store: StateStore.Service) =>
  Effect.provideService(StateMachine.contexts("clocks", { machine: Clock }), StateStore.StateStore, store)

const fifty = Arr.range(1, 50)

const passedIn = (outbox: Stream.Stream<StateMachine.Message<{ readonly passed: number }>, unknown>) =>
  Effect.map(Stream.runCollect(outbox), (messages) => Array.from(messages, ({ message }) => message.passed))

const crowd = (isolation: boolean) =>
  atomic(`fifty events at once are fifty transitions, ${isolation ? "one at a time" : "whoever is first"}`, (store) =>
    Effect.gen(function* () {
      const turnstiles = yield* open(store, { isolation })
      const context = turnstiles.at("main")
      const made = yield* Effect.forEach(fifty, (i) => context.send(Toss.make({ by: String(i) })), {
        concurrency: "unbounded"
      })
      const inOrder = made.toSorted((a, b) => a.version - b.version)
      inOrder.forEach(({ from, to }, i) => {
        assert.deepEqual(
          from,
          i === 0 ? Turnstile.initial : inOrder[i - 1]?.to,
          "a transition starts where the last ended"
        )
        assert.notEqual(from._tag, to._tag)
      })
      const { tosses = [] } = yield* context.getData
      assert.deepEqual(tosses.toSorted(), fifty.map(String).toSorted())
      assert.deepEqual(yield* context.getState, { _tag: "Locked", passed: 25 })
      assert.deepEqual(yield* passedIn(turnstiles.outbox), Arr.range(1, 25))
    })
  )

export const machineCases: ReadonlyArray<Case> = [
  crowd(false),
  crowd(true),
  atomic("an event that comes when it may not is refused, and changes nothing", (store) =>
    Effect.gen(function* () {
      const turnstiles = yield* open(store)
      const context = turnstiles.at("main")
      const outcomes = yield* Effect.forEach(
        fifty,
        (i) => Effect.either(context.send(i % 2 === 0 ? Coin.make() : Push.make())),
        { concurrency: "unbounded" }
      )
      for (const outcome of outcomes) if (Either.isLeft(outcome)) assert.equal(outcome.left._tag, "NoTransition")
      const passes = Arr.getRights(outcomes).filter(({ event }) => event === "Push").length
      const coins = Arr.getRights(outcomes).filter(({ event }) => event === "Coin").length
      assert.equal((yield* context.getState).passed, passes)
      assert.equal((yield* context.getData).coins ?? 0, coins)
      assert.ok(coins === passes || coins === passes + 1)
      assert.deepEqual(yield* passedIn(turnstiles.outbox), passes === 0 ? [] : Arr.range(1, passes))
    })
  ),
  atomic("an event that is delivered again and again happens once", (store) =>
    Effect.gen(function* () {
      const turnstiles = yield* open(store)
      const context = turnstiles.at("main")
      const deliveries = yield* Effect.forEach(
        Arr.range(0, 49),
        (i) => context.send(Toss.make({ by: String(i % 10) }), { id: `update ${i % 10}` }),
        { concurrency: "unbounded" }
      )
      for (const [, answers] of Object.entries(Arr.groupBy(deliveries, ({ version }) => String(version)))) {
        assert.equal(answers.length, 5)
        assert.equal(answers.filter(({ isRepeated }) => !isRepeated).length, 1)
        for (const answer of answers)
          assert.deepEqual({ ...answer, isRepeated: false }, { ...answers[0], isRepeated: false })
      }
      assert.equal((yield* context.getData).tosses?.length, 10)
      assert.deepEqual(yield* context.getState, { _tag: "Locked", passed: 5 })
      assert.deepEqual(yield* passedIn(turnstiles.outbox), Arr.range(1, 5))
    })
  ),
  atomic("a refusal is the answer to later deliveries, too", (store) =>
    Effect.gen(function* () {
      const context = (yield* open(store)).at("main")
      const refused = yield* failure(context.send(Push.make(), { id: "early" }), "NoTransition")
      yield* context.send(Coin.make(), { id: "coin" })
      assert.deepEqual(yield* failure(context.send(Push.make(), { id: "early" }), "NoTransition"), refused)
      assert.equal((yield* context.send(Push.make(), { id: "late" })).to.passed, 1)
    })
  ),
  atomic("events that leave the data alone meet one state each", (store) =>
    Effect.gen(function* () {
      const context = (yield* openClock(store)).at("main")
      yield* Effect.replicateEffect(context.send({ _tag: "Tick" }), 50, { concurrency: "unbounded" })
      assert.deepEqual(yield* context.getState, { _tag: "Running", ticks: 50 })
      assert.deepEqual(yield* context.getData, {})
    })
  ),
  atomic("data that is updated while events come is kept", (store) =>
    Effect.gen(function* () {
      const context = (yield* openClock(store)).at("main")
      yield* Effect.forEach(
        fifty,
        (i) =>
          Effect.asVoid<unknown, unknown, never>(
            i % 2 === 0 ? context.send({ _tag: "Mark", name: `${i}` }) : context.updateData({ [i]: true })
          ),
        { concurrency: "unbounded" }
      )
      assert.deepEqual(yield* context.getData, Object.fromEntries(fifty.map((i) => [i, true])))
      assert.deepEqual(yield* context.getState, { _tag: "Running", ticks: 0 })
    })
  ),
  time("state, data and answers each live for a time of their own", (store, { advance }) =>
    Effect.gen(function* () {
      const turnstiles = yield* open(store, {
        ttl: { state: "1 second", data: "4 seconds", answers: "2500 millis" }
      })
      const context = turnstiles.at("main")
      const first = yield* context.send(Coin.make(), { id: "1" })
      yield* advance(1_001)
      assert.deepEqual(yield* context.getState, Turnstile.initial)
      assert.deepEqual(yield* context.getData, { coins: 1 })
      assert.deepEqual(yield* context.send(Coin.make(), { id: "1" }), { ...first, isRepeated: true })
      yield* advance(1_500)
      assert.equal((yield* context.send(Coin.make(), { id: "1" })).isRepeated, false)
      assert.deepEqual(yield* context.getData, { coins: 2 })
      yield* advance(4_001)
      assert.deepEqual(yield* context.getData, {})
    })
  ),
  keys("contexts whose keys look alike don't mix", (store) =>
    Effect.gen(function* () {
      const turnstiles = yield* open(store)
      const ids = ["a", "a:", "a:1", "1:a:", "a/b", "a%", "b"]
      for (const id of ids) {
        for (let i = 0; i <= ids.indexOf(id); i++) {
          yield* turnstiles.at(id).send(Coin.make(), { id: `:${i}:` })
          yield* turnstiles.at(id).send(Push.make(), { id: `${i}` })
        }
      }
      for (const [i, id] of ids.entries()) {
        assert.equal((yield* turnstiles.at(id).getState).passed, i + 1)
        assert.deepEqual(yield* turnstiles.at(id).getData, { coins: i + 1 })
      }
      yield* turnstiles.at("a").clear
      assert.deepEqual(yield* turnstiles.at("a").getState, Turnstile.initial)
      assert.deepEqual(yield* turnstiles.at("a").getData, {})
      assert.deepEqual(yield* turnstiles.at("a:").getData, { coins: 2 })
      const messages = Array.from(yield* Stream.runCollect(turnstiles.outbox))
      for (const [i, id] of ids.entries()) assert.equal(messages.filter(({ key }) => key === id).length, i + 1)
      for (const message of messages) assert.equal(yield* message.remove, true)
      assert.deepEqual(yield* passedIn(turnstiles.outbox), [])
    })
  )
]
