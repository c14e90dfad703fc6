import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Customer, MemoryStore, StateStore, Versioned } from "effect-state"
import * as fc from "fast-check"
import { Document10, Document11, upgrade10, upgrade11 } from "../../src/state/customer/Document.ts"

/** A customer as plain JSON of the first program: its names, its empty values, its times without an offset. */
const document = {
  customer_id: "cust-1",
  created_at: "2024-03-01T09:30:00.123456",
  updated_at: "2024-03-02T10:00:00",
  profile: {
    name: "Ada",
    email: "",
    phone: "",
    company: "",
    preferences: {},
    loyalty_tier: "basic"
  },
  conversation_context: { current_topic: null, intents: [], entities: {}, last_interaction: null },
  active_items: { tickets: [{ id: 7 }], orders: [], appointments: [] },
  history: {
    messages: [{ role: "user", content: "Hello", timestamp: "2024-03-01T09:31:00+01:00" }],
    sessions: [
      {
        session_id: "8f14e45f",
        customer_id: "cust-1",
        type: "chat",
        started_at: "2024-03-01T09:30:00",
        ended_at: null,
        status: "active"
      }
    ],
    resolution_attempts: ["restart"]
  },
  temp_state: { step: 2 }
}

const { email: _, phone: __, preferences: ___, ...bare } = document.profile
const contact_info = { email: "ada@example.com", phone: "+44 20" }
/** 1.0 with contact info in a place of its own, and no preferences. */
const first = { ...document, profile: { ...bare, contact_info } }

const decode = Schema.decodeUnknownSync(Customer.Versions)
const at = (iso: string) => DateTime.unsafeMake(iso)

