/**
 * Events that are delivered to a machine under faults: commits that are refused, answers that are lost, writers in between.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Backend, StateMachine, StateStore } from "effect-state"
import * as fc from "fast-check"
import { make as makeMemory } from "../../src/backends/memory/backend.ts"

/** It writes down what it was told, in order, and says the same to the outbox. */
const Ledger = StateMachine.make({
  id: "Ledger",
  states: { Open: { said: Schema.Array(Schema.Int) }, Full: { said: Schema.Array(Schema.Int) } },
  events: { Say: { n: Schema.Int } },
  data: { sum: Schema.Int, elsewhere: Schema.Int },
  message: Schema.Int,
  initial: { _tag: "Open", said: [] },
  on: {
    Open: {
      Say: [
        {
          to: "Open",
          guard: ({ event, state }) => state.said.length < 9 && event.n % 7 !== 0,
          fields: ({ event, state }) => ({ said: [...state.said, event.n] }),
          data: ({ data, event }) => ({ sum: (data.sum ?? 0) + event.n }),
          emit: ({ event }) => event.n
        },
        {
          to: "Full",
          guard: ({ event }) => event.n % 7 !== 0,
          fields: ({ event, state }) => ({ said: [...state.said, event.n] }),
          data: ({ data, event }) => ({ sum: (data.sum ?? 0) + event.n }),
          emit: ({ event }) => event.n
        }
      ]
    }
  }
})
const { Say } = Ledger.events

/** What happens to a commit: nothing, refused before it was sent, applied but its answer lost, or somebody writes before it. */
type Fate = "fine" | "refused" | "lost" | "overtaken"

const faulty = (fates: Iterator<Fate>, overtake: Effect.Effect<unknown, unknown>) =>
  Effect.map(makeMemory, (memory): Backend.Backend => {
    let isOvertaking = false
    return {
      ...memory,
      now: undefined,
      commit: (batch) =>
        Effect.suspend(() => {
          if (isOvertaking) return memory.commit(batch)
          const fate = fates.next().value ?? "fine"
          if (fate === "refused") return Effect.succeed(batch.map(() => Backend.fault("unavailable", "refused")))
          if (fate === "lost") {
            return Effect.map(memory.commit(batch), () =>
              batch.map(() => Backend.fault("unavailable", "lost", { outcome: "unknown" }))
            )
          }
          if (fate === "fine") return memory.commit(batch)
          isOvertaking = true
          const other = Effect.ensuring(
            Effect.orDie(overtake),
            Effect.sync(() => {
              isOvertaking = false
            })
          )
          return Effect.zipRight(other, memory.commit(batch))
        })
    }
  })

const fates = fc.infiniteStream(fc.constantFrom<Fate>("fine", "fine", "refused", "lost", "overtaken"))
const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 })

describe("A messenger who delivers until there is an answer", () => {
  it.scoped.prop(
    "delivers each event once, in order, whatever becomes of the commits",
    [numbers, fates],
    ([numbers, fates]) =>
      Effect.gen(function* () {
        let overtaken = 0
        const backend: Backend.Backend = yield* faulty(
          fates,
          Effect.suspend(() => context.updateData({ elsewhere: ++overtaken }))
        )
        const store = yield* StateStore.make(backend)
        const ledgers = yield* Effect.provideService(
          StateMachine.contexts("ledgers", { machine: Ledger }),
          StateStore.StateStore,
          store
        )
        const context = ledgers.at("a")
        let expected: ReadonlyArray<number> = []
        for (const n of numbers) {
          const send = context.send(Say.make({ n }), { id: String(n) })
          const answer = yield* Effect.either(
            Effect.retry(send, { while: (error) => error._tag === "StoreUnavailable", times: 100 })
          )
          const isSaid = n % 7 !== 0 && expected.length < 10
          if (isSaid) expected = [...expected, n]
          if (Either.isRight(answer)) assert.deepStrictEqual(answer.right.to.said, expected)
          else assert.strictEqual(answer.left._tag, expected.length === 10 ? "NoTransition" : "GuardRefused")
          assert.strictEqual(Either.isRight(answer), isSaid)
          // However often it comes again, the answer stays.
          const again = yield* Effect.either(
            Effect.retry(send, { while: (error) => error._tag === "StoreUnavailable", times: 100 })
          )
          assert.deepStrictEqual(
            Either.map(again, ({ isRepeated: _, ...rest }) => rest),
            Either.map(answer, ({ isRepeated: _, ...rest }) => rest)
          )
        }
        assert.deepStrictEqual((yield* context.getState).said, expected)
        const { elsewhere = 0, sum = 0 } = yield* context.getData
        assert.strictEqual(
          sum,
          expected.reduce((a, b) => a + b, 0)
        )
        assert.strictEqual(elsewhere, overtaken)
        const messages = Array.from(yield* Stream.runCollect(ledgers.outbox), ({ message }) => message)
        assert.deepStrictEqual(messages, expected)
      }),
    { fastCheck: { numRuns: 25 } }
  )
})
