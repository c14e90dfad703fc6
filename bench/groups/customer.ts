/**
 * What a message costs at the end of a long history: the 10,000th compared with the 10th.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Customer, MemoryStore, StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import { RedisStore } from "effect-state/redis"
import { SqliteStore } from "effect-state/sqlite"
import type { Backend, Extra, Group } from "../Case.ts"
import * as Runner from "../Runner.ts"
import * as Servers from "../Servers.ts"
import { files } from "./sqlite.ts"
import { toolkit } from "./Toolkit.ts"

const message = {
  role: "user",
  content: "I need a ferry to the island on Friday, and one back on Sunday evening, please."
}

const times = <A, E>(n: number, run: (i: number) => Effect.Effect<A, E>) =>
  Effect.forEach(
    Array.from({ length: n }, (_, i) => i),
    run,
    { discard: true }
  )

const elapsedMs = <A, E>(run: Effect.Effect<A, E>): Effect.Effect<number, E> =>
  Runner.tidied(
    Effect.suspend(() => {
      const startMs = performance.now()
      return Effect.map(run, () => performance.now() - startMs)
    })
  )

const group = (
  backend: Backend,
  layer: Effect.Effect<Layer.Layer<StateStore.StateStore, unknown>, unknown, Scope.Scope | Servers.Servers>
): Group => {
  let customers: Customer.Customers | undefined
  let round = 0

  /** Turns of ten messages, long and short in alternation, so that both have a whole block moved as often as it comes. */
  const append: Extra = {
    operation: "append",
    rival: "the 10th message",
    goal: { atMost: 1.25 },
    measure: (_contest, _items, { keys, name }) =>
      Effect.gen(function* () {
        if (customers === undefined) return yield* Effect.dieMessage("it is not open")
        const { addMessage, messages } = customers
        const before = name === "smoke" ? 50 : 9_900
        const turns = Math.min(50, keys / 100)
        const missing = before - (yield* messages.count("long"))
        yield* times(Math.max(0, missing), () => addMessage("long", message))
        const longMs: Array<number> = []
        const shortMs: Array<number> = []
        round++
        for (let turn = 0; turn < turns; turn++) {
          const fresh = Array.from({ length: 10 }, (_, i) => `short ${round} ${turn} ${i}`)
          yield* Effect.forEach(fresh, (id) => times(9, () => addMessage(id, message)))
          const long = elapsedMs(times(10, () => addMessage("long", message)))
          const short = elapsedMs(Effect.forEach(fresh, (id) => addMessage(id, message), { discard: true }))
          // Who comes first has the caches as the other left them.
          if (turn % 2 === 0) {
            longMs.push(yield* long)
            shortMs.push(yield* short)
          } else {
            shortMs.push(yield* short)
            longMs.push(yield* long)
          }
        }
        // A turn takes a millisecond: one that met a neighbour of this process must not decide.
        return Runner.quartiles(longMs).median / Runner.quartiles(shortMs).median
      })
  }

  return {
    backend,
    setting: "Customer",
    cases: [],
    extra: [append],
    open: Effect.gen(function* () {
      const context = yield* Layer.build(yield* layer)
      customers = yield* Effect.provide(Customer.make("customers"), context)
      return { ours: toolkit(Context.get(context, StateStore.StateStore)), rivals: {} }
    })
  }
}

export const customers: ReadonlyArray<Group> = [
  group("memory", Effect.succeed(MemoryStore.layer())),
  group(
    "sqlite",
    Effect.map(files, (file) => SqliteStore.layer({ filename: file("customer") }))
  ),
  group(
    "redis",
    Effect.map(Servers.redisUrl, (url) => RedisStore.layer({ url }))
  ),
  group(
    "postgres",
    Effect.map(Servers.postgresUrl, (url) => PostgresStore.layer({ url }))
  )
]
