import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { Lock, MemoryStore, Namespace, StateMachine, StateStore } from "effect-state"
import { make as makeMemory } from "../../src/backends/memory/backend.ts"
import { Again, answer, idle, inMemory, Order, Orders, on, start } from "./orders.ts"

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
