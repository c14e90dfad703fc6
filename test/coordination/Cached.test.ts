import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { type Backend, Cached, MemoryStore, StateStore } from "effect-state"
import * as DisturbedStore from "../store/DisturbedStore.ts"
import { type Answer, counting, Down, finish, lease, numberOf, type Options, open, settle, test } from "./answers.ts"

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
