import { assert, describe, it } from "@effect/vitest"
import { DateTime, Duration, Effect, Either, Layer, Option, Redacted, Schema, Stream, TestClock } from "effect"
import { MemoryStore, Namespace, Sessions, StateStore } from "effect-state"

const Data = Schema.Struct({
  userId: Schema.String,
  messages: Schema.Array(Schema.String),
  step: Schema.optional(Schema.Number)
})

class Conversations extends Sessions.Tag<Conversations>()("Conversations", {
  data: Data,
  ttl: "1 hour",
  absoluteTtl: "3 hours"
}) {}

const layer = Conversations.layer.pipe(Layer.provideMerge(MemoryStore.layer()))

const fresh = { data: { userId: "user123", messages: [] } }

describe("Sessions", () => {
  it.effect("creates sessions under ids of at least 128 random bits", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const ids = yield* Effect.replicateEffect(
        Effect.map(sessions.create(fresh), (session) => session.id),
        100
      )
      assert.strictEqual(new Set(ids).size, 100)
      for (const id of ids) assert.match(id, /^[\w-]{22,}$/)
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives back what was created, with its times and version", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const sessions = yield* Conversations
      const created = yield* sessions.create({ ...fresh, metadata: { channel: "voice" } })
      assert.deepStrictEqual(created.data, fresh.data)
      assert.deepStrictEqual(created.metadata, { channel: "voice" })
      assert.deepStrictEqual(created.createdAt, DateTime.unsafeMake(1_000))
      assert.deepStrictEqual(created.expiresAt, Option.some(DateTime.unsafeMake(3_601_000)))
      assert.deepStrictEqual(yield* sessions.require(created.id), created)
      assert.deepStrictEqual(yield* sessions.get(created.id), Option.some(created))
    }).pipe(Effect.provide(layer))
  )

  it.effect("takes an id of your own, once", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      yield* sessions.create({ ...fresh, id: "mine" })
      const error = yield* Effect.flip(sessions.create({ ...fresh, id: "mine" }))
      assert(error instanceof Sessions.SessionExists)
      assert.strictEqual(Redacted.value(error.id), "mine")
      assert.notInclude(JSON.stringify(error), "mine")
    }).pipe(Effect.provide(layer))
  )

  it.effect("misses with None, or with SessionNotFound that does not print the id", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      assert.deepStrictEqual(yield* sessions.get("nobody"), Option.none())
      const error = yield* Effect.flip(sessions.require("nobody"))
      assert(error instanceof Sessions.SessionNotFound)
      assert.notInclude(error.message + JSON.stringify(error), "nobody")
      assert.strictEqual((yield* Effect.flip(sessions.update("nobody", { metadata: {} })))._tag, "SessionNotFound")
      assert.strictEqual((yield* Effect.flip(sessions.rotate("nobody")))._tag, "SessionNotFound")
      assert.isFalse(yield* sessions.touch("nobody"))
      assert.isFalse(yield* sessions.delete("nobody"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("merges by default, and replaces when asked", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const { id } = yield* sessions.create({ ...fresh, metadata: { channel: "voice", locale: "en" } })
      const merged = yield* sessions.update(id, { data: { messages: ["Hello"] }, metadata: { locale: "de" } })
      assert.deepStrictEqual(merged.data, { userId: "user123", messages: ["Hello"] })
      assert.deepStrictEqual(merged.metadata, { channel: "voice", locale: "de" })
      const replaced = yield* sessions.update(id, { mode: "replace", metadata: { channel: "chat" } })
      assert.deepStrictEqual(replaced.data, merged.data)
      assert.deepStrictEqual(replaced.metadata, { channel: "chat" })
      assert.isAbove(replaced.version, merged.version)
      assert.deepStrictEqual(yield* sessions.require(id), replaced)
    }).pipe(Effect.provide(layer))
  )

  it.effect("takes null for data and metadata where their schemas do", () =>
    Effect.gen(function* () {
      const data = Schema.NullOr(Schema.Struct({ step: Schema.Number }))
      const sessions = yield* Sessions.make("x", { data, metadata: Schema.NullOr(Schema.String) })
      const { id } = yield* sessions.create({ data: { step: 1 }, metadata: "voice" })
      yield* sessions.update(id, { mode: "replace", data: null })
      assert.deepInclude(yield* sessions.require(id), { data: null, metadata: "voice" })
      yield* sessions.modify(id, () => ({ data: { step: 2 }, metadata: null }))
      assert.deepInclude(yield* sessions.require(id), { data: { step: 2 }, metadata: null })
      assert.deepInclude(yield* sessions.create({ data: null, metadata: null }), { data: null, metadata: null })
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("keeps metadata of any names", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const metadata: Sessions.Metadata = JSON.parse('{ "__proto__": { "isAdmin": true }, "constructor": 1 }')
      const { id } = yield* sessions.create({ ...fresh, metadata })
      yield* sessions.update(id, { metadata: { channel: "voice" } })
      const found = yield* sessions.require(id)
      assert.deepStrictEqual(Object.keys(found.metadata), ["__proto__", "constructor", "channel"])
      assert.isUndefined(found.metadata.isAdmin)
    }).pipe(Effect.provide(layer))
  )

  it.effect("lays properties over data of a class, and takes a whole for a whole", () =>
    Effect.gen(function* () {
      class Visitor extends Schema.Class<Visitor>("Visitor")({ name: Schema.String, visits: Schema.Number }) {}
      const metadata = Schema.OptionFromNullOr(Schema.String)
      const sessions = yield* Sessions.make("x", { data: Visitor, metadata })
      const { id } = yield* sessions.create({
        data: new Visitor({ name: "Ada", visits: 0 }),
        metadata: Option.some("de")
      })
      const updated = yield* sessions.update(id, { data: { visits: 1 }, metadata: Option.none() })
      assert.instanceOf(updated.data, Visitor)
      assert.deepStrictEqual(updated, yield* sessions.require(id))
      assert.deepInclude(updated, { data: new Visitor({ name: "Ada", visits: 1 }), metadata: Option.none() })
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("keeps all of 50 updates of different fields at once", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const { id } = yield* sessions.create(fresh)
      const fields = Array.from({ length: 50 }, (_, i) => `field${i}`)
      yield* Effect.forEach(fields, (field) => sessions.update(id, { metadata: { [field]: true } }), {
        concurrency: "unbounded"
      })
      const { metadata } = yield* sessions.require(id)
      assert.deepStrictEqual(Object.keys(metadata).sort(), fields.sort())
    }).pipe(Effect.provide(layer))
  )

  it.effect("never brings a deleted session back", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const { id } = yield* sessions.create(fresh)
      const error = yield* Effect.flip(
        sessions.modify(id, (session) => {
          Effect.runSync(sessions.delete(id))
          return session
        })
      )
      assert.strictEqual(error._tag, "SessionNotFound")
      assert.deepStrictEqual(yield* sessions.get(id), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("ends when idle, and slides on touch and update", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const { id } = yield* sessions.create(fresh)
      yield* TestClock.adjust("50 minutes")
      assert.isTrue(yield* sessions.touch(id))
      yield* TestClock.adjust("50 minutes")
      yield* sessions.update(id, { data: { step: 1 } })
      yield* TestClock.adjust("59 minutes")
      assert.isTrue(Option.isSome(yield* sessions.get(id)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* sessions.get(id), Option.none())
      assert.isFalse(yield* sessions.touch(id))
    }).pipe(Effect.provide(layer))
  )

  it.effect("ends at its absolute age, whatever happens to it", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      let { id } = yield* sessions.create(fresh)
      for (let i = 0; i < 3; i++) {
        yield* TestClock.adjust("55 minutes")
        yield* i % 2 === 0 ? sessions.touch(id) : sessions.update(id, { data: { step: i } })
        id = (yield* sessions.rotate(id)).id
      }
      yield* TestClock.adjust("14 minutes")
      assert.isTrue(Option.isSome(yield* sessions.get(id)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* sessions.get(id), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("lets one session be idle for longer, and keeps that", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const { id } = yield* sessions.create({ ...fresh, ttl: "2 hours" })
      yield* TestClock.adjust("30 minutes")
      yield* sessions.touch(id)
      const { createdAt, expiresAt } = yield* sessions.require(id)
      assert.deepStrictEqual(expiresAt, Option.some(DateTime.addDuration(createdAt, Duration.minutes(150))))
      yield* TestClock.adjust("70 minutes")
      const updated = yield* sessions.update(id, { data: { step: 1 } })
      assert.deepStrictEqual(updated.expiresAt, Option.some(DateTime.addDuration(updated.createdAt, Duration.hours(3))))
      assert.deepStrictEqual(yield* sessions.require(id), updated)
      const error = yield* Effect.flip(sessions.create({ ...fresh, ttl: -1 }))
      assert.strictEqual(error._tag, "InvalidTtl")
    }).pipe(Effect.provide(layer))
  )

  it.effect("rotates to a new id: same data and age, and the old one is dead", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const created = yield* sessions.create(fresh)
      yield* TestClock.adjust("10 minutes")
      const rotated = yield* sessions.rotate(created.id)
      assert.notStrictEqual(rotated.id, created.id)
      assert.deepStrictEqual(rotated.data, created.data)
      assert.deepStrictEqual(rotated.createdAt, created.createdAt)
      assert.deepStrictEqual(yield* sessions.get(created.id), Option.none())
      assert.deepStrictEqual(yield* sessions.require(rotated.id), rotated)
      assert.strictEqual(yield* sessions.count, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("rotates once of many times at once", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const { id } = yield* sessions.create(fresh)
      const results = yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.either(sessions.rotate(id)), {
        concurrency: "unbounded"
      })
      assert.strictEqual(results.filter(Either.isRight).length, 1)
      assert.strictEqual(yield* sessions.count, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("lists, streams, counts and clears", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      yield* Effect.forEach(["c", "a", "b"], (id) => sessions.create({ ...fresh, id }))
      const page = yield* sessions.list({ limit: 2 })
      assert.deepStrictEqual(
        page.entries.map((session) => session.id),
        ["a", "b"]
      )
      const rest = yield* sessions.list({ limit: 2, after: Option.getOrUndefined(page.next) })
      assert.deepStrictEqual(
        rest.entries.map((session) => session.id),
        ["c"]
      )
      assert.strictEqual(yield* Stream.runCount(sessions.stream), 3)
      assert.strictEqual(yield* sessions.clear, 3)
      assert.strictEqual(yield* sessions.count, 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("says where stored data is not what the schema says, without the id", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const store = (yield* StateStore.StateStore).namespace("Conversations")
      yield* store.set("secret-id", { data: { userId: 1, messages: [] }, metadata: {} })
      const error = yield* Effect.flip(sessions.get("secret-id"))
      assert(error._tag === "DecodeError")
      assert.include(error.details, "userId")
      assert.notInclude(error.message + error.key, "secret-id")
    }).pipe(Effect.provide(layer))
  )

  it.effect("shows a locked session to a function, and makes its changes beside those of others", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const { id } = yield* sessions.create(fresh)
      const say = (message: string) =>
        sessions.withSession(id)(({ data }) =>
          Effect.as(Effect.yieldNow(), [
            data.messages.length,
            { data: { messages: [...data.messages, message] } }
          ] as const)
        )
      const seen = yield* Effect.forEach(["a", "b", "c", "d"], say, { concurrency: "unbounded" })
      assert.deepStrictEqual(seen, [0, 1, 2, 3])
      yield* sessions.withSession(id)(() =>
        Effect.as(Effect.orDie(sessions.update(id, { data: { step: 7 } })), [
          undefined,
          { data: { userId: "me" } }
        ] as const)
      )
      const { data } = yield* sessions.require(id)
      assert.deepStrictEqual(data, { userId: "me", messages: ["a", "b", "c", "d"], step: 7 })
    }).pipe(Effect.provide(layer))
  )

  it.effect("changes no session under a lock that was lost, and none that is gone", () =>
    Effect.gen(function* () {
      const sessions = yield* Conversations
      const store = (yield* StateStore.StateStore).namespace("Conversations")
      const { id } = yield* sessions.create(fresh)
      const change = (meddle: Effect.Effect<unknown, unknown>) =>
        Effect.flip(
          sessions.withSession(id)(() => Effect.as(Effect.orDie(meddle), [undefined, { data: { step: 1 } }] as const))
        )
      assert.strictEqual((yield* change(store.namespace(Namespace.inner("lock")).delete(id)))._tag, "LockLost")
      assert.deepStrictEqual((yield* sessions.require(id)).data, fresh.data)
      assert.strictEqual((yield* change(sessions.delete(id)))._tag, "SessionNotFound")
      assert.strictEqual((yield* change(Effect.void))._tag, "SessionNotFound")
      yield* sessions.create({ ...fresh, id })
      const another = Effect.zipRight(TestClock.adjust("1 second"), sessions.create({ ...fresh, id, owner: "bob" }))
      assert.strictEqual((yield* change(Effect.zipRight(sessions.delete(id), another)))._tag, "SessionNotFound")
      assert.deepStrictEqual((yield* sessions.require(id)).data, fresh.data)
    }).pipe(Effect.provide(layer))
  )
})
