import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as DateTime from "effect/DateTime"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Customer } from "effect-state"
import * as fc from "fast-check"
import * as Overflow from "../../src/state/customer/Overflow.ts"

const at = DateTime.unsafeMake(Date.UTC(2026, 0, 1))
const anything = fc.jsonValue()
// In plain JavaScript this name is no property like others.
const name = fc.string().filter((name) => name !== "__proto__")
const Message = Arbitrary.make(Customer.Message)
const SessionInfo = Arbitrary.make(Customer.SessionInfo)

const State: fc.Arbitrary<Customer.State> = fc
  .record({
    messages: fc.array(Message, { maxLength: 40 }),
    sessions: fc.uniqueArray(SessionInfo, { maxLength: 12, selector: ({ sessionId }) => sessionId }),
    resolutionAttempts: fc.array(anything, { maxLength: 12 }),
    temp: fc.dictionary(name, anything),
    preferences: fc.dictionary(name, anything),
    intents: fc.array(fc.string())
  })
  .map(({ intents, messages, preferences, resolutionAttempts, sessions, temp }) => {
    const state = Customer.create("ada", at)
    return {
      ...state,
      profile: { ...state.profile, preferences },
      conversationContext: { ...state.conversationContext, intents },
      history: { ...state.history, messages, sessions, resolutionAttempts },
      tempState: temp
    }
  })

/** What changes touch, each its own part. */
const parts = (state: Customer.State) => ({
  profile: state.profile,
  context: state.conversationContext,
  items: state.activeItems,
  messages: state.history.messages,
  sessions: state.history.sessions,
  attempts: state.history.resolutionAttempts,
  temp: state.tempState,
  who: [state.customerId, state.createdAt, state.updatedAt, state.history.archived]
})

const changesOnly = (before: Customer.State, after: Customer.State, ...changed: ReadonlyArray<string>) => {
  const [left, right] = [parts(before), parts(after)]
  for (const part of Object.keys(left) as Array<keyof typeof left>) {
    if (!changed.includes(part)) assert.deepStrictEqual(right[part], left[part], part)
  }
}

describe("Customer's updates", () => {
  it("begin with a customer of whom nothing is known", () => {
    assert.deepStrictEqual(Schema.encodeSync(Customer.State)(Customer.create("ada", at)), {
      customerId: "ada",
      createdAt: "2026-01-01T00:00:00.000Z",
      updatedAt: "2026-01-01T00:00:00.000Z",
      profile: { name: "", email: "", phone: "", company: "", preferences: {}, loyaltyTier: "basic" },
      conversationContext: { currentTopic: null, intents: [], entities: {}, lastInteraction: null },
      activeItems: { tickets: [], orders: [], appointments: [] },
      history: {
        messages: [],
        sessions: [],
        resolutionAttempts: [],
        archived: { id: null, messages: 0, sessions: 0, resolutionAttempts: 0 }
      },
      tempState: {}
    })
  })

  it.prop(
    "of the profile lay properties over those that are there, in order, any others included",
    [
      State,
      fc.record({ name: fc.string(), vip: fc.boolean() }, { requiredKeys: [] }),
      fc.record({ email: fc.string() })
    ],
    ([state, first, second]) => {
      const next = pipe(state, Customer.updateProfile(first), Customer.updateProfile(second))
      assert.deepStrictEqual(next.profile, { ...state.profile, ...first, ...second })
      changesOnly(state, next, "profile")
      assert.deepStrictEqual(Customer.updateProfile({})(state), state)
    }
  )

  it.prop("set one preference and leave the others", [State, name, anything], ([state, name, value]) => {
    const next = Customer.setPreference(name, value)(state)
    assert.deepStrictEqual(next.profile.preferences, { ...state.profile.preferences, [name]: value })
    changesOnly(state, next, "profile")
  })

  it.prop("of the context touch what they name", [State, fc.string(), anything], ([state, topic, value]) => {
    const next = pipe(
      state,
      Customer.updateContext({ currentTopic: topic, lastInteraction: at }),
      Customer.addIntent("order"),
      Customer.setEntities({ id: value }),
      Customer.setEntities({ other: 1 })
    )
    assert.deepStrictEqual(next.conversationContext, {
      currentTopic: topic,
      lastInteraction: at,
      intents: [...state.conversationContext.intents, "order"],
      entities: { id: value, other: 1 }
    })
    changesOnly(state, next, "context")
  })

  it.prop("add messages and attempts at the end", [State, Message, anything], ([state, message, attempt]) => {
    const next = pipe(state, Customer.addMessage(message), Customer.addResolutionAttempt(attempt))
    assert.deepStrictEqual(next.history.messages, [...state.history.messages, message])
    assert.deepStrictEqual(next.history.resolutionAttempts, [...state.history.resolutionAttempts, attempt])
    changesOnly(state, next, "messages", "attempts")
  })

  it.prop(
    "open, change and close items of one kind",
    [State, fc.array(fc.nat(9)), fc.constantFrom(...(["tickets", "orders", "appointments"] as const))],
    ([state, items, kind]) => {
      const open = items.reduce((state, item) => Customer.addActiveItem(kind, item)(state), state)
      assert.deepStrictEqual(open.activeItems[kind], items)
      const halved = Customer.updateActiveItems(kind, (item) =>
        Number(item) % 2 === 0 ? Option.some(Number(item) / 2) : Option.none()
      )(open)
      assert.deepStrictEqual(
        halved.activeItems[kind],
        items.filter((item) => item % 2 === 0).map((item) => item / 2)
      )
      changesOnly(state, halved, "items")
      const others = { ...halved.activeItems, [kind]: [] }
      assert.deepStrictEqual(others, state.activeItems)
    }
  )

  it.prop("note things, and forget them all", [State, name, anything], ([state, key, value]) => {
    const noted = Customer.setTemp(key, value)(state)
    assert.deepStrictEqual(Customer.getTemp(key)(noted), Option.some(value))
    changesOnly(state, noted, "temp")
    assert.deepStrictEqual(Customer.setTemp(key, value)(noted), noted)
    const cleared = Customer.clearTemp(noted)
    assert.deepStrictEqual(cleared.tempState, {})
    assert.deepStrictEqual(Customer.getTemp(key)(cleared), Option.none())
  })

  it("do not take what every object has for a note", () => {
    assert.deepStrictEqual(Customer.getTemp("toString")(Customer.create("ada", at)), Option.none())
  })

  it.prop("start a session, and end it once, with the notes", [State, fc.string()], ([state, type]) => {
    const started = Customer.startSession({ sessionId: "new!", startedAt: at, type })(state)
    const active = Customer.activeSessions(type)(started)
    assert.deepStrictEqual(active.at(-1), {
      ...{ sessionId: "new!", customerId: "ada", type, startedAt: at, endedAt: null, status: "active" }
    })
    assert.strictEqual(Customer.activeSessions()(started).length, Customer.activeSessions()(state).length + 1)
    const ended = Customer.endSession("new!", at)(started)
    assert.deepStrictEqual(Customer.activeSessions()(ended), Customer.activeSessions()(state))
    assert.deepStrictEqual(ended.history.sessions.at(-1)?.status, "completed")
    assert.deepStrictEqual(ended.tempState, {})
    const noted = Customer.setTemp("k", 1)(ended)
    assert.strictEqual(Customer.endSession("new!", at)(noted), noted)
    changesOnly(state, ended, "sessions", "temp")
  })

  it.prop("never change what they were given", [State, Message], ([state, message]) => {
    const frozen = structuredClone(JSON.parse(JSON.stringify(state)))
    pipe(
      state,
      Customer.addMessage(message),
      Customer.startSession({ sessionId: "s", type: "chat", startedAt: at }),
      Customer.endSession("s", at),
      Customer.setTemp("k", 1),
      Customer.updateProfile({ name: "Ada" })
    )
    assert.deepStrictEqual(JSON.parse(JSON.stringify(state)), frozen)
  })
})

