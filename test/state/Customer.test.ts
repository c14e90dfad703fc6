import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Codec, Customer, KeyRing, Lock, MemoryStore, StateError, StateStore } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import * as fc from "fast-check"
import * as DisturbedStore from "../store/DisturbedStore.ts"

class Customers extends Customer.Tag<Customers>()("Customers", { ttl: "1 hour", keep: { messages: 3 } }) {}

const layer = Customers.layer.pipe(Layer.provideMerge(MemoryStore.layer()))

const say = (content: string) => ({ role: "user", content })
const found = (customers: Customer.Customers, id: string) => Effect.map(customers.get(id), Option.getOrThrow)

describe("Customers", () => {
  it.effect("are created when they are asked for, and only then", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const customers = yield* Customers
      assert.deepStrictEqual(yield* customers.get("ada"), Option.none())
      const ada = yield* customers.getOrCreate("ada")
      assert.deepStrictEqual(ada, Customer.create("ada", DateTime.unsafeMake(1_000)))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* customers.getOrCreate("ada"), ada)
      assert.deepStrictEqual((yield* found(customers, "ada")).value, ada)
      assert.strictEqual(yield* customers.count, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("come back without a past, and keep what is theirs when the past is cleaned up", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const sayAll = (contents: ReadonlyArray<string>) =>
        Effect.forEach(contents, (content) => customers.addMessage("ada", say(content)))
      yield* sayAll(Arr.makeBy(40, (i) => `before ${i}`))
      yield* TestClock.adjust("1 hour")
      const now = Arr.makeBy(20, (i) => `now ${i}`)
      yield* sayAll(now)
      assert.deepInclude(yield* customers.cleanup, { archives: 1 })
      assert.deepInclude(yield* customers.cleanup, { archives: 0 })
      const messages = yield* Stream.runCollect(customers.messages.stream("ada", { order: "oldest first" }))
      assert.deepStrictEqual(
        Array.from(messages, ({ value }) => value.content),
        now
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("are changed by functions and by name, and say when", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      yield* TestClock.setTime(1_000)
      yield* customers.updateProfile("ada", { name: "Ada", phone: "1" })
      yield* TestClock.setTime(2_000)
      const ada = yield* customers.update("ada", (state) =>
        pipe(
          state,
          Customer.setPreference("language", "en"),
          Customer.addIntent("order"),
          Customer.addActiveItem("orders", { id: 1 }),
          Customer.addResolutionAttempt("sent again")
        )
      )
      yield* customers.setTemp("ada", "step", { of: "order" })
      const { value } = yield* found(customers, "ada")
      assert.deepStrictEqual(value, { ...ada, tempState: { step: { of: "order" } } })
      assert.strictEqual(value.profile.name, "Ada")
      assert.deepStrictEqual(value.profile.preferences, { language: "en" })
      assert.deepStrictEqual([value.createdAt, value.updatedAt], [1_000, 2_000].map(DateTime.unsafeMake))
      assert.deepStrictEqual(yield* customers.getTemp("ada", "step"), Option.some({ of: "order" }))
      assert.deepStrictEqual(yield* customers.getTemp("ada", "other"), Option.none())
      assert.deepStrictEqual((yield* customers.clearTemp("ada")).tempState, {})
      assert.deepStrictEqual(yield* customers.getTemp("nobody", "step"), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("live from their last change on, for the time that was asked for", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const endsAt = (id: string) => Effect.map(found(customers, id), ({ expiresAtMs }) => expiresAtMs)
      const ada = yield* customers.getOrCreate("ada")
      yield* TestClock.adjust("30 minutes")
      yield* customers.addMessage("ada", say("hello"))
      assert.strictEqual(yield* endsAt("ada"), 5_400_000)
      yield* customers.save(ada, { ttl: "1 day" })
      assert.strictEqual(yield* endsAt("ada"), 1_800_000 + 86_400_000)
      yield* customers.update("ada", Customer.clearTemp, { ttl: "keep" })
      assert.strictEqual(yield* endsAt("ada"), 1_800_000 + 86_400_000)
      assert.isTrue(yield* customers.expire("ada", "2 hours"))
      assert.isFalse(yield* customers.expire("nobody", "2 hours"))
      yield* TestClock.adjust("2 hours")
      assert.deepStrictEqual(yield* customers.get("ada"), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("are removed when nobody wrote them for long, and not if somebody does meanwhile", () =>
    Effect.gen(function* () {
      const customers = yield* Customer.make("c", { keep: { messages: 1 } })
      yield* Effect.forEach(Arr.range(1, 15), (i) => customers.addMessage("old", say(`m${i}`)))
      yield* customers.getOrCreate("older")
      yield* customers.store.set("broken", "?")
      yield* TestClock.adjust("20 hours")
      yield* customers.getOrCreate("new")
      yield* TestClock.adjust("5 hours")
      assert.strictEqual(yield* customers.cleanupOlderThan("25 hours"), 0)
      assert.strictEqual(yield* customers.cleanupOlderThan("24 hours"), 2)
      const left = yield* Stream.runCollect(customers.store.keys("*"))
      assert.deepStrictEqual(Array.from(left), ["broken", "new"])
      assert.strictEqual(yield* customers.store.namespace("archive").count({}), 0)
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("are saved as they were given, over what is there only if that was asked for", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const ada = yield* customers.getOrCreate("ada")
      const { version } = yield* found(customers, "ada")
      yield* customers.updateProfile("ada", { name: "Ada" })
      const stale = customers.save({ ...ada, tempState: { n: 1 } }, { ifVersion: version })
      assert.instanceOf(yield* Effect.flip(stale), StateError.VersionConflict)
      yield* customers.save({ ...ada, tempState: { n: 1 } })
      const { value } = yield* found(customers, "ada")
      assert.deepStrictEqual([value.profile.name, value.tempState], ["", { n: 1 }])
    }).pipe(Effect.provide(layer))
  )

  it.effect("are listed, streamed and counted, without what belongs to them", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      yield* customers.startSession("ada")
      yield* Effect.forEach(Arr.range(1, 15), () => customers.addMessage("ada", say("?")))
      yield* customers.getOrCreate("bob")
      const { entries } = yield* customers.list({ limit: 1 })
      assert.deepStrictEqual(
        entries.map(({ value }) => value.customerId),
        ["ada"]
      )
      const all = yield* Stream.runCollect(customers.stream())
      assert.deepStrictEqual(
        Array.from(all, ({ key }) => key),
        ["ada", "bob"]
      )
      assert.strictEqual(yield* customers.count, 2)
      assert.isTrue(yield* customers.exists("bob"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuse what they can't keep, and ids that leave no room for a history", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Customer.make("c", { keep: { sessions: 0 } }))
      assert.strictEqual(error.option, "keep.sessions")
      const customers = yield* Customers
      assert.instanceOf(yield* Effect.flip(customers.getOrCreate("a".repeat(1_000))), StateError.InvalidKey)
      yield* customers.getOrCreate("a".repeat(950))
      const loss = customers.setTemp("ada", "n", Number.NaN)
      assert.instanceOf(yield* Effect.flip(loss), StateError.EncodeError)
      assert.deepStrictEqual(yield* customers.get("ada"), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("keep their history also if they are put aside while it is looked for whose it is", () =>
    Effect.gen(function* () {
      const { justBefore, happened, plain, store } = yield* DisturbedStore.make
      const make = Customer.make("Customers", { keep: { messages: 3 } })
      const customers = yield* Effect.provideService(make, StateStore.StateStore, store)
      const elsewhere = yield* Effect.provideService(make, StateStore.StateStore, plain)
      yield* Effect.forEach(Arr.range(0, 19), (i) => customers.addMessage("ada", say(`m${i}`)))
      const stored = Option.getOrThrow(yield* customers.store.get("ada")).value as { readonly value: object }
      yield* customers.store.set("ada", { ...stored, value: { ...stored.value, profile: 1 } })
      // She is not in quarantine, and whether she is at her place is asked next.
      yield* justBefore({ read: (keys) => keys.includes("Customers:ada") }, elsewhere.migrateAll())
      assert.deepInclude(yield* customers.cleanup, { archives: 0 })
      assert.isTrue(yield* happened)
      yield* customers.quarantine.restore("ada", { value: stored })
      assert.strictEqual((yield* customers.messages.page("ada")).items.length, 20)
    }).pipe(Effect.scoped)
  )

  it.effect("who can't be decoded can be put aside and back, and keep their history and their sessions", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const { sessionId } = yield* customers.startSession("ada")
      yield* Effect.forEach(Arr.range(0, 19), (i) => customers.addMessage("ada", say(`m${i}`)))
      const stored = Option.getOrThrow(yield* customers.store.get("ada")).value as { readonly value: object }
      yield* customers.store.set("ada", { ...stored, value: { ...stored.value, profile: 1 } })
      assert.strictEqual((yield* customers.migrateAll()).quarantined, 1)
      assert.deepStrictEqual(yield* customers.cleanup, { archives: 0, sessions: 0 })
      yield* customers.quarantine.restore("ada", { value: stored })
      const messages = yield* Stream.runCollect(customers.messages.stream("ada", { order: "oldest first" }))
      assert.deepStrictEqual(
        Array.from(messages, ({ value }) => value.content),
        Arr.makeBy(20, (i) => `m${i}`)
      )
      assert.isTrue(Option.isSome(yield* customers.endSession(sessionId)))
    }).pipe(Effect.provide(layer))
  )

  it.effect("who can't be read, or whose archive or session can't, keep what is theirs, and nobody else", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const key = Redacted.make(new Uint8Array(32))
      const codec = Codec.encrypted(Codec.json, yield* KeyRing.make({ primary: { id: "lost", key } }))
      /** Writes what lies in a namespace anew, by a key that the customers don't have. */
      const lose = (store: StateStore.Service, prefix = "") =>
        Stream.runForEach(store.keys(`${prefix}*`), (key) => store.withCodec(codec).set(key, "?", { ttl: "keep" }))
      const index = customers.store.namespace("sessions")

      const begin = (id: string) =>
        Effect.all([
          customers.startSession(id),
          Effect.forEach(Arr.range(0, 19), (i) => customers.addMessage(id, say(`m${i}`)))
        ])
      yield* begin("ada")
      yield* begin("bob")
      yield* customers.store.set("bob", "?")
      yield* lose(customers.store, "ada")
      yield* lose(customers.store.namespace("deeds"))
      assert.deepStrictEqual(yield* customers.cleanup, { archives: 0, sessions: 0 })
      yield* begin("eve")
      yield* lose(index)
      yield* begin("zoe")
      yield* customers.store.deleteMany(["ada", "bob", "eve", "zoe"])
      assert.deepStrictEqual(yield* customers.cleanup, { archives: 4, sessions: 1 })
      assert.strictEqual(yield* customers.store.namespace("archive").count({}), 0)
    }).pipe(Effect.provide(layer))
  )
})

describe("A customer who is locked", () => {
  it.effect("is shown to one effect at a time, and written with what it gives", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const slow = customers.withCustomer("ada", { ttl: "1 day" })((state) =>
        Effect.as(Effect.sleep("1 second"), [
          "done",
          Customer.setTemp("n", Number(state.tempState.n ?? 0) + 1)(state)
        ] as const)
      )
      const both = yield* Effect.fork(Effect.all([slow, slow], { concurrency: 2 }))
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(yield* Fiber.join(both), ["done", "done"])
      assert.deepStrictEqual(yield* customers.getTemp("ada", "n"), Option.some(2))
      assert.isAbove((yield* found(customers, "ada")).expiresAtMs ?? 0, 86_400_000)
    }).pipe(Effect.provide(layer))
  )

  it.effect("is waited for 10 seconds, unless told otherwise", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const holds = yield* Deferred.make<void>()
      const held = yield* Effect.fork(
        customers.withCustomer("ada")((state) =>
          Effect.as(Effect.zipRight(Deferred.succeed(holds, undefined), Effect.never), [0, state] as const)
        )
      )
      yield* Deferred.await(holds)
      const touch = (options?: Lock.Options) =>
        customers.withCustomer("ada", options)((state) => Effect.succeed([0, state]))
      assert.instanceOf(yield* Effect.flip(touch({ wait: 0 })), Lock.LockTimeout)
      const waiting = yield* Effect.fork(Effect.flip(touch()))
      yield* TestClock.adjust("9 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
      yield* TestClock.adjust("1 second")
      assert.instanceOf(yield* Fiber.join(waiting), Lock.LockTimeout)
      yield* Fiber.interrupt(held)
      yield* touch()
    }).pipe(Effect.provide(layer))
  )

  it.effect("stays as it was if the effect fails", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      assert.strictEqual(yield* Effect.flip(customers.withCustomer("ada")(() => Effect.fail("no"))), "no")
      assert.isFalse(yield* customers.exists("ada"))
    }).pipe(Effect.provide(layer))
  )
})

describe("A customer's sessions", () => {
  it.effect("are in the history, active until they end", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const customers = yield* Customers
      const chat = yield* customers.startSession("ada")
      assert.deepStrictEqual(chat, {
        sessionId: chat.sessionId,
        customerId: "ada",
        type: "chat",
        startedAt: DateTime.unsafeMake(1_000),
        endedAt: null,
        status: "active"
      })
      const voice = yield* customers.startSession("ada", { type: "voice" })
      assert.deepStrictEqual(yield* customers.activeSession("ada"), Option.some(chat))
      assert.deepStrictEqual(yield* customers.activeSession("ada", "voice"), Option.some(voice))
      assert.deepStrictEqual(yield* customers.activeSession("ada", "mail"), Option.none())
      assert.deepStrictEqual(yield* customers.activeSession("nobody"), Option.none())
      yield* TestClock.setTime(2_000)
      const ended = { ...chat, endedAt: DateTime.unsafeMake(2_000), status: "completed" as const }
      assert.deepStrictEqual(yield* customers.endSession(chat.sessionId), Option.some(ended))
      assert.deepStrictEqual(yield* customers.endSession(chat.sessionId), Option.none())
      assert.deepStrictEqual(yield* customers.endSession("nobody's"), Option.none())
      assert.deepStrictEqual(yield* customers.activeSession("ada"), Option.some(voice))
      const { items } = yield* customers.sessions.page("ada", { order: "oldest first" })
      assert.deepStrictEqual(
        items.map(({ value }) => value),
        [ended, voice]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("are one of a type, if asked: the new one is refused, or joins the other, or ends it", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const first = yield* customers.startSession("ada", { ifActive: "reject" })
      const refused = yield* Effect.flip(customers.startSession("ada", { ifActive: "reject" }))
      assert(refused instanceof Customer.SessionActive)
      assert.deepStrictEqual(refused.session, first)
      yield* customers.startSession("ada", { type: "voice", ifActive: "reject" })
      assert.deepStrictEqual(yield* customers.startSession("ada", { ifActive: "join" }), first)
      yield* customers.setTemp("ada", "n", 1)
      const second = yield* customers.startSession("ada", { ifActive: "end" })
      assert.deepStrictEqual(yield* customers.activeSession("ada", "chat"), Option.some(second))
      assert.deepStrictEqual(yield* customers.getTemp("ada", "n"), Option.none())
      assert.strictEqual(yield* customers.sessions.count("ada"), 3)
    }).pipe(Effect.provide(layer))
  )

  it.effect("move to entries of their own when they are many and completed", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const forgotten = yield* customers.startSession("ada", { type: "voice" })
      yield* Effect.forEach(Arr.range(1, 40), () =>
        Effect.flatMap(customers.startSession("ada"), ({ sessionId }) => customers.endSession(sessionId))
      )
      const { history } = (yield* found(customers, "ada")).value
      assert.isBelow(history.sessions.length, 16)
      assert.deepStrictEqual(history.sessions[0], forgotten)
      assert.strictEqual(yield* customers.sessions.count("ada"), 41)
      const all = yield* Stream.runCollect(customers.sessions.stream("ada"))
      assert.strictEqual(new Set(Array.from(all, ({ value }) => value.sessionId)).size, 41)
      assert.isTrue(Option.isSome(yield* customers.endSession(forgotten.sessionId)))
    }).pipe(Effect.provide(layer))
  )

  it.live("survive a restart", () =>
    Effect.acquireUseRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "customers-"))),
      (folder) => {
        const program = () =>
          Layer.fresh(Customers.layer.pipe(Layer.provide(SqliteStore.layer({ filename: join(folder, "c.db") }))))
        return Effect.gen(function* () {
          const session = yield* Effect.provide(
            Effect.flatMap(Customers, (customers) => customers.startSession("ada")),
            program()
          )
          yield* Effect.gen(function* () {
            const customers = yield* Customers
            assert.deepStrictEqual(yield* customers.activeSession("ada"), Option.some(session))
            assert.isTrue(Option.isSome(yield* customers.endSession(session.sessionId)))
          }).pipe(Effect.provide(program()))
        })
      },
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
  )
})

