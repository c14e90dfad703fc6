/**
 * Parts of the library that take a codec: what they write can't be read without the key, and works with it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Cached, Codec, KeyRing, MemoryStore, StateMachine, StateStore, Workflow } from "effect-state"

const encrypted = Effect.map(
  KeyRing.make({ primary: { id: "k", key: Redacted.make(new Uint8Array(32)) } }),
  (keyRing) => Codec.encrypted(Codec.compressed(Codec.json), keyRing)
)

/** How many entries of a namespace can be read without the key, and how many there are. */
const readable = (...path: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const store = path.reduce((store, segment) => store.namespace(segment), yield* StateStore.StateStore)
    const open = yield* Stream.runCount(store.entries({}, { onInvalid: "skip" }))
    return [open, yield* store.count({})]
  })

describe("With a codec of its own", () => {
  it.effect("a workflow saves, lists, takes checkpoints and resumes", () =>
    Effect.gen(function* () {
      const workflows = yield* Workflow.make("W", { codec: yield* encrypted })
      const state = pipe(Workflow.empty("w1"), Workflow.addMessage("user", "Hello!"))
      yield* workflows.save(state, { checkpoint: true })
      yield* workflows.update("w1", Workflow.updateContext({ step: 1 }))
      assert.strictEqual((yield* workflows.list()).entries[0]?.messageCount, 1)
      assert.deepStrictEqual((yield* workflows.resume("w1")).state, state)
      assert.deepStrictEqual(yield* readable("W"), [0, 4])
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("workflows get a new key, by the namespace that they lie in", () =>
    Effect.gen(function* () {
      const keyOf = (n: number): KeyRing.Key => ({ id: `k${n}`, key: Redacted.make(new Uint8Array(32).fill(n)) })
      const [old, now] = [keyOf(1), keyOf(2)]
      const codecOf = (primary: KeyRing.Key, ...older: ReadonlyArray<KeyRing.Key>) =>
        Effect.map(KeyRing.make({ primary, older }), (keyRing) => Codec.encrypted(Codec.json, keyRing))
      const before = yield* Workflow.make("W", { codec: yield* codecOf(old) })
      const { state } = yield* before.save(Workflow.empty("w1"), { checkpoint: true })
      const store = yield* StateStore.StateStore
      const codec = yield* codecOf(now, old)
      yield* Stream.runDrain(Codec.rotateKeys(store.namespace("W", { codec, placement: "namespace" })))

      const workflows = yield* Workflow.make("W", { codec: yield* codecOf(now) })
      assert.deepStrictEqual((yield* workflows.require("w1")).state, state)
      yield* workflows.update("w1", Workflow.updateContext({ step: 1 }))
      assert.deepStrictEqual((yield* workflows.resume("w1")).state, state)
      assert.strictEqual((yield* workflows.list()).entries.length, 1)
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("a machine keeps states, data, answers and messages", () =>
    Effect.gen(function* () {
      const machine = StateMachine.make({
        id: "M",
        states: { Off: {}, On: {} },
        events: { Press: {} },
        data: { presses: Schema.Int },
        message: Schema.Struct({ isOn: Schema.Boolean }),
        initial: "Off",
        on: { Off: { Press: { to: "On", data: () => ({ presses: 1 }), emit: () => ({ isOn: true }) } } }
      })
      const contexts = yield* StateMachine.contexts("M", { machine, codec: yield* encrypted })
      const context = contexts.at("lamp")
      yield* context.send(machine.events.Press.make(), { id: "1" })
      assert.isTrue((yield* context.send(machine.events.Press.make(), { id: "1" })).isRepeated)
      assert.deepStrictEqual([yield* context.getState, yield* context.getData], [{ _tag: "On" }, { presses: 1 }])
      assert.strictEqual(yield* Stream.runCount(contexts.outbox), 1)
      assert.deepStrictEqual(yield* readable("M"), [0, 1])
      for (const inside of ["data", "answers", "outbox"]) assert.deepStrictEqual(yield* readable("M", inside), [0, 1])
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.scoped("a cache looks up once, and invalidates", () =>
    Effect.gen(function* () {
      let lookups = 0
      const cached = yield* Cached.make("C", {
        schema: Schema.Number,
        key: (key: string) => key,
        lookup: () => Effect.sync(() => ++lookups),
        ttl: "1 minute",
        tags: () => ["all"],
        codec: yield* encrypted
      })
      yield* cached.get("a")
      assert.strictEqual(yield* cached.get("a"), 1)
      assert.strictEqual((yield* readable("C"))[0], 0)
      yield* cached.invalidateTag("all")
      assert.strictEqual(yield* cached.get("a"), 2)
    }).pipe(Effect.provide(MemoryStore.layer()))
  )
})
