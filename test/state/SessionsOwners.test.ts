import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, FastCheck, Hash, Inspectable, Layer, Option, Schema, Stream, TestClock } from "effect"
import { type Backend, MemoryStore, Namespace, Sessions, StateStore } from "effect-state"
import * as DisturbedStore from "../store/DisturbedStore.ts"

const data = Schema.Struct({ n: Schema.Number })

class Logins extends Sessions.Tag<Logins>()("Logins", { data, ttl: "1 hour", absoluteTtl: "3 hours" }) {}
class TwoLogins extends Sessions.Tag<TwoLogins>()("TwoLogins", {
  namespace: "Logins",
  data,
  ttl: "1 hour",
  maxConcurrent: { max: 2, onExceed: "reject" }
}) {}
class LastLogin extends Sessions.Tag<LastLogin>()("LastLogin", {
  namespace: "Logins",
  data,
  maxConcurrent: { max: 1, onExceed: "endOldest" }
}) {}
class HashedLogins extends Sessions.Tag<HashedLogins>()("HashedLogins", { namespace: "Logins", data, hashIds: true }) {}

const layer = Layer.mergeAll(Logins.layer, TwoLogins.layer, LastLogin.layer, HashedLogins.layer).pipe(
  Layer.provideMerge(MemoryStore.layer())
)

const ofAda = { data: { n: 0 }, owner: "ada" }

const idsOf = (logins: Sessions.Sessions<{ readonly n: number }>, owner: string) =>
  Effect.map(logins.listByOwner(owner), ({ entries }) => entries.map(({ id }) => id))

/** Both namespaces, past the sessions. */
const raw = Effect.map(StateStore.StateStore, (store) => {
  const sessions = store.namespace("Logins")
  return { sessions, index: sessions.namespace(Namespace.inner("owners")) }
})

/** A store whose keys lie in 64 parts, as a cluster's do. */
const spread = Effect.gen(function* () {
  const backend = Option.getOrThrow(StateStore.backendOf(yield* MemoryStore.make()))
  const placementOf = (placement: string) => (Hash.string(placement) >>> 0) % 64
  const parts: Backend.Backend = { ...backend, capabilities: { ...backend.capabilities, placementOf } }
  return yield* StateStore.make(parts)
})

