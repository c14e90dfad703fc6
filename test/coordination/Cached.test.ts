import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { type Backend, Cached, MemoryStore, StateStore } from "effect-state"
import * as DisturbedStore from "../store/DisturbedStore.ts"

const Answer = Schema.Struct({ at: Schema.Date, n: Schema.Number })
type Answer = typeof Answer.Type

class Down extends Schema.TaggedError<Down>()("Down", { n: Schema.Number }) {}

type Lookup = (key: string) => Effect.Effect<Answer, Down>
type Options = Omit<
  Cached.Options<string, Answer, typeof Answer.Encoded, Down, never, never, typeof Down.Encoded>,
  "schema" | "key" | "lookup"
>

/** A cache of numbered answers; each `open` is another process's. */
const open = (lookup: Lookup, options: Partial<Options> = {}) =>
  Cached.make("answers", { schema: Answer, key: (key: string) => key, lookup, ttl: "1 minute", ...options })

/** Lookups that count themselves, and take as long as they are told. */
const counting = (take: (n: number) => Effect.Effect<void, Down> = () => Effect.void) =>
  Effect.map(Ref.make(0), (count) => ({
    count: Ref.get(count),
    lookup: () =>
      Effect.gen(function* () {
        const n = yield* Ref.updateAndGet(count, (n) => n + 1)
        yield* take(n)
        return { at: new Date(n), n }
      })
  }))

const numberOf = (effect: Effect.Effect<Answer, Down | Cached.CachedError>) => Effect.map(effect, ({ n }) => n)

/** Lets time go by in small steps until a fiber is done. */
const finish = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Fiber.poll(fiber), (exit) =>
    Option.isSome(exit) ? exit.value : Effect.zipRight(TestClock.adjust("10 millis"), finish(fiber))
  )

/** Lets every fiber go on until it waits for something that only time or the test brings. */
const settle = TestClock.adjust(0)

const lease = (key: string) =>
  Effect.flatMap(StateStore.StateStore, (store) => store.namespace("answers").exists(`l:${key}`))

const test = (name: string, body: Effect.Effect<void, unknown, StateStore.StateStore | Scope.Scope>) =>
  it.scoped(name, () => Effect.provide(body, MemoryStore.layer()))