describe("A customer of an earlier version", () => {
  it("1.0: its contact info becomes email and phone, and it gets preferences", () => {
    const { profile } = decode(first)
    assert.deepStrictEqual(profile, {
      ...{ name: "Ada", company: "", loyaltyTier: "basic" },
      ...{ preferences: {}, email: "ada@example.com", phone: "+44 20" }
    })
  })

  it("1.0: contact info that lacks one of them gives an empty one, and without contact info they stay", () => {
    const only = decode({ ...first, profile: { ...bare, contact_info: { phone: "1" } } }).profile
    assert.deepStrictEqual([only.email, only.phone], ["", "1"])
    const own = decode({ ...document, profile: { ...document.profile, email: "e", phone: "p" } }).profile
    assert.deepStrictEqual([own.email, own.phone], ["e", "p"])
    assert.notProperty(only, "contact_info")
  })

  it("1.1, and a plain document that calls itself 2.0: everything is as it was, under its name of today", () => {
    for (const version of ["1.1", "2.0"]) {
      const profile = { ...document.profile, preferences: { language: "en" }, schema_version: version, age: 36 }
      assert.deepStrictEqual(decode({ ...document, profile }), {
        customerId: "cust-1",
        createdAt: at("2024-03-01T09:30:00.123Z"),
        updatedAt: at("2024-03-02T10:00:00Z"),
        profile: {
          ...{ name: "Ada", email: "", phone: "", company: "", loyaltyTier: "basic" },
          ...{ preferences: { language: "en" }, age: 36 }
        },
        conversationContext: { currentTopic: null, intents: [], entities: {}, lastInteraction: null },
        activeItems: { tickets: [{ id: 7 }], orders: [], appointments: [] },
        history: {
          messages: [{ role: "user", content: "Hello", timestamp: at("2024-03-01T08:31:00Z") }],
          sessions: [
            {
              sessionId: "8f14e45f",
              customerId: "cust-1",
              type: "chat",
              startedAt: at("2024-03-01T09:30:00Z"),
              endedAt: null,
              status: "active"
            }
          ],
          resolutionAttempts: ["restart"],
          archived: { id: null, messages: 0, sessions: 0, resolutionAttempts: 0 }
        },
        tempState: { step: 2 }
      })
    }
  })

  it("without temporary state has none", () => {
    const { temp_state: _, ...rest } = document
    assert.deepStrictEqual(decode(rest).tempState, {})
  })

  it("is told by what its profile says, and is 1.0 where that says nothing", () => {
    const versionOf = (schema_version: string) =>
      Option.getOrThrow(Customer.Versions.versionOf({ ...document, profile: { ...document.profile, schema_version } }))
    assert.deepStrictEqual(Customer.Versions.versionOf(document), Option.some("1.0"))
    assert.deepStrictEqual(
      [versionOf("1.0"), versionOf("1.1"), versionOf("2.0"), versionOf("3.0")],
      [...["1.0", "1.1", "1.1", "3.0"]]
    )
    assert.deepStrictEqual(Customer.Versions.versions, ["1.0", "1.1", "2.0"])
  })

  const Text = fc.option(fc.string(), { nil: undefined })
  const Profile = fc
    .record(
      {
        name: fc.string(),
        email: fc.string(),
        phone: fc.string(),
        company: fc.string(),
        loyalty_tier: fc.string(),
        preferences: fc.dictionary(fc.constantFrom("a", "b"), fc.jsonValue()),
        contact_info: fc.record({ email: Text, phone: Text }, { requiredKeys: [] })
      },
      { requiredKeys: [] }
    )
    .map((profile) => JSON.parse(JSON.stringify(profile)))

  it.prop("comes to the same by way of 1.1 as straight from 1.0", [Profile], ([profile]) => {
    const stored = { ...document, profile }
    const first = Schema.decodeUnknownSync(Document10)(stored)
    const second = upgrade10(first)
    const encoded = Schema.encodeSync(Document11)(second)
    const stepwise = decode({ "~v": "1.1", value: encoded })
    assert.deepStrictEqual(stepwise, decode(stored))
    assert.deepStrictEqual(stepwise, decode({ "~v": "1.0", value: stored }))
    assert.deepStrictEqual(Either.getOrThrow(upgrade11(second)), stepwise)
    const written = Schema.encodeSync(Customer.Versions)(stepwise)
    assert.isTrue(Customer.Versions.isCurrent(written))
    assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(written))), stepwise)
  })

  class Customers extends Customer.Tag<Customers>()("Customers", { keep: { messages: 3 } }) {}
  const layer = Customers.layer.pipe(Layer.provideMerge(MemoryStore.layer()))

  it.effect("is read, changed and migrated in bulk where it lies", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      const messages = Array.from({ length: 250 }, (_, i) => ({
        ...{ role: "user", content: `m${i}`, timestamp: "2024-03-01T09:31:00" }
      }))
      yield* customers.store.set("cust-1", { ...first, history: { ...first.history, messages } })
      yield* customers.store.set("cust-2", { ...document, customer_id: "cust-2" })
      yield* customers.addMessage("cust-1", { role: "user", content: "and on" })
      const { value } = Option.getOrThrow(yield* customers.get("cust-1"))
      assert.strictEqual(value.profile.email, "ada@example.com")
      assert.strictEqual(value.history.archived.messages, 200)
      yield* customers.clearTemp("cust-1")
      const page = yield* customers.messages.page("cust-1", { limit: 1_000, order: "oldest first" })
      assert.deepStrictEqual(
        page.items.map(({ value }) => value.content),
        [...messages.map(({ content }) => content), "and on"]
      )
      assert.strictEqual(Option.getOrThrow(yield* customers.get("cust-1")).value.history.messages.length, 11)
      const report = yield* customers.migrateAll()
      assert.deepStrictEqual([report.upgraded, report.current], [1, 1])
    }).pipe(Effect.provide(layer))
  )

  it.effect(
    "has its active session ended with the customer's id, and by its own id once the customer was changed or migrated",
    () =>
      Effect.gen(function* () {
        const customers = yield* Customers
        yield* customers.store.set("cust-1", document)
        assert.deepStrictEqual(yield* customers.endSession("8f14e45f"), Option.none())
        assert.isTrue(Option.isSome(yield* customers.endSession("8f14e45f", { customerId: "cust-1" })))
        yield* customers.store.set("cust-1", document)
        yield* customers.updateProfile("cust-1", { name: "Ada L." })
        assert.isTrue(Option.isSome(yield* customers.endSession("8f14e45f")))
      }).pipe(Effect.provide(layer))
  )

  it.effect("whose time is none is a failed step, that of a newer program is left alone", () =>
    Effect.gen(function* () {
      const customers = yield* Customers
      yield* customers.store.set("a", { ...document, created_at: "yesterday" })
      const failed = yield* Effect.flip(customers.get("a"))
      assert(failed instanceof Versioned.MigrationFailed)
      assert.deepStrictEqual([failed.from, failed.to], ["1.0", "2.0"])
      assert(failed.cause instanceof Customer.InvalidTime)
      assert.strictEqual(failed.cause.field, "created_at")
      const newer = { "~v": "3.0", value: {} }
      yield* customers.store.set("b", newer)
      assert.instanceOf(
        yield* Effect.flip(customers.addMessage("b", { role: "user", content: "" })),
        Versioned.NewerVersion
      )
      const store = (yield* StateStore.StateStore).namespace("Customers")
      assert.deepStrictEqual(Option.getOrThrow(yield* store.get("b")).value, newer)
      assert.isTrue(yield* customers.delete("b"))
    }).pipe(Effect.provide(layer))
  )
})