describe("A customer's messages", () => {
  it.effect("are given back with their positions, and their times", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const customers = yield* Customers
      const then = DateTime.unsafeMake(5)
      const first = yield* customers.addMessage("ada", { ...say("then"), timestamp: then })
      const second = yield* customers.addMessage("ada", say("now"))
      assert.deepStrictEqual(first, { position: 0, value: { ...say("then"), timestamp: then } })
      assert.deepStrictEqual(second, { position: 1, value: { ...say("now"), timestamp: DateTime.unsafeMake(1_000) } })
      const { items, next } = yield* customers.messages.page("ada")
      assert.deepStrictEqual([items, next], [[second, first], Option.none()])
      assert.deepStrictEqual(yield* customers.messages.page("nobody"), { items: [], next: Option.none() })
      assert.instanceOf(yield* Effect.flip(customers.messages.page("ada", { limit: 0 })), StateError.InvalidRange)
    }).pipe(Effect.provide(layer))
  )

  const Action = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant("add" as const), many: fc.integer({ min: 1, max: 9 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("update" as const), many: fc.integer({ min: 1, max: 45 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("delete" as const), many: fc.constant(0) }) }
  )

  it.effect.prop(
    "are the same as in a list that grows for ever, however they are read",
    {
      actions: fc.array(Action, { maxLength: 16 }),
      keep: fc.integer({ min: 1, max: 12 }),
      limit: fc.integer({ min: 1, max: 40 }),
      order: fc.constantFrom<Customer.Order>("newest first", "oldest first")
    },
    ({ actions, keep, limit, order }) =>
      Effect.gen(function* () {
        const customers = yield* Customer.make("c", { keep: { messages: keep } })
        let model: ReadonlyArray<string> = []
        for (const [n, action] of actions.entries()) {
          const words = Arr.makeBy(action.many, (i) => `${n}.${i}`)
          if (action.do === "delete") {
            assert.strictEqual(yield* customers.delete("ada"), model.length > 0)
          }
          if (action.do === "update") {
            const timestamp = yield* DateTime.now
            yield* customers.update("ada", (state) =>
              words.reduce((state, word) => Customer.addMessage({ ...say(word), timestamp })(state), state)
            )
          }
          if (action.do === "add") {
            for (const [i, word] of words.entries()) {
              assert.strictEqual((yield* customers.addMessage("ada", say(word))).position, model.length + i)
            }
          }
          model = action.do === "delete" ? [] : [...model, ...words]
        }
        const seen: Array<Customer.Item<Customer.Message>> = []
        let after: number | undefined
        do {
          const { items, next } = yield* customers.messages.page("ada", { limit, order, after })
          assert.isAtMost(items.length, limit)
          if (Option.isSome(next)) assert.lengthOf(items, limit)
          seen.push(...items)
          after = Option.getOrUndefined(next)
        } while (after !== undefined)
        const expected = model.map((content, position) => [position, content])
        assert.deepStrictEqual(
          seen.map(({ position, value }) => [position, value.content]),
          order === "newest first" ? expected.toReversed() : expected
        )
        assert.deepStrictEqual(Array.from(yield* Stream.runCollect(customers.messages.stream("ada", { order }))), seen)
        assert.strictEqual(yield* customers.messages.count("ada"), model.length)
        const state = yield* customers.get("ada")
        if (Option.isSome(state)) assert.isBelow(state.value.value.history.messages.length, keep + 10)
        assert.strictEqual(
          yield* customers.store.namespace("archive").count({}),
          Math.floor(
            Option.match(state, { onNone: () => 0, onSome: ({ value }) => value.history.archived.messages / 10 })
          )
        )
      }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer()))),
    { fastCheck: { numRuns: 30 } }
  )

  it.effect("go in the commit that adds to them: a write that fails moves nothing", () =>
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      const { store: own, ...failing } = yield* Effect.provideService(
        Customer.make("c", { keep: { messages: 1 } }),
        StateStore.StateStore,
        store
      )
      yield* Effect.forEach(Arr.range(0, 9), (i) => failing.addMessage("ada", say(`m${i}`)))
      const { version } = Option.getOrThrow(yield* own.get("ada"))
      const meanwhile = failing.withCustomer("ada")((state) =>
        Effect.as(own.set("ada", { taken: true }), [
          0,
          Customer.addMessage({ ...say("m10"), timestamp: state.createdAt })(state)
        ] as const)
      )
      assert.instanceOf(yield* Effect.flip(meanwhile), StateError.VersionConflict)
      assert.isAbove(Option.getOrThrow(yield* own.get("ada")).version, version)
      assert.strictEqual(yield* own.namespace("archive").count({}), 0)
    }).pipe(Effect.provide(MemoryStore.layer()))
  )
})
