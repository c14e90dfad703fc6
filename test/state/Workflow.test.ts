import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, expectTypeOf, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Atomic, Codec, KeyRange, KeyRing, MemoryStore, StateStore, Version, Workflow } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import * as CountedStore from "../store/CountedStore.ts"
import * as DisturbedStore from "../store/DisturbedStore.ts"

const { nothing } = CountedStore

class Workflows extends Workflow.Tag<Workflows>()("Workflows") {}

const layer = Workflows.layer.pipe(Layer.provideMerge(MemoryStore.layer()))

const begun = pipe(
  Workflow.empty("w1", { framework: "planner", tenant: "acme" }),
  Workflow.addMessage("user", "Hello!"),
  Workflow.addMessage("assistant", "Hi there!", { toolCalls: [{ name: "search" }] }),
  Workflow.updateContext({ step: 1 })
)

describe("A workflow's state", () => {
  it("is messages, a context and metadata that name the workflow", () => {
    assert.deepStrictEqual(begun, {
      messages: [
        { role: "user", content: "Hello!" },
        { role: "assistant", content: "Hi there!", toolCalls: [{ name: "search" }] }
      ],
      context: { step: 1 },
      metadata: { workflowId: "w1", framework: "planner", tenant: "acme" }
    })
  })

  it("is changed by functions that leave the old one as it was", () => {
    const frozen = Schema.decodeUnknownSync(Workflow.State)(JSON.parse(JSON.stringify(begun)))
    Workflow.addMessage("user", "More")(frozen)
    Workflow.updateContext({ step: 2 })(frozen)
    const moved = Workflow.updateMetadata({ framework: "agent" })(frozen)
    assert.deepStrictEqual(frozen, begun)
    assert.deepStrictEqual(moved.metadata, { workflowId: "w1", framework: "agent", tenant: "acme" })
  })

  it("leaves the program and comes back equal, and what is none is refused", () => {
    const encoded = JSON.stringify(Schema.encodeSync(Workflow.State)(begun))
    assert.deepStrictEqual(Schema.decodeUnknownSync(Workflow.State)(JSON.parse(encoded)), begun)
    const broken = { ...begun, messages: [{ role: "user" }] }
    assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(Workflow.State)(broken)))
  })
})

