/**
 * Customers: sessions are decided in one commit, and a history that moves to entries of its own loses and doubles nothing.
 */
import { strict as assert } from "node:assert"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Customer from "../../state/customer/Customer.ts"
import * as StateStore from "../../store/StateStore.ts"
import { type Case, failure, storeCase } from "../Case.ts"

const nothingLost = storeCase("nothing lost")
const atomic = storeCase("atomic")
const time = storeCase("time")

const open = (store: StateStore.Service, options: Customer.Options = {}) =>
  Effect.provideService(Customer.make("customers", options), StateStore.StateStore, store)

const contents = (customers: Customer.Customers, id: string, order: Customer.Order) =>
  Effect.map(Stream.runCollect(customers.messages.stream(id, { order })), (items) =>
    Array.from(items, ({ position, value }) => [position, value.content] as const)
  )

const say = (customers: Customer.Customers, id: string, content: string) =>
  customers.addMessage(id, { role: "user", content })

/** How many entries of any kind a customer takes. */
const entriesOf = ({ store }: Customer.Customers) =>
  Effect.map(
    Effect.all(["archive", "deeds", "sessions"].map((segment) => store.namespace(segment).count({}))),
    (counts) => counts.reduce((sum, count) => sum + count, 0)
  )

export const customerCases: ReadonlyArray<Case> = [
  nothingLost("messages that are added at once are all there, each at its one position", (store) =>
    Effect.gen(function* () {
      const customers = yield* open(store, { keep: { messages: 3 } })
      const words = Arr.makeBy(24, (i) => `m${i}`)
      yield* Effect.forEach(words, (word) => say(customers, "ada", word), { concurrency: 6 })
      const oldest = yield* contents(customers, "ada", "oldest first")
      assert.deepEqual(
        oldest.map(([position]) => position),
        Arr.range(0, 23)
      )
      assert.deepEqual(oldest.map(([, content]) => content).sort(), [...words].sort())
      assert.deepEqual(yield* contents(customers, "ada", "newest first"), oldest.toReversed())
      const { value } = Option.getOrThrow(yield* customers.get("ada"))
      assert.equal(value.history.messages.length, 4)
      assert.equal(value.history.archived.messages, 20)
    })
  ),
  nothingLost("pages of messages neither skip nor repeat one while others are added", (store) =>
    Effect.gen(function* () {
      const customers = yield* open(store, { keep: { messages: 4 } })
      yield* Effect.forEach(Arr.range(0, 44), (i) => say(customers, "ada", `m${i}`))
      const seen: Array<number> = []
      let after: number | undefined
      do {
        const { items, next } = yield* customers.messages.page("ada", { limit: 4, after })
        seen.push(...items.map(({ position }) => position))
        yield* say(customers, "ada", "meanwhile")
        after = Option.getOrUndefined(next)
      } while (after !== undefined)
      assert.deepEqual(seen, Arr.range(0, 44).reverse())
    })
  ),
  atomic("of many who start a session at once, one does, if only one may be active", (store) =>
    Effect.gen(function* () {
      const customers = yield* open(store)
      const starts = yield* Effect.forEach(
        Arr.range(1, 8),
        () => Effect.either(customers.startSession("ada", { ifActive: "reject" })),
        { concurrency: "unbounded" }
      )
      const [started, ...others] = Arr.getRights(starts)
      assert.ok(started)
      assert.deepEqual(others, [])
      for (const { _tag } of Arr.getLefts(starts)) assert.equal(_tag, "SessionActive")
      const joined = yield* Effect.forEach(Arr.range(1, 4), () => customers.startSession("ada", { ifActive: "join" }), {
        concurrency: "unbounded"
      })
      assert.deepEqual(new Set(joined.map(({ sessionId }) => sessionId)), new Set([started.sessionId]))
      const next = yield* Effect.forEach(Arr.range(1, 4), () => customers.startSession("ada", { ifActive: "end" }), {
        concurrency: "unbounded"
      })
      const active = Option.getOrThrow(yield* customers.activeSession("ada"))
      assert.ok(next.some(({ sessionId }) => sessionId === active.sessionId))
      assert.equal(yield* customers.sessions.count("ada"), 5)
      assert.equal(yield* store.namespace("customers").namespace("sessions").count({}), 1)
    })
  ),
  atomic("a session ends once, by its id alone, and the notes with it", (store) =>
    Effect.gen(function* () {
      const customers = yield* open(store)
      const { sessionId } = yield* customers.startSession("ada", { type: "voice" })
      yield* customers.setTemp("ada", "step", 2)
      const ends = yield* Effect.forEach(Arr.range(1, 4), () => customers.endSession(sessionId), {
        concurrency: "unbounded"
      })
      assert.equal(Arr.getSomes(ends).length, 1)
      assert.equal(Arr.getSomes(ends)[0]?.status, "completed")
      assert.deepEqual(yield* customers.getTemp("ada", "step"), Option.none())
      assert.deepEqual(yield* customers.activeSession("ada", "voice"), Option.none())
      assert.equal(yield* entriesOf(customers), 0)
    })
  ),
  atomic("synchronised changes of a customer follow one another", (store) =>
    Effect.gen(function* () {
      const customers = yield* open(store)
      const add = customers.withCustomer("ada")((state) =>
        Effect.as(Effect.yieldNow(), [0, Customer.setTemp("n", Number(state.tempState.n ?? 0) + 1)(state)] as const)
      )
      yield* Effect.all(Arr.replicate(add, 6), { concurrency: "unbounded" })
      assert.deepEqual(yield* customers.getTemp("ada", "n"), Option.some(6))
      const other = customers.withCustomer("ada")((state) =>
        Effect.as(customers.setTemp("ada", "by", "another"), [0, state] as const)
      )
      yield* failure(other, "VersionConflict")
    })
  ),
  nothingLost("a customer who is deleted leaves nothing, and comes back without a past", (store) =>
    Effect.gen(function* () {
      const customers = yield* open(store, { keep: { messages: 1, resolutionAttempts: 1 } })
      yield* customers.startSession("ada")
      yield* Effect.forEach(Arr.range(1, 32), (i) => say(customers, "ada", `m${i}`))
      yield* customers.update("ada", (state) =>
        Arr.range(1, 12).reduce((state, i) => Customer.addResolutionAttempt(i)(state), state)
      )
      assert.equal(yield* customers.resolutionAttempts.count("ada"), 12)
      assert.equal(yield* entriesOf(customers), 3 + 1 + 1 + 1)
      assert.equal(yield* customers.delete("ada"), true)
      assert.equal(yield* customers.delete("ada"), false)
      assert.equal(yield* entriesOf(customers), 0)
      yield* say(customers, "ada", "hello")
      assert.deepEqual(yield* contents(customers, "ada", "oldest first"), [[0, "hello"]])
    })
  ),
  time(
    "what is left of a customer who expired is seen by nobody, and goes with the next cleanup",
    (store, { advance }) =>
      Effect.gen(function* () {
        const customers = yield* open(store, { keep: { messages: 1 } })
        const { sessionId } = yield* customers.startSession("ada")
        yield* Effect.forEach(Arr.range(1, 12), (i) => say(customers, "ada", `m${i}`))
        yield* customers.startSession("bob")
        yield* Effect.forEach(Arr.range(1, 12), (i) => say(customers, "bob", `m${i}`))
        assert.equal(yield* customers.expire("ada", "50 millis"), true)
        yield* advance(50)
        assert.equal(yield* customers.messages.count("ada"), 0)
        yield* customers.setTemp("ada", "n", 1)
        assert.deepEqual(yield* contents(customers, "ada", "oldest first"), [])
        assert.deepEqual(yield* customers.cleanup, { archives: 1, sessions: 1 })
        assert.deepEqual(yield* customers.endSession(sessionId), Option.none())
        assert.equal(yield* entriesOf(customers), 1 + 1 + 1)
        assert.equal(yield* customers.messages.count("bob"), 12)
      })
  ),
  atomic("two who create a customer get the same", (store) =>
    Effect.gen(function* () {
      const customers = yield* open(store)
      const states = yield* Effect.all(Arr.replicate(customers.getOrCreate("ada"), 4), { concurrency: "unbounded" })
      const stored = Option.getOrThrow(yield* customers.get("ada"))
      for (const state of states) assert.deepEqual(state, stored.value)
      yield* failure(customers.save(stored.value, { ifVersion: "absent" }), "VersionConflict")
      const { version } = yield* customers.save(stored.value, { ifVersion: stored.version })
      assert.ok(version > stored.version)
      assert.ok(Either.isRight(yield* Effect.either(customers.save(stored.value))))
    })
  )
]
