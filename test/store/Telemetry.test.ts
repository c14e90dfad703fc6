import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HashMap from "effect/HashMap"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import { Atomic, Codec, MemoryStore, Modification, Sessions, StateStore } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"

interface Line {
  readonly event: unknown
  readonly [detail: string]: unknown
}

/** Runs a program over a store, and gives every log line with its annotations. */
const logged = <E>(
  layer: Layer.Layer<StateStore.StateStore, E>,
  program: Effect.Effect<unknown, unknown, StateStore.StateStore>,
  level: LogLevel.LogLevel = LogLevel.Debug
) =>
  Effect.gen(function* () {
    const lines: Array<Line> = []
    const logger = Logger.make(({ annotations, message }) => {
      const [event] = Array.isArray(message) ? message : [message]
      lines.push({ event, ...Object.fromEntries(HashMap.toEntries(annotations)) })
    })
    yield* program.pipe(
      Effect.provide(layer),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Logger.withMinimumLogLevel(level)
    )
    return lines
  })

/** The value of a metric of ours, by its tags. */
const metric = (name: string, tags: Record<string, string>) =>
  Effect.map(Metric.snapshot, (pairs) =>
    Array.from(pairs).find(
      ({ metricKey }) =>
        metricKey.name === name &&
        Object.entries(tags).every(([key, value]) =>
          metricKey.tags.some((tag) => tag.key === key && tag.value === value)
        )
    )
  )

const stores = {
  memory: (options: StateStore.Options) => MemoryStore.layer(options),
  sqlite: (options: StateStore.Options) => SqliteStore.layer({ ...options, filename: ":memory:" })
}

