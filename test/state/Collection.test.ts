import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Atomic, Collection, MemoryStore, Modification, Namespace, StateStore } from "effect-state"

const User = Schema.Struct({
  name: Schema.NonEmptyString,
  born: Schema.Date,
  tags: Schema.ReadonlySet(Schema.String),
  visits: Schema.Number
})

class Users extends Collection.Tag<Users>()("Users", { schema: User, ttl: "30 days" }) {}

const layer = Users.layer.pipe(Layer.provideMerge(MemoryStore.layer()))

const ada: typeof User.Type = { name: "Ada", born: new Date("1815-12-10"), tags: new Set(["math"]), visits: 0 }

describe("Collection", () => {
  it.effect("gives back values as the schema decodes them, from a namespace of its own", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const version = yield* users.set("ada", ada)
      const entry = Option.getOrThrow(yield* users.get("ada"))
      assert.deepStrictEqual(entry.value, ada)
      assert.strictEqual(entry.version, version)
      assert.strictEqual(entry.key, "ada")
      assert.isTrue(yield* users.exists("ada"))
      const store = yield* StateStore.StateStore
      assert.isFalse(yield* store.exists("ada"))
      const raw = Option.getOrThrow(yield* store.namespace("Users").get("ada"))
      assert.deepStrictEqual(raw.value, { name: "Ada", born: "1815-12-10T00:00:00.000Z", tags: ["math"], visits: 0 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("has its own default time to live", () =>
    Effect.gen(function* () {
      const users = yield* Users
      yield* users.set("ada", ada)
      yield* TestClock.adjust("29 days")
      yield* users.update("ada", (user) => ({ ...user, visits: 1 }))
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(yield* users.get("ada"), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells key and issue of a value that the schema refuses, and has the rest", () =>
    Effect.gen(function* () {
      const users = yield* Users
      yield* users.set("a", ada)
      yield* users.store.set("b", { name: "", born: "never", tags: [], visits: 0 })
      yield* users.set("c", ada)
      const error = yield* Effect.flip(users.get("b"))
      assert(error._tag === "DecodeError")
      assert.strictEqual(error.key, "b")
      assert.include(error.details, "name")
      assert.strictEqual((yield* Effect.flip(users.getMany(["a", "b"])))._tag, "DecodeError")
      assert.deepStrictEqual((yield* users.getMany(["b", "c", "x"], { onInvalid: "skip" })).map(Option.isSome), [
        false,
        true,
        false
      ])
      assert.deepStrictEqual((yield* users.getMany(["b", "c"], { onInvalid: "either" })).map(Either.isRight), [
        false,
        true
      ])
      assert.strictEqual((yield* Effect.flip(users.list()))._tag, "DecodeError")
      assert.deepStrictEqual(
        (yield* users.list({ onInvalid: "skip" })).entries.map(({ key }) => key),
        ["a", "c"]
      )
      const streamed = yield* Stream.runCollect(users.stream({ onInvalid: "either" }))
      assert.deepStrictEqual(Array.from(streamed, Either.isRight), [true, false, true])
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses to write what the schema can't encode", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const error = yield* Effect.flip(users.set("ada", { ...ada, name: "" }))
      assert(error._tag === "EncodeError")
      assert.include(error.details, "name")
      assert.isFalse(yield* users.exists("ada"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("updates and patches atomically, and only what is there", () =>
    Effect.gen(function* () {
      const users = yield* Users
      assert.deepStrictEqual(yield* users.update("ada", (user) => user), Option.none())
      yield* users.set("ada", ada)
      yield* Effect.forEach(
        Array.from({ length: 100 }),
        () => users.update("ada", (user) => ({ ...user, visits: user.visits + 1 })),
        { concurrency: "unbounded" }
      )
      const patched = yield* users.patch("ada", { name: "Ada Lovelace" })
      assert.deepStrictEqual(patched, Option.some({ ...ada, name: "Ada Lovelace", visits: 100 }))
    }).pipe(Effect.provide(layer))
  )

  it.effect("patches a value of a class to another one of it", () =>
    Effect.gen(function* () {
      class Visitor extends Schema.Class<Visitor>("Visitor")({ name: Schema.String, visits: Schema.Number }) {}
      const visitors = yield* Collection.make("Visitors", { schema: Visitor })
      yield* visitors.set("ada", new Visitor({ name: "Ada", visits: 0 }))
      const patched = yield* visitors.patch("ada", { visits: 1 })
      assert.instanceOf(Option.getOrThrow(patched), Visitor)
      assert.deepStrictEqual(Option.getOrThrow(yield* visitors.get("ada")).value, Option.getOrThrow(patched))
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("creates once", () =>
    Effect.gen(function* () {
      const users = yield* Users
      let made = 0
      const make = Effect.sync(() => ({ ...ada, visits: ++made }))
      const values = yield* Effect.forEach(Array.from({ length: 10 }), () => users.getOrCreate("ada", make), {
        concurrency: "unbounded"
      })
      assert.strictEqual(new Set(values.map((user) => user.visits)).size, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("modifies by decision, and keeps the state when the function fails", () =>
    Effect.gen(function* () {
      const users = yield* Users
      yield* users.set("ada", ada)
      assert.strictEqual(yield* Effect.flip(users.modify("ada", () => Effect.fail("no" as const))), "no")
      const name = yield* users.modify("ada", (user) =>
        Effect.succeed([Option.map(user, ({ value }) => value.name), Modification.delete] as const)
      )
      assert.deepStrictEqual(name, Option.some("Ada"))
      assert.isFalse(yield* users.exists("ada"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("takes part in commits with its mutations", () =>
    Effect.gen(function* () {
      const users = yield* Users
      const store = yield* StateStore.StateStore
      const put = yield* users.put("ada", ada)
      yield* store.commit(Atomic.make.pipe(put, Atomic.add("users", 1)))
      assert.isTrue(yield* users.exists("ada"))
      assert.strictEqual(yield* users.count, 1)
      assert.strictEqual(yield* users.clear, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("has ids of another type by a schema of the key", () => {
    const Id = Schema.NumberFromString.pipe(Schema.brand("OrderId"))
    class Orders extends Collection.Tag<Orders>()("Orders", { schema: Schema.String, key: Id }) {}
    return Effect.gen(function* () {
      const orders = yield* Orders
      yield* orders.set(Id.make(42), "tea")
      const { entries } = yield* orders.list()
      assert.deepStrictEqual(
        entries.map(({ key, value }) => [key, value]),
        [[42, "tea"]]
      )
      yield* orders.store.set("no number", "x")
      assert.strictEqual((yield* Effect.flip(orders.list()))._tag, "DecodeError")
    }).pipe(Effect.provide(Orders.layer.pipe(Layer.provide(MemoryStore.layer()))))
  })

  it.effect("takes the services of its schema from the layer", () => {
    class Prefix extends Context.Tag("Prefix")<Prefix, string>() {}
    const Named = Schema.transformOrFail(Schema.String, Schema.String, {
      strict: true,
      decode: (text) => Effect.map(Prefix, (prefix) => text.slice(prefix.length)),
      encode: (text) => Effect.map(Prefix, (prefix) => prefix + text)
    })
    class Names extends Collection.Tag<Names>()("Names", { schema: Named }) {}
    return Effect.gen(function* () {
      const names = yield* Names
      yield* names.set("a", "ada")
      assert.strictEqual(Option.getOrThrow(yield* names.store.get("a")).value, "Ms ada")
      assert.strictEqual(Option.getOrThrow(yield* names.get("a")).value, "ada")
    }).pipe(
      Effect.provide(Names.layer.pipe(Layer.provide(MemoryStore.layer()), Layer.provide(Layer.succeed(Prefix, "Ms "))))
    )
  })

  it.effect("runs a function on a locked entry, one after the other, and once each", () =>
    Effect.gen(function* () {
      const users = yield* Users
      yield* users.set("ada", ada)
      let runs = 0
      const visit = users.withEntry("ada")((current) =>
        Effect.gen(function* () {
          runs++
          const user = Option.getOrThrow(current).value
          yield* Effect.yieldNow()
          return [user.visits, Modification.write({ ...user, visits: user.visits + 1 })] as const
        })
      )
      const seen = yield* Effect.replicateEffect(visit, 20, { concurrency: "unbounded" })
      assert.deepStrictEqual(
        seen.toSorted((a, b) => a - b),
        Array.from({ length: 20 }, (_, i) => i)
      )
      assert.strictEqual(runs, 20)
      yield* users.withEntry("ada")(() => Effect.succeed([undefined, Modification.delete]))
      assert.isTrue(Option.isNone(yield* users.get("ada")))
    }).pipe(Effect.provide(layer))
  )

  it.effect("writes nothing under a lock that was lost, nor over a writer who did not take it", () =>
    Effect.gen(function* () {
      const users = yield* Users
      yield* users.set("ada", ada)
      const change = (meddle: Effect.Effect<unknown, unknown>) =>
        Effect.flip(
          users.withEntry("ada")(() =>
            Effect.as(Effect.orDie(meddle), [undefined, Modification.write({ ...ada, visits: 99 })] as const)
          )
        )
      const lost = yield* change(users.store.namespace(Namespace.inner("lock")).delete("ada"))
      assert.strictEqual(lost._tag, "LockLost")
      const conflict = yield* change(users.set("ada", { ...ada, visits: 5 }))
      assert.strictEqual(conflict._tag, "VersionConflict")
      assert.strictEqual(Option.getOrThrow(yield* users.get("ada")).value.visits, 5)
    }).pipe(Effect.provide(layer))
  )
})
