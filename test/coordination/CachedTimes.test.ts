import { assert, describe } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Cached, StateStore } from "effect-state"
import { counting, Down, finish, lease, numberOf, type Options, open, settle, test } from "./answers.ts"

describe("The times of a cache", () => {
  test(
    "serves a stale result at once while one looks up again",
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { count, lookup } = yield* counting((n) => (n === 1 ? Effect.void : Deferred.await(gate)))
      const cache = yield* open(lookup, { staleWhileRevalidate: "1 hour" })
      const other = yield* open(lookup, { staleWhileRevalidate: "1 hour" })
      yield* cache.get("a")
      yield* TestClock.adjust("2 minutes")
      for (const each of [cache, cache, other, cache]) {
        assert.strictEqual((yield* each.get("a")).n, 1)
        yield* settle
      }
      assert.strictEqual(yield* count, 2)
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.strictEqual((yield* other.get("a")).n, 2)
      yield* TestClock.adjust("61 minutes")
      assert.strictEqual((yield* cache.get("a")).n, 3)
      assert.deepStrictEqual(yield* cache.stats, { hits: 0, misses: 2, stale: 3, lookups: 3, failures: 0 })
    })
  )

  test(
    "serves the last good result when the lookup fails, for as long as it may",
    Effect.gen(function* () {
      const { count, lookup } = yield* counting((n) => (n === 1 ? Effect.void : new Down({ n })))
      const cache = yield* open(lookup, { staleIfError: "1 hour" })
      yield* cache.get("a")
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* cache.get("a")).n, 1)
      assert.strictEqual((yield* cache.get("a")).n, 1)
      assert.strictEqual(yield* count, 3)
      assert.deepStrictEqual(yield* cache.stats, { hits: 0, misses: 3, stale: 2, lookups: 3, failures: 2 })
      assert.deepStrictEqual(yield* Effect.flip(cache.refresh("a")), new Down({ n: 4 }))
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* Effect.flip(cache.get("a")), new Down({ n: 5 }))
    })
  )

  test(
    "keeps the two kinds of staleness apart",
    Effect.gen(function* () {
      const { count, lookup } = yield* counting()
      const cache = yield* open(lookup, { staleIfError: "1 hour", staleWhileRevalidate: "1 minute" })
      yield* cache.get("a")
      yield* TestClock.adjust("90 seconds")
      assert.strictEqual((yield* cache.get("a")).n, 1)
      yield* settle
      assert.strictEqual(yield* count, 2)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* cache.get("a")).n, 3)
    })
  )

  test(
    "serves a stale result after the soft timeout, and the lookup goes on",
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { count, lookup } = yield* counting((n) => (n === 1 ? Effect.void : Deferred.await(gate)))
      const cache = yield* open(lookup, { staleIfError: "1 hour", softTimeout: "2 seconds" })
      yield* cache.get("a")
      yield* TestClock.adjust("2 minutes")
      const fiber = yield* Effect.fork(numberOf(cache.get("a")))
      yield* TestClock.adjust("1999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(fiber), 1)
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      assert.strictEqual((yield* cache.get("a")).n, 2)
      assert.strictEqual(yield* count, 2)
    })
  )

  test(
    "fails after the hard timeout, whatever the lookup does",
    Effect.gen(function* () {
      const { lookup } = yield* counting(() => Effect.uninterruptible(Effect.sleep("1 hour")))
      const cache = yield* open(lookup, { hardTimeout: "5 seconds", softTimeout: "1 second" })
      const fiber = yield* Effect.fork(Effect.flip(cache.get("a")))
      yield* TestClock.adjust("4999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(
        yield* Fiber.join(fiber),
        new Cached.LookupTimeout({ cache: "answers", key: "a", timeoutMs: 5_000 })
      )
      yield* TestClock.adjust("1 hour")
    })
  )

  test(
    "fails after the hard timeout when another process keeps the lease",
    Effect.gen(function* () {
      const { count, lookup } = yield* counting(() => Effect.sleep("1 hour"))
      const one = yield* open(lookup, { hardTimeout: "1 day" })
      const other = yield* open(lookup, { hardTimeout: "5 seconds" })
      yield* Effect.fork(one.get("a"))
      yield* settle
      const fiber = yield* Effect.fork(Effect.flip(other.get("a")))
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "LookupTimeout")
      assert.strictEqual(yield* count, 1)
    })
  )

  test(
    "takes the time to live from the result",
    Effect.gen(function* () {
      const { lookup } = yield* counting()
      const cache = yield* open(lookup, { ttl: ({ n }) => (n === 1 ? 0 : Duration.seconds(n)) })
      assert.strictEqual((yield* cache.get("a")).n, 1) // Not kept.
      assert.isFalse(yield* lease("a"))
      assert.strictEqual((yield* cache.get("a")).n, 2)
      yield* TestClock.adjust("1999 millis")
      assert.strictEqual((yield* cache.get("a")).n, 2)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* cache.get("a")).n, 3)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* cache.get("a")).n, 3)
    })
  )

  test(
    "forgets what a result replaces that is not kept",
    Effect.gen(function* () {
      const { lookup } = yield* counting((n) => (n === 2 ? new Down({ n }) : Effect.void))
      const failure: Options["failure"] = { schema: Down, ttl: "1 hour" }
      const ttl: Options["ttl"] = ({ n }) => (n === 1 ? "1 hour" : 0)
      const cache = yield* open(lookup, { failure, staleIfError: "1 hour", staleWhileRevalidate: "1 hour", ttl })
      yield* cache.get("a")
      yield* Effect.flip(cache.refresh("a"))
      assert.strictEqual((yield* cache.refresh("a")).n, 3)
      assert.strictEqual((yield* cache.get("a")).n, 4)
      assert.deepStrictEqual(yield* Effect.flatMap(StateStore.StateStore, (store) => store.count({})), 0)
    })
  )

  test(
    "takes a random part off the time to live",
    Effect.gen(function* () {
      const { lookup } = yield* counting()
      const cache = yield* open(lookup, { ttlJitter: 0.5 })
      const keys = Arr.range(1, 30).map(String)
      yield* Effect.forEach(keys, cache.get)
      const store = (yield* StateStore.StateStore).namespace("answers")
      const entries = yield* store.getMany(keys.map((key) => `f:${key}`))
      const lives = Arr.getSomes(entries).map((entry) => Number(entry.expiresAtMs) - entry.createdAtMs)
      assert.strictEqual(lives.length, 30)
      assert.isTrue(lives.every((ms) => ms >= 30_000 && ms <= 60_000))
      assert.isAbove(new Set(lives).size, 20)
    })
  )

  test(
    "remembers failures for a time, in every process",
    Effect.gen(function* () {
      const { count, lookup } = yield* counting((n) => (n <= 2 ? new Down({ n }) : Effect.void))
      const failure: Options["failure"] = { schema: Down, ttl: ({ n }) => (n === 1 ? "5 seconds" : 0) }
      const cache = yield* open(lookup, { failure })
      const other = yield* open(lookup, { failure })
      for (const each of [cache, other, cache])
        assert.deepStrictEqual(yield* Effect.flip(each.get("a")), new Down({ n: 1 }))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* Effect.flip(cache.get("a")), new Down({ n: 2 })) // Not remembered.
      assert.strictEqual((yield* cache.get("a")).n, 3)
      assert.strictEqual(yield* count, 3)
      assert.deepStrictEqual(yield* cache.stats, { hits: 1, misses: 3, stale: 0, lookups: 3, failures: 2 })
    })
  )

  test(
    "tells those who wait in another process of a failure that is remembered",
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { count, lookup } = yield* counting((n) => Effect.zipRight(Deferred.await(gate), new Down({ n })))
      const failure: Options["failure"] = { schema: Down, ttl: "1 minute" }
      const one = yield* open(lookup, { failure })
      const other = yield* open(lookup, { failure })
      const first = yield* Effect.fork(Effect.flip(one.get("a")))
      yield* settle
      const second = yield* Effect.fork(Effect.flip(other.get("a")))
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual([yield* finish(first), yield* finish(second)], [new Down({ n: 1 }), new Down({ n: 1 })])
      assert.strictEqual(yield* count, 1)
    })
  )

  test(
    "does not look up while a failure is remembered, where a stale result will do",
    Effect.gen(function* () {
      const { count, lookup } = yield* counting((n) => (n === 2 ? new Down({ n }) : Effect.void))
      const cache = yield* open(lookup, { failure: { schema: Down, ttl: "5 seconds" }, staleIfError: "1 hour" })
      yield* cache.get("a")
      yield* TestClock.adjust("2 minutes")
      for (const _ of [1, 2, 3]) assert.strictEqual((yield* cache.get("a")).n, 1)
      assert.strictEqual(yield* count, 2)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual((yield* cache.get("a")).n, 3)
    })
  )

  test(
    "looks up, and serves a stale result in time, where nothing can be interrupted",
    Effect.gen(function* () {
      const { lookup } = yield* counting((n) => (n === 1 ? Effect.void : Effect.never))
      const cache = yield* Effect.uninterruptible(open(lookup, { staleIfError: "1 hour", softTimeout: "2 seconds" }))
      for (const after of ["0 seconds", "2 minutes"] as const) {
        yield* TestClock.adjust(after)
        const fiber = yield* Effect.fork(Effect.uninterruptible(numberOf(cache.get("a"))))
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(yield* Fiber.poll(fiber), Option.some(Exit.succeed(1)))
      }
    })
  )
})
