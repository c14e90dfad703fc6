import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Lock, StateMachine, type StateStore } from "effect-state"
import { expectTypeOf } from "vitest"

const states = { Idle: {}, Asking: { question: Schema.String }, Done: { at: Schema.Date } }
const events = { Start: { question: Schema.String }, Answer: { at: Schema.Date }, Cancel: {} }

const Order = StateMachine.make({
  id: "Order",
  states,
  events,
  data: { name: Schema.String, since: Schema.Date },
  message: Schema.Number,
  initial: "Idle",
  on: {
    Idle: { Start: { to: "Asking", fields: ({ event }) => event } },
    Asking: {
      Answer: [
        {
          to: "Done",
          guard: ({ data, event, state }) => {
            expectTypeOf(state).toEqualTypeOf<{ readonly _tag: "Asking"; readonly question: string }>()
            expectTypeOf(event).toEqualTypeOf<{ readonly _tag: "Answer"; readonly at: Date }>()
            expectTypeOf(data).toEqualTypeOf<{ readonly name?: string; readonly since?: Date }>()
            return true
          },
          fields: ({ event }) => ({ at: event.at }),
          data: ({ event }) => ({ since: event.at }),
          emit: ({ next }) => {
            expectTypeOf(next).toEqualTypeOf<{ readonly _tag: "Done"; readonly at: Date }>()
            return next.at.getTime()
          }
        },
        { to: "Idle" }
      ],
      Cancel: "Idle"
    }
  }
})

type State = typeof Order.State.Type

/** The types of a table are what is tested: it is never run. */
const refuses = (_: () => unknown) => assert.isFunction(_)

describe("A state machine's definition", () => {
  it("has the types of its schemas", () => {
    expectTypeOf<State>().toEqualTypeOf<
      | { readonly _tag: "Idle" }
      | { readonly _tag: "Asking"; readonly question: string }
      | { readonly _tag: "Done"; readonly at: Date }
    >()
    expectTypeOf(Order.events.Start.make({ question: "?" })).toExtend<typeof Order.Event.Type>()
    expectTypeOf(Order.Data.Type).toEqualTypeOf<{ readonly name?: string; readonly since?: Date }>()
  })

  it("takes a state for a stored one that it does not have", () => {
    const { fallback } = StateMachine.make({
      id: "x",
      states,
      events,
      initial: { _tag: "Asking", question: "?" },
      on: {},
      fallback: ({ fields, tag }) =>
        tag === "Waiting" ? { _tag: "Asking" as const, question: String(fields.prompt) } : undefined
    })
    assert.deepStrictEqual(fallback?.({ tag: "Waiting", fields: { prompt: "?" } }), { _tag: "Asking", question: "?" })
    refuses(() =>
      // @ts-expect-error its question is missing
      StateMachine.make({ id: "x", states, events, initial: "Idle", on: {}, fallback: () => ({ _tag: "Asking" }) })
    )
  })

  it("knows no other states and events than its own", () => {
    const base = { id: "x", states, events, initial: "Idle" } as const
    // @ts-expect-error there is no such state to go to
    refuses(() => StateMachine.make({ ...base, on: { Idle: { Cancel: "Nowhere" } } }))
    // @ts-expect-error there is no such state to go to
    refuses(() => StateMachine.make({ ...base, on: { Idle: { Cancel: { to: "Nowhere" } } } }))
    // @ts-expect-error there is no such state to leave
    refuses(() => StateMachine.make({ ...base, on: { Nowhere: { Cancel: "Idle" } } }))
    // @ts-expect-error there is no such event
    refuses(() => StateMachine.make({ ...base, on: { Idle: { Never: "Idle" } } }))
    // @ts-expect-error there is no such state to begin with
    refuses(() => StateMachine.make({ ...base, initial: "Nowhere", on: {} }))
  })

  it("demands the data of the next state, and no other", () => {
    const base = { id: "x", states, events, initial: "Idle" } as const
    // @ts-expect-error its question is missing
    refuses(() => StateMachine.make({ ...base, on: { Idle: { Start: "Asking" } } }))
    // @ts-expect-error its question is missing
    refuses(() => StateMachine.make({ ...base, on: { Idle: { Start: { to: "Asking" } } } }))
    // @ts-expect-error its question is missing
    refuses(() => StateMachine.make({ ...base, initial: "Asking", on: {} }))
    refuses(() =>
      StateMachine.make({
        ...base,
        // @ts-expect-error a question is text
        on: { Idle: { Start: { to: "Asking", fields: () => ({ question: 1 }) } } }
      })
    )
    refuses(() =>
      StateMachine.make({
        ...base,
        // @ts-expect-error this event has no question
        on: { Idle: { Cancel: { to: "Asking", fields: ({ event }) => ({ question: event.question }) } } }
      })
    )
    refuses(() =>
      StateMachine.make({
        ...base,
        data: { name: Schema.String },
        // @ts-expect-error a name is text
        on: { Idle: { Cancel: { to: "Idle", data: () => ({ name: 1 }) } } }
      })
    )
    refuses(() =>
      StateMachine.make({
        ...base,
        // @ts-expect-error there are no messages
        on: { Idle: { Cancel: { to: "Idle", emit: () => 1 } } }
      })
    )
    refuses(() =>
      StateMachine.make({
        ...base,
        message: Schema.Number,
        // @ts-expect-error a message is a number
        on: { Idle: { Cancel: { to: "Idle", emit: () => "1" } } }
      })
    )
    // @ts-expect-error a state's name is its tag
    refuses(() => StateMachine.make({ ...base, states: { Idle: { _tag: Schema.String } }, on: {} }))
  })
})