describe("Workflow", () => {
  it.effect("saves, loads, overwrites and deletes", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      assert.deepStrictEqual(yield* workflows.load("w1"), Option.none())
      assert.isFalse(yield* workflows.delete("w1"))
      const first = yield* workflows.save(begun)
      assert.deepStrictEqual(yield* workflows.load("w1"), Option.some(first))
      const second = yield* workflows.save(Workflow.updateContext({ step: 2 })(begun))
      assert.deepStrictEqual(yield* workflows.require("w1"), second)
      assert.strictEqual(second.createdAtMs, first.createdAtMs)
      assert.isAbove(second.version, first.version)
      assert.isTrue(yield* workflows.delete("w1"))
      assert.strictEqual((yield* Effect.flip(workflows.require("w1")))._tag, "WorkflowNotFound")
      assert.strictEqual((yield* Effect.flip(workflows.update("w1", (state) => state)))._tag, "WorkflowNotFound")
      assert.strictEqual((yield* Effect.flip(workflows.checkpoint("w1")))._tag, "WorkflowNotFound")
      assert.strictEqual((yield* Effect.flip(workflows.resume("w1")))._tag, "CheckpointNotFound")
      assert.deepStrictEqual((yield* workflows.list()).entries, [])
    }).pipe(Effect.provide(layer))
  )

  it.effect("keeps copies: changing what was saved or loaded changes nothing", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      const items = ["a"]
      yield* workflows.save(Workflow.updateContext({ items })(begun))
      items.push("b")
      const loaded = (yield* workflows.require("w1")).state.context
      assert.deepStrictEqual(loaded.items, ["a"])
      ;(loaded.items as Array<string>).push("c") // It was given as one.
      assert.deepStrictEqual((yield* workflows.require("w1")).state.context.items, ["a"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("shows in its list what was saved, without the state", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      const { state, ...saved } = yield* workflows.save(begun)
      assert.deepStrictEqual((yield* workflows.list()).entries, [
        { ...saved, metadata: state.metadata, messageCount: 2 }
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("an update can't move a workflow to another id", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      yield* workflows.save(begun)
      const moved = yield* workflows.update("w1", () => Workflow.empty("w2"))
      assert.strictEqual(moved.id, "w1")
      assert.strictEqual(moved.state.metadata.workflowId, "w1")
      assert.deepStrictEqual(yield* workflows.load("w2"), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("is part of a larger commit, which is refused if the workflow was saved in between", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      const store = yield* StateStore.StateStore
      yield* workflows.save(begun)
      const event = store.namespace("events", { placement: () => workflows.key("w1") }).key("sent")
      const sent = Workflow.updateContext({ sent: true })(begun)
      const late = yield* workflows.put(sent)
      yield* workflows.update("w1", Workflow.updateContext({ step: 3 }))
      const refused = yield* Effect.flip(store.commit(Atomic.make.pipe(late, Atomic.set(event, 1))))
      assert.strictEqual(refused._tag, "VersionConflict")
      assert.isFalse(yield* store.exists(event))
      yield* store.commit(Atomic.make.pipe(yield* workflows.put(sent, { checkpoint: true }), Atomic.set(event, 1)))
      assert.isTrue(yield* store.exists(event))
      assert.deepStrictEqual((yield* workflows.require("w1")).state, sent)
      assert.strictEqual((yield* workflows.list()).entries.length, 1)
      assert.deepStrictEqual(
        Option.map(yield* workflows.checkpoints.latest("w1"), ({ state }) => state),
        Option.some(sent)
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("pages through checkpoints, the newest first", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      yield* workflows.save(begun)
      yield* Effect.replicateEffect(workflows.checkpoint("w1"), 5)
      const first = yield* workflows.checkpoints.list("w1", { limit: 3 })
      const rest = yield* workflows.checkpoints.list("w1", { limit: 3, after: Option.getOrThrow(first.next) })
      const all = [...first.entries, ...rest.entries]
      assert.deepStrictEqual(
        all.map(({ parent }) => parent),
        [...all.slice(1).map(({ id }) => id), undefined]
      )
      assert.strictEqual(all.length, 5)
    }).pipe(Effect.provide(layer))
  )

  it.effect("deletes the checkpoints of the workflow, not those of one that began again under its id", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      yield* workflows.save(begun, { checkpoint: true })
      yield* workflows.checkpoint("w1")
      yield* workflows.delete("w1")
      assert.deepStrictEqual(yield* workflows.checkpoints.latest("w1"), Option.none())
      const again = yield* workflows.save(begun, { checkpoint: true })
      const { entries } = yield* workflows.checkpoints.list("w1")
      assert.deepStrictEqual(
        entries.map(({ id, parent }) => [id, parent]),
        [[again.version, undefined]]
      )
      assert.isAtMost(yield* workflows.clear, 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("deletes no checkpoint of a workflow that begins again under its id while it is deleted", () =>
    Effect.gen(function* () {
      const { justBefore, happened, plain, store } = yield* DisturbedStore.make
      const make = Workflow.make("Workflows")
      const workflows = yield* Effect.provideService(make, StateStore.StateStore, store)
      const elsewhere = yield* Effect.provideService(make, StateStore.StateStore, plain)
      yield* workflows.save(begun, { checkpoint: true })
      // The state is gone, and its checkpoints are looked up next.
      yield* justBefore({ scan: () => true }, elsewhere.save(begun, { checkpoint: true }))
      assert.isTrue(yield* workflows.delete("w1"))
      assert.isTrue(yield* happened)
      const { version } = yield* workflows.require("w1")
      assert.deepStrictEqual(
        (yield* workflows.checkpoints.list("w1")).entries.map(({ id }) => id),
        [version]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("clears also what is saved while it clears", () =>
    Effect.gen(function* () {
      const { justBefore, happened, plain, store } = yield* DisturbedStore.make
      const make = Workflow.make("Workflows")
      const workflows = yield* Effect.provideService(make, StateStore.StateStore, store)
      const elsewhere = yield* Effect.provideService(make, StateStore.StateStore, plain)
      yield* Effect.forEach(Arr.range(1, 300), (n) => elsewhere.save(Workflow.empty(`w${n}`)))
      // The first page was read, and the oldest one moves to the front.
      const moves = elsewhere.update("w1", Workflow.addMessage("user", "Hello!"))
      yield* justBefore({ commit: () => true }, moves)
      assert.strictEqual(yield* workflows.clear, 300)
      assert.isTrue(yield* happened)
      assert.strictEqual(yield* workflows.count, 0)
    }).pipe(Effect.scoped)
  )

  it.effect("refuses an id that is none, and lists on past a line that can't be read, if asked", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      const store = yield* StateStore.StateStore
      for (const id of ["", "nul\0", "x".repeat(Workflow.idBytesMax + 1)]) {
        assert.strictEqual((yield* Effect.flip(workflows.save(Workflow.empty(id))))._tag, "InvalidKey")
        assert.strictEqual((yield* Effect.flip(workflows.load(id)))._tag, "InvalidKey")
      }
      yield* workflows.save(begun, { checkpoint: true })
      assert.strictEqual((yield* Effect.flip(workflows.fork("w1", { to: "" })))._tag, "InvalidKey")
      yield* store.namespace("Workflows").set("index:9999999999999999", { of: "somebody else" })
      assert.strictEqual((yield* Effect.flip(workflows.list()))._tag, "DecodeError")
      const { entries } = yield* workflows.list({ onInvalid: "skip" })
      assert.deepStrictEqual(
        entries.map(({ id }) => id),
        ["w1"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("can be saved over, when its state is no longer what the schema says", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      const store = yield* StateStore.StateStore
      yield* workflows.save(Workflow.empty("source"), { checkpoint: true })
      const { origin } = yield* workflows.fork("source", { to: "w1" })
      const key = workflows.key("w1")
      const before = yield* workflows.require("w1")
      yield* store.commit(Atomic.make.pipe(Atomic.set(key, { state: "broken", origin })))
      assert.strictEqual((yield* Effect.flip(workflows.load("w1")))._tag, "DecodeError")
      const mended = yield* workflows.save(begun)
      assert.deepStrictEqual(mended.origin, before.origin)
      assert.deepStrictEqual(yield* workflows.require("w1"), mended)
    }).pipe(Effect.provide(layer))
  )

  it.effect("makes checkpoints past those that can't be read, and lists the others, if asked", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      const key = Redacted.make(new Uint8Array(32))
      const lost = Codec.encrypted(Codec.json, yield* KeyRing.make({ primary: { id: "lost", key } }))
      const raw = (yield* StateStore.StateStore).namespace("Workflows", { placement: "namespace" })
      const lose = Stream.runForEach(raw.keys("checkpoint:*"), (key) =>
        raw.withCodec(lost).set(key, "?", { ttl: "keep" })
      )
      yield* workflows.save(begun, { checkpoint: true })
      yield* lose
      const first = yield* workflows.checkpoint("w1")
      assert.isUndefined(first.parent)
      const [entry] = Array.from(
        yield* Stream.runCollect(raw.entries(KeyRange.prefix("checkpoint:"), { onInvalid: "skip" }))
      )
      yield* workflows.save(begun, { checkpoint: true })
      yield* lose
      yield* raw.set(entry?.key ?? "", entry?.value)
      const last = yield* workflows.checkpoint("w1")
      assert.strictEqual(last.parent, first.id)

      assert.strictEqual((yield* Effect.flip(workflows.checkpoints.list("w1")))._tag, "DecodeError")
      const { entries } = yield* workflows.checkpoints.list("w1", { onInvalid: "skip" })
      assert.deepStrictEqual(
        entries.map(({ id }) => id),
        [last.id, first.id]
      )
    }).pipe(Effect.provide(layer))
  )
})

it("a context of a class stays one", () => {
  class Step extends Schema.Class<Step>("Step")({ name: Schema.String, n: Schema.Number }) {}
  const state = { messages: [], context: new Step({ name: "plan", n: 1 }), metadata: { workflowId: "w" } }
  const { context } = Workflow.updateContext({ n: 2 })(state)
  assert.instanceOf(context, Step)
  assert.deepStrictEqual(context, new Step({ name: "plan", n: 2 }))
})

const Turn = Schema.Struct({ speaker: Schema.Literal("human", "machine"), at: Schema.Date })
const Order = Schema.Struct({ items: Schema.Array(Schema.String), total: Schema.BigInt })
class Orders extends Workflow.Tag<Orders>()("Orders", { message: Turn, context: Order, ttl: "1 day" }) {}

describe("A workflow with schemas of its own", () => {
  it.effect("encodes and decodes messages and context", () =>
    Effect.gen(function* () {
      const orders = yield* Orders
      const state: Workflow.State<typeof Turn.Type, typeof Order.Type> = {
        messages: [],
        context: { items: [], total: 0n },
        metadata: { workflowId: "o1" }
      }
      const spoken = Workflow.append({ speaker: "human", at: new Date(0) })(state)
      yield* orders.save(spoken, { checkpoint: true })
      yield* orders.update("o1", Workflow.updateContext({ total: 12n }))
      assert.deepStrictEqual((yield* orders.require("o1")).state, { ...spoken, context: { items: [], total: 12n } })
      assert.deepStrictEqual((yield* orders.resume("o1")).state, spoken)
      assert.deepStrictEqual((yield* orders.fork("o1", { to: "o2" })).state.messages, spoken.messages)
    }).pipe(Effect.provide(Orders.layer.pipe(Layer.provide(MemoryStore.layer()))))
  )

  it("has types that say so", () => {
    type Saved = Effect.Effect.Success<ReturnType<(typeof Orders.Service)["require"]>>
    expectTypeOf<Saved["state"]["context"]>().toEqualTypeOf<typeof Order.Type>()
    expectTypeOf<Saved["state"]["messages"]>().toEqualTypeOf<ReadonlyArray<typeof Turn.Type>>()
    const refuse = (orders: typeof Orders.Service) => [
      // @ts-expect-error: the total is a bigint
      orders.update("o1", Workflow.updateContext({ total: 12 })),
      // @ts-expect-error: a turn has a speaker
      orders.update("o1", Workflow.append({ at: new Date(0) }))
    ]
    assert.isFunction(refuse)
  })
})

describe("However many workflows there are", () => {
  it.scoped.each([10, 1_000])("of %i, a page, a save and a checkpoint cost the same", (n) =>
    Effect.gen(function* () {
      const { costOf, store } = yield* CountedStore.make
      const workflows = yield* Effect.provideService(Workflow.make("Workflows"), StateStore.StateStore, store)
      for (let i = 0; i < n; i++) yield* workflows.save(Workflow.empty(`w${i}`))
      const page = { ...nothing, scans: 1, scanned: 5 }
      const after = Option.getOrThrow((yield* workflows.list({ limit: 5 })).next)
      assert.deepStrictEqual(yield* costOf(workflows.list({ limit: 5 })), page)
      assert.deepStrictEqual(yield* costOf(workflows.list({ limit: 5, after })), page)
      assert.deepStrictEqual(yield* costOf(workflows.load("w3")), { ...nothing, reads: 1 })
      const saved = { ...nothing, reads: 1, commits: 1 }
      assert.deepStrictEqual(yield* costOf(workflows.save(Workflow.empty("w3"))), saved)
      yield* Effect.replicateEffect(workflows.checkpoint("w3"), n)
      assert.deepStrictEqual(yield* costOf(workflows.checkpoint("w3")), { ...saved, scans: 1, scanned: 1 })
      assert.deepStrictEqual(yield* costOf(workflows.checkpoints.list("w3", { limit: 5 })), page)
      assert.deepStrictEqual(yield* costOf(workflows.count), { ...nothing, counts: 1 })
    })
  )
})

let folder = ""
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "effect-state-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("A workflow on disk", () => {
  it.effect("outlives the store that it was saved with, with its checkpoints and 10,000 messages", () =>
    Effect.gen(function* () {
      const restarted = Workflows.layer.pipe(
        Layer.provide(SqliteStore.layer({ filename: join(folder, "workflows.db") })),
        Layer.fresh
      )
      const long = Arr.makeBy(10_000, (i): Workflow.Message => ({ role: "user", content: `message ${i}` }))
      const saved = yield* Effect.provide(
        Effect.flatMap(Workflows, (workflows) =>
          workflows.save(Workflow.append(...long)(Workflow.empty("long")), { checkpoint: true })
        ),
        restarted
      )
      yield* Effect.provide(
        Effect.gen(function* () {
          const workflows = yield* Workflows
          assert.deepStrictEqual(yield* workflows.require("long"), saved)
          assert.deepStrictEqual((yield* workflows.resume("long")).state, saved.state)
          assert.strictEqual((yield* workflows.list()).entries[0]?.messageCount, 10_000)
        }),
        restarted
      )
    })
  )
})

describe("Workflows that were written anew by other means, by another codec, say", () => {
  it.effect("are listed once all the same, and their checkpoints keep their ids", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      const raw = (yield* StateStore.StateStore).namespace("Workflows", { placement: "namespace" })
      const { version } = yield* workflows.save(begun)
      const taken = yield* workflows.checkpoint("w1")
      const entries = Arr.fromIterable(yield* Stream.runCollect(raw.entries({})))
      yield* Effect.forEach(entries, ({ key, value }) => raw.set(key, value, { ttl: "keep" }))

      assert.strictEqual(Option.getOrThrow(yield* workflows.checkpoints.latest("w1")).id, taken.id)
      assert.deepStrictEqual(
        Option.map(yield* workflows.checkpoints.load("w1", taken.id), ({ id }) => id),
        Option.some(taken.id)
      )
      assert.strictEqual((yield* workflows.checkpoint("w1")).parent, taken.id)
      assert.strictEqual((yield* workflows.list()).entries[0]?.version, version)
      const saved = yield* workflows.update("w1", Workflow.addMessage("user", "Again"))
      const { entries: listed } = yield* workflows.list()
      assert.deepStrictEqual(
        listed.map(({ id, version }) => ({ id, version })),
        [{ id: "w1", version: saved.version }]
      )

      const state = Option.getOrThrow(yield* raw.get("state:w1"))
      yield* raw.set("state:w1", state.value, { ttl: "keep" })
      assert.isTrue(yield* workflows.delete("w1"))
      assert.strictEqual(yield* workflows.count, 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("are listed once when two update them at the same time", () =>
    Effect.gen(function* () {
      const { justBefore, happened, plain, store } = yield* DisturbedStore.make
      const workflows = yield* Effect.provideService(Workflow.make("Workflows"), StateStore.StateStore, store)
      const elsewhere = yield* Effect.provideService(Workflow.make("Workflows"), StateStore.StateStore, plain)
      const raw = plain.namespace("Workflows", { placement: "namespace" })
      yield* workflows.save(begun)
      const state = Option.getOrThrow(yield* raw.get("state:w1"))
      yield* raw.set("state:w1", state.value)

      const step = (step: number) => Workflow.updateContext({ step })
      // The first one's commit is done, and it looks for what else is listed.
      yield* justBefore({ scan: () => true }, elsewhere.update("w1", step(3)))
      yield* workflows.update("w1", step(2))
      assert.isTrue(yield* happened)
      const last = yield* workflows.require("w1")
      assert.deepStrictEqual(last.state.context, { step: 3 })
      assert.deepStrictEqual(
        (yield* workflows.list()).entries.map(({ version }) => version),
        [last.version]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("are listed once when they come from a store that was further on", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflows
      const raw = (yield* StateStore.StateStore).namespace("Workflows", { placement: "namespace" })
      const { version } = yield* workflows.save(begun)
      const [listed] = (yield* raw.page(KeyRange.prefix("index:"))).entries
      yield* raw.set(Atomic.stamped("index:", Version.Version(version + 1_000)), listed?.value)
      yield* raw.delete(listed?.key ?? "")
      const saved = yield* workflows.update("w1", Workflow.addMessage("user", "Again"))
      assert.deepStrictEqual(
        (yield* workflows.list()).entries.map(({ version }) => version),
        [saved.version]
      )
    }).pipe(Effect.provide(layer))
  )
})
