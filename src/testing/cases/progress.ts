/**
 * Counters, progress and dictionaries of users: what many do at once is all there.
 */
import { strict as assert } from "node:assert"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Counter from "../../state/counter/Counter.ts"
import * as Progress from "../../state/progress/Progress.ts"
import * as UserState from "../../state/userState/UserState.ts"
import * as StateStore from "../../store/StateStore.ts"
import { type Case, storeCase } from "../Case.ts"
import type { Service as Harness } from "../Harness.ts"

const atomic = storeCase("atomic")
const time = storeCase("time")

const on = (store: StateStore.Service) => Effect.provideService(StateStore.StateStore, store)

/** The store, and another one that shows the same entries where there can be one: two processes, so to speak. */
const twice = (
  store: StateStore.Service,
  harness: Harness
): Effect.Effect<readonly [StateStore.Service, StateStore.Service], unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const other = yield* harness.open()
    yield* store.set("shared?", true)
    return [store, (yield* other.exists("shared?")) ? other : store]
  })

const hundred = Arr.range(1, 100)

export const progressCases: ReadonlyArray<Case> = [
  atomic("a hundred increments from two stores are a hundred", (store, harness) =>
    Effect.gen(function* () {
      const counters = yield* Effect.forEach(yield* twice(store, harness), (store) => on(store)(Counter.make("hits")))
      const sums = yield* Effect.forEach(hundred, (i) => Arr.unsafeGet(counters, i % 2).increment("home"), {
        concurrency: "unbounded"
      })
      assert.deepEqual(
        sums.toSorted((a, b) => a - b),
        hundred
      )
      const [counter] = counters
      assert.equal(yield* counter?.decrement("home", 40) ?? 0, 60)
      assert.equal(yield* counter?.get("home") ?? 0, 60)
    })
  ),
  atomic("workers' progress adds up, and one alone is told that it is finished", (store, harness) =>
    Effect.gen(function* () {
      const workers = yield* Effect.forEach(yield* twice(store, harness), (store) => on(store)(Progress.make("jobs")))
      const job = Arr.unsafeGet(workers, 0)
      yield* job.start("import:1", { total: 100 })
      const seen = yield* Effect.forEach(
        hundred,
        (i) => Arr.unsafeGet(workers, i % 2).advance("import:1", i % 10 === 0 ? { failed: 1 } : { processed: 1 }),
        { concurrency: "unbounded" }
      )
      assert.equal(Arr.getSomes(seen).filter(Progress.isFinished).length, 1)
      const { failed, processed, total } = Option.getOrThrow(yield* job.get("import:1"))
      assert.deepEqual([failed, processed, total], [10, 90, 100])
      assert.deepEqual(Array.from(yield* Stream.runCollect(job.stream), Progress.done), [100])
    })
  ),
  atomic("a job that was not started has no progress", (store) =>
    Effect.gen(function* () {
      const jobs = yield* on(store)(Progress.make("jobs"))
      assert.deepEqual(yield* jobs.advance("a", { processed: 1 }), Option.none())
      assert.deepEqual(yield* jobs.get("a"), Option.none())
      assert.equal(yield* jobs.store.count({}), 0)
      yield* jobs.start("a", { total: 1 })
      yield* jobs.advance("a", { processed: 1 })
      yield* jobs.start("a", { total: 2 })
      assert.equal(Progress.done(Option.getOrThrow(yield* jobs.get("a"))), 0)
      assert.equal(yield* jobs.remove("a"), true)
      assert.equal(yield* jobs.remove("a"), false)
    })
  ),
  time("progress lives as long as it goes on", (store, { advance }) =>
    Effect.gen(function* () {
      const jobs = yield* on(store)(Progress.make("jobs", { ttl: "2 seconds" }))
      yield* jobs.start("a", { total: 2 })
      yield* advance(1_001)
      yield* jobs.advance("a", { processed: 1 })
      yield* advance(1_001)
      assert.equal(Progress.done(Option.getOrThrow(yield* jobs.get("a"))), 1)
      yield* advance(1_000)
      assert.deepEqual(yield* jobs.get("a"), Option.none())
    })
  ),
  atomic("a hundred keys of a user's dictionary set at once are all there", (store, harness) =>
    Effect.gen(function* () {
      const users = yield* Effect.forEach(yield* twice(store, harness), (store) => on(store)(UserState.make("users")))
      yield* Effect.forEach(hundred, (i) => Arr.unsafeGet(users, i % 2).update("ada", `key ${i}`, i), {
        concurrency: "unbounded"
      })
      const expected = Object.fromEntries(hundred.map((i) => [`key ${i}`, i]))
      assert.deepEqual(yield* Arr.unsafeGet(users, 0).get("ada"), expected)
    })
  ),
  time("a user's dictionary lives for its time after the last write", (store, { advance }) =>
    Effect.gen(function* () {
      const users = yield* on(store)(UserState.make("users", { ttl: "2 seconds" }))
      yield* users.set("ada", { a: 1 })
      yield* advance(1_001)
      yield* users.update("ada", "b", 2)
      yield* advance(1_001)
      assert.deepEqual(yield* users.get("ada"), { a: 1, b: 2 })
      assert.equal(yield* users.remove("ada", "a"), true)
      yield* advance(2_001)
      assert.deepEqual(yield* users.get("ada"), {})
    })
  )
]