describe("Cached", () => {
  test(
    "looks up once while the result is fresh, and gives it back as the schema decodes it",
    Effect.gen(function* () {
      const { count, lookup } = yield* counting()
      const cache = yield* open(lookup)
      const other = yield* open(lookup)
      assert.deepStrictEqual(yield* cache.get("a"), { at: new Date(1), n: 1 })
      assert.deepStrictEqual(yield* cache.get("a"), { at: new Date(1), n: 1 })
      assert.deepStrictEqual(yield* other.get("a"), { at: new Date(1), n: 1 })
      assert.strictEqual((yield* cache.get("b")).n, 2)
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual((yield* cache.get("a")).n, 1)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* cache.get("a")).n, 3)
      assert.strictEqual(yield* count, 3)
      assert.deepStrictEqual(yield* cache.stats, { hits: 2, misses: 3, stale: 0, lookups: 3, failures: 0 })
    })
  )

  test(
    "shares a lookup among fibers, and interrupting one of them interrupts nobody else",
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { count, lookup } = yield* counting(() => Deferred.await(gate))
      const cache = yield* open(lookup)
      const fibers = yield* Effect.forEach(Arr.range(1, 20), () => Effect.fork(numberOf(cache.get("a"))))
      yield* settle
      yield* Fiber.interruptAll(fibers.slice(0, 10))
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(fibers.slice(10))), Arr.replicate(1, 10))
      assert.strictEqual(yield* count, 1)
      assert.isFalse(yield* lease("a"))
    })
  )

  test(
    "gives an answer to who comes just when the only other one who waits is interrupted",
    Effect.gen(function* () {
      const cases = Arr.cartesian(Arr.range(12, 18), Arr.range(0, 8))
      for (const [operations, turns] of cases) {
        const gate = yield* Deferred.make<void>()
        const { lookup } = yield* counting(() => Deferred.await(gate))
        const cache = yield* open(lookup)
        const first = yield* Effect.fork(cache.get("a"))
        yield* settle
        // It lets others run after so many operations, wherever that is.
        const second = yield* Effect.fork(Effect.withMaxOpsBeforeYield(cache.get("a"), operations))
        yield* Effect.repeatN(Effect.yieldNow(), turns)
        yield* Fiber.interruptFork(first)
        yield* settle
        yield* Deferred.succeed(gate, undefined)
        const exit = yield* Effect.exit(finish(second))
        assert.isTrue(Exit.isSuccess(exit), `${operations} operations, ${turns} turns`)
        yield* cache.clear
      }
    })
  )

  test(
    "ends a lookup that nobody waits for any more, and its lease",
    Effect.gen(function* () {
      const interrupted = yield* Deferred.make<void>()
      const { count, lookup } = yield* counting((n) =>
        n > 1 ? Effect.void : Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      )
      const cache = yield* open(lookup)
      const fibers = yield* Effect.forEach([1, 2], () => Effect.fork(cache.get("a")))
      yield* settle
      assert.isTrue(yield* lease("a"))
      yield* Fiber.interruptAll(fibers)
      yield* Deferred.await(interrupted)
      yield* settle
      assert.isFalse(yield* lease("a"))
      assert.strictEqual((yield* cache.get("a")).n, 2)
      assert.strictEqual(yield* count, 2)
    })
  )

  test(
    "gives the failure of a lookup to all who wait, and forgets it",
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { lookup } = yield* counting((n) =>
        Effect.zipRight(Deferred.await(gate), n === 1 ? new Down({ n }) : Effect.void)
      )
      const cache = yield* open(lookup)
      const fibers = yield* Effect.forEach([1, 2], () => Effect.fork(Effect.flip(cache.get("a"))))
      yield* settle
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(fibers)), [new Down({ n: 1 }), new Down({ n: 1 })])
      assert.strictEqual((yield* cache.get("a")).n, 2)
      assert.deepStrictEqual(yield* cache.stats, { hits: 0, misses: 3, stale: 0, lookups: 2, failures: 1 })
    })
  )

  test(
    "looks up once for two processes",
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { count, lookup } = yield* counting(() => Deferred.await(gate))
      const one = yield* open(lookup)
      const other = yield* open(lookup)
      const first = yield* Effect.fork(numberOf(one.get("a")))
      yield* settle
      const second = yield* Effect.fork(numberOf(other.get("a")))
      yield* TestClock.adjust("30 seconds") // The lease is renewed.
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* finish(first), 1)
      assert.strictEqual(yield* finish(second), 1)
      assert.strictEqual(yield* count, 1)
      assert.deepStrictEqual(yield* other.stats, { hits: 0, misses: 1, stale: 0, lookups: 0, failures: 0 })
    })
  )

  test(
    "takes over from a process that died while it looked up",
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      yield* store.namespace("answers").set("l:a", true, { ttl: "10 seconds" })
      const { lookup } = yield* counting()
      const cache = yield* open(lookup)
      const fiber = yield* Effect.fork(numberOf(cache.get("a")))
      yield* TestClock.adjust("9999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      assert.strictEqual(yield* finish(fiber), 1)
      assert.isFalse(yield* lease("a"))
    })
  )

  test(
    "does not store what a process looked up whose lease another one took over",
    Effect.gen(function* () {
      const store = (yield* StateStore.StateStore).namespace("answers")
      const gate = yield* Deferred.make<void>()
      const { lookup } = yield* counting(() => Deferred.await(gate))
      const cache = yield* open(lookup)
      const fiber = yield* Effect.fork(numberOf(cache.get("a")))
      yield* settle
      yield* store.set("l:a", true, { ttl: "1 hour" })
      yield* TestClock.adjust("5 seconds") // It renews, in vain.
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* finish(fiber), 1)
      assert.isFalse(yield* store.exists("v:a"))
      assert.isTrue(yield* store.exists("l:a"))
    })
  )

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
    "forgets one result, or all with a tag, or all",
    Effect.gen(function* () {
      const { lookup } = yield* counting()
      const options: Partial<Options> = { staleIfError: "1 hour", tags: (key) => [key.slice(0, 1), "all"] }
      const cache = yield* open(lookup, options)
      const other = yield* open(lookup, options)
      const numbers = Effect.forEach(["a1", "a2", "b1"], (key) => numberOf(other.get(key)))
      assert.deepStrictEqual(yield* numbers, [1, 2, 3])
      yield* cache.invalidate("a1")
      assert.deepStrictEqual(yield* numbers, [4, 2, 3])
      yield* cache.invalidateTag("a")
      assert.deepStrictEqual(yield* numbers, [5, 6, 3])
      yield* cache.invalidateTag("none")
      assert.deepStrictEqual(yield* numbers, [5, 6, 3])
      yield* cache.clear
      assert.deepStrictEqual(yield* numbers, [7, 8, 9])
    })
  )

  for (const [what, forget] of [
    ["its key", (cache: Cached.Cached<string, Answer, Down>) => cache.invalidate("a")],
    ["a tag", (cache: Cached.Cached<string, Answer, Down>) => cache.invalidateTag("tag")],
    ["everything", (cache: Cached.Cached<string, Answer, Down>) => cache.clear]
  ] as const) {
    test(
      `does not serve to later callers what was looked up before ${what} was invalidated, here or elsewhere`,
      Effect.gen(function* () {
        for (const elsewhere of [false, true]) {
          const gate = yield* Deferred.make<void>()
          const { lookup } = yield* counting((n) => (n === 1 ? Deferred.await(gate) : Effect.void))
          const cache = yield* open(lookup, { tags: () => ["tag"] })
          const other = yield* open(lookup, { tags: () => ["tag"] })
          const before = yield* Effect.fork(numberOf(cache.get("a")))
          yield* settle
          yield* forget(elsewhere ? other : cache)
          const after = yield* Effect.fork(numberOf(cache.get("a")))
          yield* settle
          yield* Deferred.succeed(gate, undefined)
          assert.strictEqual(yield* finish(before), 1)
          assert.strictEqual(yield* finish(after), 2)
          assert.strictEqual((yield* other.get("a")).n, 2)
          yield* cache.clear
        }
      })
    )
  }

  it.scoped("serves nothing as stale that was fresh while everything is being forgotten", () =>
    Effect.gen(function* () {
      for (const kind of ["v", "f", "s"]) {
        const { justBefore, happened, plain, store } = yield* DisturbedStore.make
        const { lookup } = yield* counting((n) => (n === 1 ? Effect.void : Effect.fail(new Down({ n }))))
        const options = { staleIfError: "1 hour", staleWhileRevalidate: "1 hour" } as const
        const cache = yield* Effect.provideService(open(lookup, options), StateStore.StateStore, store)
        const other = yield* Effect.provideService(open(lookup, options), StateStore.StateStore, plain)
        yield* cache.get("a")
        const isNext = ({ mutations }: Backend.Commit) =>
          mutations.some(({ _tag, key }) => _tag === "Delete" && key.text.endsWith(`:${kind}:a`))
        yield* justBefore({ commit: isNext }, Effect.either(other.get("a")))
        yield* cache.clear
        assert.isTrue(yield* happened, kind)
        assert.strictEqual((yield* other.stats).stale, 0, kind)
      }
    })
  )

  test(
    "refreshes what is fresh, and joins a lookup that is under way",
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const { count, lookup } = yield* counting((n) => (n === 2 ? Deferred.await(gate) : Effect.void))
      const cache = yield* open(lookup)
      yield* cache.get("a")
      const fibers = yield* Effect.forEach([1, 2], () => Effect.fork(numberOf(cache.refresh("a"))))
      yield* settle
      assert.strictEqual((yield* cache.get("a")).n, 1)
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Fiber.join(Fiber.all(fibers)), [2, 2])
      assert.strictEqual((yield* cache.get("a")).n, 2)
      assert.strictEqual(yield* count, 2)
    })
  )

  test(
    "looks up again what it can't decode",
    Effect.gen(function* () {
      const store = (yield* StateStore.StateStore).namespace("answers")
      const { lookup } = yield* counting()
      const cache = yield* open(lookup)
      for (const [i, junk] of [{ value: { n: "one" }, tags: {} }, "junk", null].entries()) {
        yield* store.set("v:a", junk)
        assert.strictEqual((yield* cache.get("a")).n, i + 1)
        assert.strictEqual((yield* cache.get("a")).n, i + 1)
      }
    })
  )

  test(
    "ends its lookups when its scope closes, and their leases",
    Effect.gen(function* () {
      const { lookup } = yield* counting(() => Effect.never)
      const scope = yield* Scope.make()
      const cache = yield* Scope.extend(open(lookup), scope)
      const fiber = yield* Effect.fork(cache.get("a"))
      yield* settle
      assert.isTrue(yield* lease("a"))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
      assert.isFalse(yield* lease("a"))
    })
  )

  test(
    "waits when its scope closes until its lookups have ended, also those that ran out of time, but not for ever",
    Effect.gen(function* () {
      const ended: Array<number> = []
      const { lookup } = yield* counting((n) =>
        Effect.onInterrupt(Effect.never, () =>
          Effect.zipRight(
            Effect.sleep(n === 3 ? "1 day" : "5 seconds"),
            Effect.sync(() => ended.push(n))
          )
        )
      )
      for (const [hardTimeout, ends] of [
        ["1 second", true],
        ["1 hour", true],
        ["1 hour", false]
      ] as const) {
        const scope = yield* Scope.make()
        const cache = yield* Scope.extend(open(lookup, { hardTimeout }), scope)
        const fiber = yield* Effect.fork(cache.get(`a${ended.length}`))
        yield* TestClock.adjust("1 second")
        const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust(ends ? "3 seconds" : "9 seconds")
        assert.isTrue(Option.isNone(yield* Fiber.poll(closing)))
        yield* TestClock.adjust(ends ? "2 seconds" : "1 second")
        assert.isTrue(Option.isSome(yield* Fiber.poll(closing)))
        assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      }
      assert.deepStrictEqual(ended, [1, 2])
    })
  )

  test(
    "interrupts who asks for a lookup once its scope has closed, and serves what is there",
    Effect.gen(function* () {
      const { count, lookup } = yield* counting()
      const scope = yield* Scope.make()
      const cache = yield* Scope.extend(open(lookup, { staleWhileRevalidate: "1 hour" }), scope)
      yield* cache.get("a")
      yield* Scope.close(scope, Exit.void)
      for (const asked of [cache.get("b"), cache.get("b"), cache.refresh("a")]) {
        const fiber = yield* Effect.fork(asked)
        yield* settle
        assert.isTrue(Option.exists(yield* Fiber.poll(fiber), Exit.isInterrupted))
      }
      assert.strictEqual((yield* cache.get("a")).n, 1)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual((yield* cache.get("a")).n, 1)
      assert.strictEqual(yield* count, 1)
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

  test(
    "refuses options that make no sense",
    Effect.gen(function* () {
      const { lookup } = yield* counting()
      for (const options of [{ ttlJitter: 2 }, { ttlJitter: Number.NaN }, { lease: 0 }, { hardTimeout: -1 }]) {
        assert.isTrue(Either.isLeft(yield* Effect.either(open(lookup, options))))
      }
      const cache = yield* open(lookup)
      assert.strictEqual((yield* Effect.flip(cache.get("x".repeat(1_023))))._tag, "InvalidKey")
    })
  )

  it.effect("is a tag with a layer, whose lookup has its services", () => {
    class Greeting extends Context.Tag("Greeting")<Greeting, string>() {}
    class Greetings extends Cached.Tag<Greetings>()("Greetings", {
      schema: Schema.Option(Schema.String),
      key: (id: number) => String(id),
      lookup: (id) => Effect.map(Greeting, (greeting) => (id === 0 ? Option.none() : Option.some(`${greeting} ${id}`))),
      ttl: (value) => (Option.isNone(value) ? "1 second" : "1 hour")
    }) {}
    return Effect.gen(function* () {
      const greetings = yield* Greetings
      assert.deepStrictEqual(yield* greetings.get(1), Option.some("Hello 1"))
      assert.deepStrictEqual(yield* greetings.get(0), Option.none())
      yield* TestClock.adjust("1 second")
      yield* greetings.get(0)
      yield* greetings.get(1)
      assert.strictEqual((yield* greetings.stats).lookups, 3)
    }).pipe(
      Effect.provide(
        Greetings.layer.pipe(Layer.provide(MemoryStore.layer()), Layer.provide(Layer.succeed(Greeting, "Hello")))
      )
    )
  })
})
