import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { MemoryStore, StateStore, UserState } from "effect-state"
import { expectTypeOf } from "vitest"

class Users extends UserState.Tag<Users>()("Users", {
  fields: { lastMessage: Schema.String, seen: Schema.Date, visits: Schema.Int }
}) {}
class Anything extends UserState.Tag<Anything>()("Anything") {}

const layer = Layer.fresh(Layer.provideMerge(Layer.merge(Users.layer, Anything.layer), MemoryStore.layer()))

describe("UserState", () => {
  it.effect("is an empty dictionary for a user that nothing is known of", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* (yield* Users).get("ada"), {})
      assert.isFalse(yield* (yield* Users).clear("ada"))
      assert.isFalse(yield* (yield* Users).remove("ada", "visits"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("sets key by key, each by its schema, and leaves the others", () =>
    Effect.gen(function* () {
      const users = yield* Users
      yield* users.update("ada", "lastMessage", "Hello")
      yield* users.update("ada", "seen", new Date(0))
      yield* users.update("bob", "visits", 1)
      assert.deepStrictEqual(yield* users.get("ada"), { lastMessage: "Hello", seen: new Date(0) })
      assert.isTrue(yield* users.remove("ada", "lastMessage"))
      assert.isFalse(yield* users.remove("ada", "lastMessage"))
      assert.deepStrictEqual(yield* users.get("ada"), { seen: new Date(0) })
      yield* users.set("ada", { visits: 2 })
      assert.deepStrictEqual(yield* users.get("ada"), { visits: 2 })
      assert.isTrue(yield* users.clear("ada"))
      assert.deepStrictEqual(yield* users.get("ada"), {})
      assert.deepStrictEqual(yield* users.get("bob"), { visits: 1 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps what it does not know: keys of a newer program, and those it could not decode", () =>
    Effect.gen(function* () {
      const users = yield* Users
      yield* users.store.set("ada", { newer: true, visits: "many" })
      yield* users.update("ada", "lastMessage", "Hello")
      const stored = Option.getOrThrow(yield* users.store.get("ada")).value
      assert.deepStrictEqual(stored, { newer: true, visits: "many", lastMessage: "Hello" })
      assert.strictEqual((yield* Effect.flip(users.get("ada")))._tag, "DecodeError")
      yield* users.update("ada", "visits", 3)
      assert.deepStrictEqual(yield* users.get("ada"), { lastMessage: "Hello", visits: 3 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses a value that its schema refuses, and stays as it was", () =>
    Effect.gen(function* () {
      const users = yield* Users
      yield* users.update("ada", "visits", 1)
      assert.strictEqual((yield* Effect.flip(users.update("ada", "visits", 1.5)))._tag, "EncodeError")
      assert.deepStrictEqual(yield* users.get("ada"), { visits: 1 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("holds anything under any key where it has no fields", () =>
    Effect.gen(function* () {
      const anything = yield* Anything
      const names = ["", "a b", "__proto__", "constructor", "é 🎉"]
      for (const name of names) yield* anything.update("ada", name, { of: name })
      const state = yield* anything.get("ada")
      assert.deepStrictEqual(Object.keys(state).toSorted(), names.toSorted())
      for (const name of names)
        assert.deepStrictEqual(Object.getOwnPropertyDescriptor(state, name)?.value, { of: name })
      assert.isTrue(yield* anything.remove("ada", "__proto__"))
      assert.strictEqual(Object.keys(yield* anything.get("ada")).length, names.length - 1)
      assert.strictEqual((yield* Effect.flip(anything.update("ada", "f", () => 1)))._tag, "EncodeError")
    }).pipe(Effect.provide(layer))
  )

  it.effect("lives for 24 hours after the last write", () =>
    Effect.gen(function* () {
      const users = yield* Users
      yield* users.set("ada", { visits: 1 })
      yield* TestClock.adjust("23 hours")
      yield* users.update("ada", "lastMessage", "Hello")
      yield* TestClock.adjust("23 hours")
      assert.deepStrictEqual(yield* users.get("ada"), { visits: 1, lastMessage: "Hello" })
      yield* users.remove("ada", "visits")
      yield* TestClock.adjust("23 hours")
      assert.deepStrictEqual(yield* users.get("ada"), { lastMessage: "Hello" })
      yield* TestClock.adjust("1 hours")
      assert.deepStrictEqual(yield* users.get("ada"), {})
    }).pipe(Effect.provide(layer))
  )

  it.effect("has users by a schema of their ids, and the time to live one wants", () => {
    const Id = Schema.NumberFromString.pipe(Schema.brand("UserId"))
    class Numbered extends UserState.Tag<Numbered>()("Numbered", { key: Id, ttl: "1 minute" }) {}
    return Effect.gen(function* () {
      const users = yield* Numbered
      yield* users.update(Id.make(42), "a", 1)
      const store = (yield* StateStore.StateStore).namespace("Numbered")
      assert.isTrue(yield* store.exists("42"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* users.get(Id.make(42)), {})
    }).pipe(Effect.provide(Layer.fresh(Layer.provideMerge(Numbered.layer, MemoryStore.layer()))))
  })

  it("has keys and values that the compiler knows", () => {
    const refuses = (_: () => unknown) => assert.isFunction(_)
    expectTypeOf<Effect.Effect.Success<ReturnType<typeof Users.Service.get>>>().toEqualTypeOf<{
      readonly lastMessage?: string
      readonly seen?: Date
      readonly visits?: number
    }>()
    // @ts-expect-error there is no such key
    refuses(() => Effect.flatMap(Users, (users) => users.update("ada", "age", 1)))
    // @ts-expect-error visits are a number
    refuses(() => Effect.flatMap(Users, (users) => users.update("ada", "visits", "1")))
    // @ts-expect-error a key is removed, and not set to nothing
    refuses(() => Effect.flatMap(Users, (users) => users.update("ada", "visits", undefined)))
  })
})
