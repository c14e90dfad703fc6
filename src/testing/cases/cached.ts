/**
 * A cache: one lookup at a time in all processes, and nothing served that was invalidated. Each cache that a case opens is
 * another process's.
 */
import { strict as assert } from "node:assert"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Cached from "../../coordination/cached/Cached.ts"
import * as StateStore from "../../store/StateStore.ts"
import { type Case, storeCase } from "../Case.ts"
import type { Service as HarnessService } from "../Harness.ts"

const atomic = storeCase("atomic")
const time = storeCase("time")

interface Options {
  readonly ttl?: Duration.DurationInput
  readonly lease?: Duration.DurationInput
  readonly staleWhileRevalidate?: Duration.DurationInput
}

/** A cache whose results are the numbers of their lookups. */
const open = (store: StateStore.Service, lookup: Effect.Effect<number>, options: Options = {}) =>
  Effect.provideService(
    Cached.make("answers", {
      schema: Schema.Number,
      key: (key: string) => key,
      lookup: () => lookup,
      tags: () => ["tag"],
      ttl: "1 hour",
      ...options
    }),
    StateStore.StateStore,
    store
  )

/** The first lookup says when it has begun, and waits for the gate. */
const makeLookup = Effect.gen(function* () {
  const gate = yield* Deferred.make<void>()
  const begun = yield* Deferred.make<void>()
  let count = 0
  const lookup = Effect.suspend(() => {
    const n = ++count
    return n === 1
      ? Deferred.succeed(begun, undefined).pipe(Effect.zipRight(Deferred.await(gate)), Effect.as(n))
      : Effect.succeed(n)
  })
  return { lookup, begun: Deferred.await(begun), finish: Deferred.succeed(gate, undefined), count: () => count }
})

/** Lets time go by until a fiber is done. */
const join = <A, E>(harness: HarnessService, fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<A, unknown> =>
  Effect.flatMap(Fiber.poll(fiber), (exit) =>
    Option.isSome(exit) ? exit.value : Effect.flatMap(harness.advance(10), () => join(harness, fiber))
  )

export const cachedCases: ReadonlyArray<Case> = [
  atomic("a cache looks up once for many callers in two processes", (store, harness) =>
    Effect.gen(function* () {
      const { begun, count, finish, lookup } = yield* makeLookup
      const one = yield* open(store, lookup)
      const other = yield* open(store, lookup)
      const first = yield* Effect.fork(Effect.all([one.get("a"), one.get("a")], { concurrency: "unbounded" }))
      yield* begun
      const second = yield* Effect.fork(Effect.all([other.get("a"), one.get("a")], { concurrency: "unbounded" }))
      yield* harness.advance(50)
      yield* finish
      assert.deepEqual(yield* join(harness, first), [1, 1])
      assert.deepEqual(yield* join(harness, second), [1, 1])
      assert.equal(yield* other.get("a"), 1)
      assert.equal(count(), 1)
    })
  ),
  atomic("a cache serves nothing that was looked up before it was invalidated", (store, harness) =>
    Effect.gen(function* () {
      for (const forget of ["invalidate", "invalidateTag"] as const) {
        const { begun, finish, lookup } = yield* makeLookup
        const one = yield* open(store, lookup)
        const other = yield* open(store, lookup)
        const key = forget
        const before = yield* Effect.fork(one.get(key))
        yield* begun
        yield* other[forget](forget === "invalidate" ? key : "tag")
        const after = yield* Effect.fork(one.get(key))
        yield* harness.advance(50)
        yield* finish
        assert.equal(yield* join(harness, before), 1)
        assert.equal(yield* join(harness, after), 2)
        assert.equal(yield* other.get(key), 2)
      }
    })
  ),
  time("a cache's results become stale, and then absent, by the store's clock", (store, harness) =>
    Effect.gen(function* () {
      const { count, finish, lookup } = yield* makeLookup
      yield* finish
      const cache = yield* open(store, lookup, { ttl: "1 second", staleWhileRevalidate: "2 seconds" })
      assert.equal(yield* cache.get("a"), 1)
      assert.equal(yield* cache.get("a"), 1)
      yield* harness.advance(1_001)
      assert.equal(yield* cache.get("a"), 1)
      // A lookup's lease ends in the commit that saves its result.
      const saved = Effect.map(store.namespace("answers").get("l:a"), (lease) => count() === 2 && Option.isNone(lease))
      yield* join(harness, yield* Effect.fork(Effect.repeat(Effect.delay(saved, 5), { until: (is) => is })))
      yield* harness.advance(3_001)
      assert.equal(yield* cache.get("a"), 3)
    })
  ),
  time("a cache takes over from a process that died, and not from one that lives", (store, harness) =>
    Effect.gen(function* () {
      const { begun, count, finish, lookup } = yield* makeLookup
      const one = yield* open(store, lookup, { lease: "2 seconds" })
      const other = yield* open(store, lookup, { lease: "2 seconds" })
      const alive = yield* Effect.fork(one.get("a"))
      yield* begun
      const waits = yield* Effect.fork(other.get("a"))
      yield* harness.advance(4_000)
      assert.equal(count(), 1)
      yield* finish
      assert.deepEqual([yield* join(harness, alive), yield* join(harness, waits)], [1, 1])
      // What a dead process leaves behind.
      yield* store.namespace("answers").set("l:b", true, { ttl: "300 millis" })
      assert.equal(yield* join(harness, yield* Effect.fork(other.get("b"))), 2)
    })
  )
]