describe("A history that grows", () => {
  const Keep = fc.record({
    messages: fc.integer({ min: 1, max: 30 }),
    sessions: fc.integer({ min: 1, max: 10 }),
    resolutionAttempts: fc.integer({ min: 1, max: 10 })
  })

  /** What moved of a kind, in the order of its positions. */
  const valuesOf = (moved: ReadonlyArray<Overflow.Block>, kind: Overflow.Kind) =>
    moved.filter((block) => block.kind === kind).flatMap(({ values }) => values)

  it.prop(
    "moves its oldest parts in whole blocks, in order, and keeps the rest",
    [State, Keep],
    ([{ history }, keep]) => {
      const { history: rest, moved } = Overflow.split(history, keep)
      for (const kind of ["messages", "resolutionAttempts"] as const) {
        const gone = valuesOf(moved, kind)
        assert.deepStrictEqual([...gone, ...rest[kind]], [...history[kind]])
        assert.isBelow(rest[kind].length, keep[kind] + Overflow.blockSize)
        assert.isAtLeast(rest[kind].length, Math.min(keep[kind], history[kind].length))
        assert.strictEqual(rest.archived[kind], gone.length)
      }
      for (const { values } of moved) assert.lengthOf(values, Overflow.blockSize)
    }
  )

  it.prop("moves sessions that are completed, the oldest first", [State, Keep], ([{ history }, keep]) => {
    const sessions = [...history.sessions, ...history.sessions.map((session) => ({ ...session }))]
    const { history: rest, moved } = Overflow.split({ ...history, sessions }, keep)
    const gone = valuesOf(moved, "sessions")
    const completed = sessions.filter(({ status }) => status === "completed")
    assert.deepStrictEqual(gone, completed.slice(0, gone.length))
    assert.deepStrictEqual(
      rest.sessions,
      sessions.filter((session) => !gone.includes(session))
    )
    const left = rest.sessions.filter(({ status }) => status === "completed").length
    assert.isTrue(rest.sessions.length < keep.sessions + Overflow.blockSize || left < Overflow.blockSize)
    assert.isTrue(gone.length === 0 || rest.sessions.length >= keep.sessions)
  })

  it.prop("moves at most so much at a time, and the rest the next times", [fc.integer({ min: 0, max: 950 })], ([n]) => {
    const keep = { messages: 5, sessions: 5, resolutionAttempts: 5 }
    let history: Customer.History = {
      ...Customer.create("ada", at).history,
      resolutionAttempts: Array.from({ length: n }, (_, i) => i)
    }
    const archived: Array<ReadonlyArray<unknown>> = []
    for (let round = 0; round < 6; round++) {
      const { history: rest, moved } = Overflow.split(history, keep)
      assert.isAtMost(moved.length, Overflow.blocksMax)
      for (const { number, values } of moved) archived[number] = values
      history = rest
    }
    assert.deepStrictEqual(
      [...archived.flat(), ...history.resolutionAttempts],
      Array.from({ length: n }, (_, i) => i)
    )
    assert.isBelow(history.resolutionAttempts.length, 15)
  })
})
