import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Atomic, Codec, Counter, KeyRing, MemoryStore, StateStore } from "effect-state"

class Visits extends Counter.Tag<Visits>()("Visits") {}
class Limits extends Counter.Tag<Limits>()("Limits", { ttl: "1 minute" }) {}

const layer = Layer.fresh(Layer.provideMerge(Layer.merge(Visits.layer, Limits.layer), MemoryStore.layer()))

describe("Counter", () => {
  it.effect("counts up and down from 0, each name for itself", () =>
    Effect.gen(function* () {
      const visits = yield* Visits
      assert.strictEqual(yield* visits.get("home"), 0)
      assert.strictEqual(yield* visits.increment("home"), 1)
      assert.strictEqual(yield* visits.increment("home", 5), 6)
      assert.strictEqual(yield* visits.decrement("home"), 5)
      assert.strictEqual(yield* visits.decrement("about", 2), -2)
      assert.deepStrictEqual([yield* visits.get("home"), yield* visits.get("about")], [5, -2])
      assert.isTrue(yield* visits.reset("home"))
      assert.isFalse(yield* visits.reset("home"))
      assert.strictEqual(yield* visits.get("home"), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("lists all, in order and page by page", () =>
    Effect.gen(function* () {
      const visits = yield* Visits
      for (const name of ["b", "a", "c", "a"]) yield* visits.increment(name)
      const { entries, next } = yield* visits.list({ limit: 2 })
      assert.deepStrictEqual(entries, [
        { name: "a", value: 2 },
        { name: "b", value: 1 }
      ])
      const rest = yield* visits.list({ limit: 2, after: Option.getOrUndefined(next) })
      assert.deepStrictEqual(rest, { entries: [{ name: "c", value: 1 }], next: Option.none() })
      assert.strictEqual(yield* Stream.runCount(visits.stream), 3)
      assert.strictEqual(yield* visits.clear, 3)
      assert.strictEqual(yield* Stream.runCount(visits.stream), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps to safe integers, and tells what is none", () =>
    Effect.gen(function* () {
      const visits = yield* Visits
      assert.strictEqual((yield* Effect.flip(visits.increment("a", 0.5)))._tag, "NotInteger")
      yield* visits.increment("a", Number.MAX_SAFE_INTEGER)
      assert.strictEqual((yield* Effect.flip(visits.increment("a")))._tag, "NotInteger")
      assert.strictEqual(yield* visits.get("a"), Number.MAX_SAFE_INTEGER)
      for (const value of ["many", 1.5, 2 ** 53]) {
        yield* visits.store.set("b", value)
        assert.deepInclude(yield* Effect.flip(visits.get("b")), { _tag: "DecodeError", key: "b" })
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("starts again a time after its first increment, if told so", () =>
    Effect.gen(function* () {
      const limits = yield* Limits
      yield* limits.increment("ada")
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual(yield* limits.increment("ada"), 2)
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual(yield* limits.increment("ada"), 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("counts in a store that encrypts", () =>
    Effect.gen(function* () {
      const keyRing = yield* KeyRing.make({ primary: { id: "k", key: Redacted.make(new Uint8Array(32)) } })
      const codec = Codec.encrypted(Codec.json, keyRing)
      yield* Effect.gen(function* () {
        const visits = yield* Visits
        yield* visits.increment("home", 2)
        assert.strictEqual(yield* visits.get("home"), 2)
        assert.deepStrictEqual((yield* visits.list()).entries, [{ name: "home", value: 2 }])
      }).pipe(Effect.provide(Layer.fresh(Visits.layer.pipe(Layer.provide(MemoryStore.layer({ codec }))))))
    })
  )

  it.effect("takes part in commits", () =>
    Effect.gen(function* () {
      const visits = yield* Visits
      const store = yield* StateStore.StateStore
      yield* store.commit(Atomic.make.pipe(Atomic.set("user", "Ada"), Atomic.add(visits.store.key("users"), 1)))
      assert.strictEqual(yield* visits.get("users"), 1)
    }).pipe(Effect.provide(layer))
  )
})