describe("an owner's sessions", () => {
  it.effect("take no more than their sessions and an entry for each, and nothing without an owner", () =>
    Effect.gen(function* () {
      const logins = yield* Logins
      const { index } = yield* raw
      const { id } = yield* logins.create({ data: { n: 0 } })
      assert.deepStrictEqual((yield* logins.require(id)).owner, Option.none())
      yield* logins.rotate(id)
      assert.strictEqual(yield* index.count({}), 0)
      yield* logins.create(ofAda)
      assert.strictEqual(yield* index.count({}), 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("end at their idle time and at their age, and their entries with them", () =>
    Effect.gen(function* () {
      const logins = yield* Logins
      const { index } = yield* raw
      let { id } = yield* logins.create(ofAda)
      for (let i = 0; i < 3; i++) {
        yield* TestClock.adjust("50 minutes")
        yield* i % 2 === 0 ? logins.touch(id) : logins.update(id, { data: { n: i } })
        id = (yield* logins.rotate(id)).id
        assert.deepStrictEqual(yield* idsOf(logins, "ada"), [id])
      }
      yield* TestClock.adjust("29 minutes")
      assert.deepStrictEqual(yield* idsOf(logins, "ada"), [id])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* idsOf(logins, "ada"), [])
      assert.strictEqual(yield* index.count({}), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("are those that are there, if some were deleted past this module", () =>
    Effect.gen(function* () {
      const logins = yield* TwoLogins
      const { index, sessions } = yield* raw
      const [a, b] = [yield* logins.create(ofAda), yield* logins.create(ofAda)]
      yield* sessions.delete(a.id)
      assert.deepStrictEqual(yield* idsOf(logins, "ada"), [b.id])
      const c = yield* logins.create(ofAda)
      assert.deepStrictEqual(yield* idsOf(logins, "ada"), [b.id, c.id].sort())
      assert.strictEqual((yield* Effect.flip(logins.create(ofAda)))._tag, "TooManySessions")
      assert.strictEqual(yield* logins.endAllForOwner("ada"), 2)
      assert.strictEqual(yield* index.count({ prefix: "ada:session:" }), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("are not those of somebody else who has the id now", () =>
    Effect.gen(function* () {
      const logins = yield* Logins
      const { sessions } = yield* raw
      yield* logins.create({ ...ofAda, id: "mine" })
      yield* sessions.delete("mine")
      yield* logins.create({ ...ofAda, owner: "bob", id: "mine" })
      assert.deepStrictEqual(yield* idsOf(logins, "ada"), [])
      assert.deepStrictEqual(yield* idsOf(logins, "bob"), ["mine"])
      assert.strictEqual(yield* logins.endAllForOwner("ada"), 0)
      assert.deepStrictEqual(yield* idsOf(logins, "bob"), ["mine"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("end all at once, but not that of somebody else who gets an id meanwhile", () =>
    Effect.gen(function* () {
      const { justBefore, happened, plain, store } = yield* DisturbedStore.make
      const make = Sessions.make("Logins", { data })
      const logins = yield* Effect.provideService(make, StateStore.StateStore, store)
      const elsewhere = yield* Effect.provideService(make, StateStore.StateStore, plain)
      yield* logins.create({ ...ofAda, id: "mine" })
      const change = Effect.zipRight(elsewhere.delete("mine"), elsewhere.create({ ...ofAda, owner: "bob", id: "mine" }))
      yield* justBefore({ commit: () => true }, change)
      assert.strictEqual(yield* logins.endAllForOwner("ada"), 0)
      assert.isTrue(yield* happened)
      assert.deepStrictEqual(yield* idsOf(logins, "bob"), ["mine"])
    }).pipe(Effect.scoped)
  )

  it.effect("stay his as long as they are used", () =>
    Effect.gen(function* () {
      const logins = yield* Logins
      const { id } = yield* logins.create(ofAda)
      for (const use of [logins.update(id, { data: { n: 1 } }), logins.touch(id)]) {
        yield* TestClock.adjust("50 minutes")
        yield* use
      }
      yield* TestClock.adjust("50 minutes")
      assert.deepStrictEqual(yield* idsOf(logins, "ada"), [id])
    }).pipe(Effect.provide(layer))
  )

  it.effect("end also where they can't be decoded", () =>
    Effect.gen(function* () {
      const logins = yield* Logins
      const { sessions } = yield* raw
      const [a, b] = [yield* logins.create(ofAda), yield* logins.create(ofAda)]
      for (const { id } of [a, b]) yield* sessions.set(id, { data: { n: "none" }, metadata: {}, owner: "ada" })
      assert.strictEqual((yield* Effect.flip(logins.listByOwner("ada")))._tag, "DecodeError")
      assert.deepStrictEqual((yield* logins.listByOwner("ada", { onInvalid: "skip" })).entries, [])
      assert.isTrue(yield* logins.delete(a.id))
      assert.strictEqual(yield* logins.endAllForOwner("ada"), 1)
      assert.strictEqual(yield* sessions.count({}), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("are cut down to a limit that came later", () =>
    Effect.gen(function* () {
      const logins = yield* Logins
      for (let i = 0; i < 5; i++) yield* Effect.zipRight(TestClock.adjust(1), logins.create(ofAda))
      const { id } = yield* (yield* LastLogin).create(ofAda)
      assert.deepStrictEqual(yield* idsOf(logins, "ada"), [id])
      assert.strictEqual(yield* logins.count, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("are as many as a sound limit says", () =>
    Effect.gen(function* () {
      for (const max of [0, -1, 1.5, Number.NaN, 1_001]) {
        const logins = yield* Sessions.make("Odd", { data, maxConcurrent: { max, onExceed: "reject" } })
        const error = yield* Effect.flip(logins.create(ofAda))
        assert.strictEqual(error._tag, "InvalidOption")
        assert.strictEqual(yield* logins.count, 0)
      }
    }).pipe(Effect.provide(layer))
  )

  it.effect("are counted again when one moves to another id meanwhile", () =>
    Effect.gen(function* () {
      const { justBefore, happened, plain, store } = yield* DisturbedStore.make
      const make = Sessions.make("Logins", { data, maxConcurrent: { max: 2, onExceed: "reject" } })
      const logins = yield* Effect.provideService(make, StateStore.StateStore, store)
      const elsewhere = yield* Effect.provideService(make, StateStore.StateStore, plain)
      const { id } = yield* logins.create(ofAda)
      yield* logins.create(ofAda)
      // The index was read, and the sessions themselves are read next.
      yield* justBefore({ read: (keys) => keys.length > 1 }, elsewhere.rotate(id))
      assert.strictEqual((yield* Effect.flip(logins.create(ofAda)))._tag, "TooManySessions")
      assert.isTrue(yield* happened)
      assert.strictEqual(yield* logins.count, 2)
    }).pipe(Effect.scoped)
  )

  it.effect("lie with their owner on a cluster, whose ids are drawn for it", () =>
    Effect.gen(function* () {
      const store = yield* spread
      const here = Effect.provideService(StateStore.StateStore, store)
      for (const placement of [undefined, "namespace"] as const) {
        const limit = { max: 2, onExceed: "endOldest" } as const
        const logins = yield* here(Sessions.make(String(placement), { data, placement, maxConcurrent: limit }))
        for (const owner of ["ada", "bob"]) {
          for (let i = 0; i < 3; i++) yield* logins.rotate((yield* logins.create({ ...ofAda, owner })).id)
          assert.lengthOf(yield* idsOf(logins, owner), 2)
          assert.strictEqual(yield* logins.endAllForOwner(owner), 2)
        }
      }
      const logins = yield* here(Sessions.make("own", { data }))
      const errors = yield* Effect.forEach(["a", "b", "c"], (id) =>
        Effect.option(Effect.flip(logins.create({ ...ofAda, id })))
      )
      const elsewhere = errors.filter(Option.isSome)
      assert.isAbove(elsewhere.length, 0)
      for (const { value } of elsewhere) assert.strictEqual(value._tag, "Unsupported")
      assert.strictEqual(yield* logins.count, 3 - elsewhere.length)
    }).pipe(Effect.scoped)
  )

  it.effect("are over the limit with an error that says so, and no secret", () =>
    Effect.gen(function* () {
      const logins = yield* LastLogin
      const reject = yield* TwoLogins
      const { id } = yield* logins.create(ofAda)
      yield* reject.create(ofAda)
      const error = yield* Effect.flip(reject.create(ofAda))
      assert(error instanceof Sessions.TooManySessions)
      assert.strictEqual(error.max, 2)
      assert.isFalse(error.isRetryable)
      assert.include(error.message, "2 sessions")
      const shown = [error.message, Inspectable.toStringUnknown(error), Cause.pretty(Cause.fail(error))].join()
      assert.notInclude(shown, id)
      assert.notInclude(shown, "ada")
    }).pipe(Effect.provide(layer))
  )

  const owner = FastCheck.nat(2)
  const at = FastCheck.nat(20)
  const commands = FastCheck.array(
    FastCheck.oneof(
      FastCheck.record({ do: FastCheck.constantFrom("log in", "log in", "log in", "end all"), owner }),
      FastCheck.record({ do: FastCheck.constantFrom("rotate", "delete", "touch", "update"), at }),
      FastCheck.record({ minutes: FastCheck.integer({ min: 1, max: 40 }) })
    ),
    { maxLength: 30 }
  )

  it.effect.prop(
    "are what a plain list of all sessions says, after anything",
    [commands],
    ([commands]) =>
      Effect.gen(function* () {
        const logins = yield* Logins
        const { index } = yield* raw
        const known: Array<string> = ["nobody"]
        for (const command of commands) {
          if ("minutes" in command) yield* TestClock.adjust(`${command.minutes} minutes`)
          if ("owner" in command) {
            const owner = `owner${command.owner}`
            if (command.do === "log in") known.push((yield* logins.create({ data: { n: 0 }, owner })).id)
            else yield* logins.endAllForOwner(owner, { except: known[1] })
          }
          if ("at" in command) {
            const id = known[command.at % known.length] ?? "nobody"
            if (command.do === "delete") yield* logins.delete(id)
            if (command.do === "touch") yield* logins.touch(id, { ttl: "20 minutes" })
            if (command.do === "update") yield* Effect.option(logins.update(id, { data: { n: 1 } }))
            if (command.do === "rotate") {
              const rotated = yield* Effect.option(logins.rotate(id))
              if (Option.isSome(rotated)) known.push(rotated.value.id)
            }
          }
          const all = Array.from(yield* Stream.runCollect(logins.stream))
          for (const owner of ["owner0", "owner1", "owner2"]) {
            const theirs = all.filter((session) => Option.contains(session.owner, owner))
            assert.deepStrictEqual((yield* logins.listByOwner(owner)).entries, theirs)
            assert.strictEqual(yield* index.count({ prefix: `${owner}:session:` }), theirs.length)
          }
        }
      }).pipe(Effect.provide(layer)),
    { fastCheck: { numRuns: 30 } }
  )
})

describe("hashed ids", () => {
  it.effect("end by what a list shows, which opens nothing", () =>
    Effect.gen(function* () {
      const logins = yield* HashedLogins
      const { id } = yield* logins.create(ofAda)
      const [listed = ""] = yield* idsOf(logins, "ada")
      assert.match(listed, /^[\w-]{43}$/)
      assert.deepStrictEqual(yield* logins.get(listed), Option.none())
      assert.isFalse(yield* logins.touch(listed))
      assert.isFalse(yield* logins.delete(listed))
      assert.strictEqual((yield* Effect.flip(logins.rotate(listed)))._tag, "SessionNotFound")
      assert.isTrue(yield* logins.delete(listed, { listed: true }))
      assert.deepStrictEqual(yield* logins.get(id), Option.none())
      assert.deepStrictEqual(yield* idsOf(logins, "ada"), [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("are ids still: what can be no key is none, and what is taken is", () =>
    Effect.gen(function* () {
      const logins = yield* HashedLogins
      for (const id of ["", "\0", "\ud800"]) {
        assert.strictEqual((yield* Effect.flip(logins.create({ ...ofAda, id })))._tag, "InvalidKey")
        assert.strictEqual((yield* Effect.flip(logins.get(id)))._tag, "InvalidKey")
      }
      yield* logins.create({ ...ofAda, id: "my-secret" })
      const error = yield* Effect.flip(logins.create({ ...ofAda, id: "my-secret" }))
      assert(error instanceof Sessions.SessionExists)
      assert.notInclude(Inspectable.toStringUnknown(error) + Cause.pretty(Cause.fail(error)), "my-secret")
      assert.strictEqual(yield* logins.count, 1)
    }).pipe(Effect.provide(layer))
  )
})