describe("A transition between a state and an event that are known", () => {
  const { Answer, Cancel, Start } = Order.events
  const asking = Order.states.Asking.make({ question: "?" })
  const idle = Order.states.Idle.make()

  it("leads to the states that it may lead to, and can't fail for want of a transition", () => {
    const answered = StateMachine.transition(Order, asking, Answer.make({ at: new Date(0) }))
    type To = Either.Either.Right<typeof answered>["to"]
    expectTypeOf<To>().toEqualTypeOf<{ readonly _tag: "Idle" } | { readonly _tag: "Done"; readonly at: Date }>()
    expectTypeOf<Either.Either.Left<typeof answered>>().toEqualTypeOf<StateMachine.GuardRefused>()
    const started = StateMachine.transition(Order, idle, Start.make({ question: "?" }))
    expectTypeOf<Either.Either.Right<typeof started>["to"]["question"]>().toEqualTypeOf<string>()
  })

  it("does not compile if it is illegal", () => {
    // @ts-expect-error: of all states only one takes it.
    refuses(() => StateMachine.transition(Order, Order.initial, Answer.make({ at: new Date(0) })))
    // @ts-expect-error nobody has asked yet
    refuses(() => StateMachine.transition(Order, idle, Answer.make({ at: new Date(0) })))
    // @ts-expect-error nothing is left to cancel
    refuses(() => StateMachine.transition(Order, Order.states.Done.make({ at: new Date(0) }), Cancel.make()))
    // @ts-expect-error it has been asked already
    refuses(() => StateMachine.transition(Order, asking, Start.make({ question: "?" })))
  })

  it("is checked when it is run where the state is not known", () => {
    type Result = ReturnType<
      typeof StateMachine.step<State, typeof Order.Event.Type, {}, number, StateMachine.Edge, never>
    >
    expectTypeOf<Either.Either.Left<Result>>().toEqualTypeOf<StateMachine.GuardRefused | StateMachine.NoTransition>()
    // @ts-expect-error there is no such event
    refuses(() => StateMachine.step(Order, idle, { _tag: "Never" }))
    // @ts-expect-error an answer has a time
    refuses(() => StateMachine.step(Order, idle, { _tag: "Answer" }))
  })
})

class Mailer extends Context.Tag("Mailer")<Mailer, { readonly send: Effect.Effect<void, "mail"> }>() {}

class Plain extends StateMachine.Tag<Plain>()("Plain", { machine: Order }) {}

class Full extends StateMachine.Tag<Full>()("Full", {
  machine: Order,
  key: StateMachine.ConversationKey.userInChat,
  isolation: true,
  entry: {
    Asking: ({ context, id, state, transition }) => {
      expectTypeOf(state).toEqualTypeOf<{ readonly _tag: "Asking"; readonly question: string }>()
      expectTypeOf(id.user).toEqualTypeOf<string | number | bigint>()
      expectTypeOf(transition.from).toEqualTypeOf<State>()
      return Effect.zipRight(
        Effect.flatMap(Mailer, ({ send }) => send),
        context.getData
      )
    }
  },
  exit: { Done: () => Effect.fail(404) }
}) {}

describe("A machine's contexts", () => {
  it("need what effects and schemas need", () => {
    expectTypeOf(Plain.layer).toEqualTypeOf<Layer.Layer<Plain, never, StateStore.StateStore>>()
    expectTypeOf(Full.layer).toEqualTypeOf<Layer.Layer<Full, never, StateStore.StateStore | Mailer>>()
  })

  it("fail with what effects and isolation fail with, and with no more", () => {
    const plain = Effect.flatMap(Plain, (contexts) => contexts.at("a").send({ _tag: "Cancel" }))
    type PlainError = Effect.Effect.Error<typeof plain>
    expectTypeOf<Extract<PlainError, { _tag: "EffectFailed" | "LockLost" | "LockTimeout" }>>().toEqualTypeOf<never>()
    const full = Effect.flatMap(Full, (contexts) => contexts.at({ chat: 1, user: 2 }).send({ _tag: "Cancel" }))
    type FullError = Effect.Effect.Error<typeof full>
    expectTypeOf<Extract<FullError, { _tag: "LockLost" }>>().toEqualTypeOf<Lock.LockLost>()
    type Failed = Extract<FullError, { _tag: "EffectFailed" }>["error"]
    expectTypeOf<Extract<Failed, "mail" | number>>().toEqualTypeOf<"mail" | number>()
  })

  it("take the ids of their key, and the machine's events", () => {
    // @ts-expect-error the user is missing
    refuses(() => Effect.map(Full, (contexts) => contexts.at({ chat: 1 })))
    // @ts-expect-error there is no such event
    refuses(() => Effect.flatMap(Plain, (contexts) => contexts.at("a").send({ _tag: "Never" })))
    // @ts-expect-error there is no such state
    refuses(() => Effect.flatMap(Plain, (contexts) => contexts.at("a").setState({ _tag: "Never" })))
    // @ts-expect-error there is no such field
    refuses(() => Effect.flatMap(Plain, (contexts) => contexts.at("a").updateData({ nme: "Ada" })))
    // @ts-expect-error there is no such state to enter
    refuses(() => StateMachine.contexts("a", { machine: Order, entry: { Never: () => Effect.void } }))
    assert.isFunction(Lock.withLock)
  })
})