describe("Telemetry", () => {
  for (const [backend, layer] of Object.entries(stores)) {
    it.effect(`${backend}: logs what happened to which entry, and no value`, () =>
      Effect.gen(function* () {
        const program = Effect.gen(function* () {
          const store = (yield* StateStore.StateStore).namespace("users")
          yield* store.set("ada", { secret: "hunter2" })
          yield* store.get("ada")
          yield* store.get("bob")
          yield* store.page({})
          yield* Stream.runDrain(store.entries({}))
          yield* store.modify("ada", () => Effect.succeed([0, Modification.write("hunter2")]))
          yield* store.modify("ada", () => Effect.succeed([0, Modification.delete]))
          yield* store.delete("ada")
          yield* store.commit(Atomic.make.pipe(Atomic.set("a", 1), Atomic.delete("a"), Atomic.add("n", 1)))
          yield* Effect.either(store.set("ada", () => 1))
          yield* store.getMany(["n", "x"])
          yield* store.clear({})
        })
        const at = { backend, namespace: "users" }
        const lines = yield* logged(layer({ telemetry: {} }), program)
        assert.deepStrictEqual(lines, [
          { event: "store_initialized", backend },
          { event: "state_saved", ...at, key: "ada", size: 20 },
          { event: "state_loaded", ...at, key: "ada" },
          { event: "state_not_found", ...at, key: "bob" },
          { event: "states_listed", ...at, count: 1 },
          { event: "states_listed", ...at, count: 1 },
          { event: "state_saved", ...at, key: "ada", size: 9 },
          { event: "state_deleted", ...at, key: "ada" },
          { event: "state_not_found", ...at, key: "ada" },
          { event: "state_saved", ...at, key: "a", size: 1 },
          { event: "state_deleted", ...at, key: "a" },
          { event: "state_saved", ...at, key: "n" },
          { event: "state_failed", backend, operation: "set", error: "EncodeError" },
          { event: "state_loaded", ...at, key: "n" },
          { event: "state_not_found", ...at, key: "x" },
          { event: "state_deleted", ...at, count: 1 }
        ])
        assert.deepStrictEqual(yield* logged(layer({ telemetry: {} }), program, LogLevel.Info), [])
        assert.deepStrictEqual(yield* logged(layer({ telemetry: { logs: false } }), program), [])
        assert.deepStrictEqual(yield* logged(layer({}), program), [])
      })
    )

    it.effect(`${backend}: counts calls and their time by operation and outcome`, () =>
      Effect.gen(function* () {
        const calls = (operation: string, outcome: string) => ({ operation, outcome, backend })
        const counts = Effect.all(
          [calls("set", "ok"), calls("set", "EncodeError"), calls("modify", "interrupted"), calls("entries", "ok")].map(
            (tags) =>
              Effect.map(
                Effect.all([
                  metric("effect_state_operations_total", tags),
                  metric("effect_state_operation_duration_ms", tags)
                ]),
                (found) => found.map((pair) => Number(Object(pair?.metricState).count ?? 0))
              )
          )
        )
        const before = yield* counts
        yield* Effect.provide(
          Effect.gen(function* () {
            const store = yield* StateStore.StateStore
            yield* Effect.forEach([1, 2, 3], (n) => store.namespace("n").set("a", n))
            yield* Effect.either(store.set("a", () => 1))
            const modifying = yield* Effect.fork(store.modify("a", () => Effect.never))
            yield* Effect.yieldNow()
            yield* modifying.interruptAsFork(modifying.id())
            assert.isTrue(Exit.isInterrupted(yield* modifying.await))
            yield* Stream.runDrain(store.entries({}))
          }),
          stores[backend as keyof typeof stores]({ telemetry: { logs: false } }) // One of its keys.
        )
        const after = yield* counts
        const grown = after.map((pair, i) => pair.map((count, j) => count - (before[i]?.[j] ?? 0)))
        assert.deepStrictEqual(grown, [
          [3, 3],
          [1, 1],
          [1, 1],
          [1, 1]
        ])
      })
    )

    it.effect(`${backend}: says of each run of one modify what that run did`, () =>
      Effect.gen(function* () {
        const program = Effect.gen(function* () {
          const store = yield* StateStore.StateStore
          yield* store.set("a", 1)
          let runs = 0
          const once = store.modify("a", () =>
            Effect.succeed([0, runs++ === 0 ? Modification.delete : Modification.keep])
          )
          yield* Effect.all([once, once], { concurrency: 2 })
        })
        const lines = yield* logged(layer({ telemetry: { metrics: false } }), program)
        assert.lengthOf(
          lines.filter(({ event }) => event === "state_deleted"),
          1
        )
      })
    )

    it.effect(`${backend}: a failure without a tag is no defect`, () =>
      Effect.gen(function* () {
        const program = Effect.gen(function* () {
          const store = yield* StateStore.StateStore
          yield* Effect.forEach([undefined, null, "text"], (error) =>
            Effect.either(store.modify("a", () => Effect.fail(error)))
          )
        })
        const lines = yield* logged(layer({ telemetry: { metrics: false } }), program)
        assert.deepStrictEqual(
          lines.slice(1).map(({ error }) => error),
          ["failed", "failed", "failed"]
        )
      })
    )

    it.effect(`${backend}: no value and no session's id is in any log line, metric or span`, () =>
      Effect.gen(function* () {
        const shown: Array<unknown> = []
        const tracer = Tracer.make({
          context: (f) => f(),
          span: (name, parent, context, links, startTime, kind) => {
            const attributes = new Map<string, unknown>()
            return {
              _tag: "Span",
              spanId: "s",
              traceId: "t",
              sampled: true,
              status: { _tag: "Started", startTime },
              name,
              parent,
              context,
              links,
              kind,
              attributes,
              attribute: (key, value) => {
                attributes.set(key, value)
                shown.push([name, key, value])
              },
              event: (name, _, attributes) => shown.push([name, attributes]),
              end: (_, exit) => shown.push(name, Exit.isFailure(exit) ? String(exit) : "ok"),
              addLinks: () => {}
            }
          }
        })
        let sessionId = ""
        const program = Effect.gen(function* () {
          const sessions = yield* Sessions.make("sessions", { data: Schema.Struct({ name: Schema.String }) })
          const { id } = yield* sessions.create({ data: { name: "hunter2" } })
          sessionId = id
          yield* sessions.update(id, { data: { name: "hunter2" } })
          yield* sessions.withSession(id)(() => Effect.succeed([0, { data: { name: "hunter2" } }]))
          yield* sessions.get(`${id}x`)
          yield* sessions.touch(id)
          yield* sessions.delete(id)
          yield* Effect.either(sessions.require(id))
        }).pipe(Effect.withTracer(tracer))
        const codec = Codec.compressed(Codec.structured)
        const lines = yield* logged(layer({ codec, telemetry: { spans: true } }), program)
        const metrics = Array.from(yield* Metric.snapshot, ({ metricKey }) => [metricKey.name, metricKey.tags])
        assert.isAbove(lines.length, 8)
        assert.isAbove(shown.filter((name) => name === "StateStore.commit").length, 2)
        assert.isTrue(lines.some(({ event, key }) => event === "state_saved" && /^#[0-9a-f]{8}$/.test(String(key))))
        assert.isAbove(sessionId.length, 20)
        for (const text of [JSON.stringify(lines), JSON.stringify(metrics), JSON.stringify(shown)]) {
          assert.notInclude(text, "hunter2")
          assert.notInclude(text, sessionId)
        }
      })
    )
  }
})
