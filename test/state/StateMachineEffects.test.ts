import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { Backend, MemoryStore, StateMachine, StateStore } from "effect-state"
import { make as makeMemory } from "../../src/backends/memory/backend.ts"
import { Again, answer, Cancel, idle, Order, on, Repeat, Start, start } from "./orders.ts"

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
