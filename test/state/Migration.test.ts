import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Collection, MemoryStore, Migrated, Migration, Sessions, StateError, StateStore, Versioned } from "effect-state"
import * as fc from "fast-check"

const V1 = Schema.Struct({ n: Schema.Number })
const V2 = Schema.Struct({ n: Schema.Number, twice: Schema.Number })

class Odd extends Data.TaggedError("Odd") {}

/** A step that an odd thousand fails. */
const double = ({ n }: typeof V1.Type) =>
  n % 1000 === 999 ? Effect.fail(new Odd()) : Effect.succeed({ n, twice: 2 * n })

const Doubled = Versioned.make(V1, { unversioned: true }).next(V2, double)

class Numbers extends Migrated.Tag<Numbers>()("Numbers", { schema: Doubled }) {}
class Plain extends Collection.Tag<Plain>()("Numbers", { schema: Doubled }) {}

const layer = Numbers.layer.pipe(Layer.provideMerge(MemoryStore.layer()))

const old = (n: number) => ({ "~v": "1", value: { n } })
const now = (n: number) => ({ "~v": "2", value: { n, twice: 2 * n } })

const raw = (store: StateStore.Service, key: string) =>
  Effect.map(store.get(key), (entry) => Option.getOrUndefined(entry)?.value)

const counts = (report: Partial<Migration.Counts>): Migration.Counts => ({
  ...{ upgraded: 0, current: 0, raced: 0, newer: 0, failed: 0, quarantined: 0 },
  ...report
})

describe("Reading a collection of versions", () => {
  it.effect("upgrades what it reads, and writes it back with its deadline", () =>
    Effect.gen(function* () {
      const numbers = yield* Numbers
      yield* numbers.store.set("a", old(1), { ttl: "1 hour" })
      yield* TestClock.adjust("10 minutes")
      const read = Option.getOrThrow(yield* numbers.get("a"))
      assert.deepStrictEqual(read.value, { n: 1, twice: 2 })
      assert.deepStrictEqual(yield* raw(numbers.store, "a"), now(1))
      const stored = Option.getOrThrow(yield* numbers.store.get("a"))
      assert.deepStrictEqual(read, stored.as("a", read.value))
      assert.strictEqual(stored.expiresAtMs, 3_600_000)
      yield* numbers.set("a", { n: 3, twice: 6 }, { ifVersion: read.version })
    }).pipe(Effect.provide(layer))
  )

  it.effect("writes nothing where the value is of the newest version, or writing back is off", () =>
    Effect.gen(function* () {
      const quiet = yield* Migrated.make("Numbers", { schema: Doubled, writeBack: false })
      const version = yield* quiet.store.set("a", old(1))
      assert.deepStrictEqual(Option.getOrThrow(yield* quiet.get("a")).value, { n: 1, twice: 2 })
      assert.strictEqual(Option.getOrThrow(yield* quiet.store.get("a")).version, version)
      const numbers = yield* Numbers
      const current = yield* numbers.set("b", { n: 1, twice: 2 })
      yield* numbers.get("b")
      assert.strictEqual(Option.getOrThrow(yield* numbers.store.get("b")).version, current)
      assert.deepStrictEqual(yield* numbers.get("nobody"), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("leaves what another writer wrote in between", () =>
    Effect.gen(function* () {
      const store = (yield* StateStore.StateStore).namespace("Numbers")
      const meanwhile = Versioned.make(V1).next(V2, (value) =>
        Effect.as(Effect.orDie(store.set("a", now(7))), double0(value))
      )
      const numbers = yield* Migrated.make("Numbers", { schema: meanwhile })
      yield* store.set("a", old(1))
      assert.deepStrictEqual(Option.getOrThrow(yield* numbers.get("a")).value, { n: 1, twice: 2 })
      assert.deepStrictEqual(yield* raw(store, "a"), now(7))
    }).pipe(Effect.provide(layer))
  )

  const double0 = ({ n }: typeof V1.Type) => ({ n, twice: 2 * n })

  it.effect("fails typed with a newer version and a failed step, and writes nothing", () =>
    Effect.gen(function* () {
      const numbers = yield* Numbers
      const newer = { "~v": "3", value: "?" }
      yield* numbers.store.set("newer", newer)
      yield* numbers.store.set("odd", old(999))
      yield* numbers.store.set("broken", { "~v": "2", value: {} })
      assert.instanceOf(yield* Effect.flip(numbers.get("newer")), Versioned.NewerVersion)
      const failed = yield* Effect.flip(numbers.get("odd"))
      assert(failed instanceof Versioned.MigrationFailed)
      assert.deepStrictEqual([failed.key, failed.from, failed.to], ["odd", "1", "2"])
      assert.instanceOf(failed.cause, Odd)
      assert.instanceOf(yield* Effect.flip(numbers.get("broken")), StateError.DecodeError)
      const update = yield* Effect.flip(numbers.update("newer", (value) => value))
      assert(update instanceof StateError.DecodeError)
      assert.instanceOf(Option.getOrThrow(Versioned.failureOf(update)), Versioned.NewerVersion)
      assert.deepStrictEqual(yield* raw(numbers.store, "newer"), newer)
      assert.deepStrictEqual(yield* raw(numbers.store, "odd"), old(999))
    }).pipe(Effect.provide(layer))
  )

  it.effect("is what the other reads and writes of a collection do, too", () =>
    Effect.gen(function* () {
      const plain = yield* Plain
      yield* plain.store.set("a", { n: 1 })
      yield* plain.store.set("b", old(2))
      const values = Array.from(yield* Stream.runCollect(plain.stream()), ({ value }) => value.twice)
      assert.deepStrictEqual(values, [2, 4])
      yield* plain.update("a", ({ n }) => ({ n: n + 1, twice: 0 }))
      assert.deepStrictEqual(yield* raw(plain.store, "a"), { "~v": "2", value: { n: 2, twice: 0 } })
    }).pipe(Effect.provide(Plain.layer.pipe(Layer.provide(MemoryStore.layer()))))
  )
})

describe("Migrating a whole collection", () => {
  const fill = (store: StateStore.Service) =>
    Effect.gen(function* () {
      yield* Effect.forEach(Arr.range(0, 24), (n) => store.set(`old${n}`, old(n), { ttl: "1 day" }))
      yield* store.set("unversioned", { n: 5 })
      yield* Effect.forEach(Arr.range(0, 4), (n) => store.set(`now${n}`, now(n)))
      yield* store.set("newer", { "~v": "2.5", value: 1 })
      yield* store.set("odd", old(999))
      yield* store.set("broken", { "~v": "1", value: { m: 1 } }, { ttl: "1 day" })
      yield* store.set("broken now", { "~v": "2", value: { n: 1 } })
    })

  it.effect("reports what became of each entry, and touches none twice", () =>
    Effect.gen(function* () {
      const numbers = yield* Numbers
      yield* fill(numbers.store)
      yield* TestClock.adjust("1 hour")
      const { failures, ...report } = yield* numbers.migrateAll({ batch: 7 })
      assert.deepStrictEqual(report, counts({ upgraded: 26, current: 5, newer: 1, failed: 1, quarantined: 2 }))
      assert.deepStrictEqual(
        failures.map(({ error, key, outcome }) => [key, outcome, error._tag]),
        [
          ["broken", "quarantined", "DecodeError"],
          ["broken now", "quarantined", "DecodeError"],
          ["newer", "newer", "NewerVersion"],
          ["odd", "failed", "MigrationFailed"]
        ]
      )
      const old3 = Option.getOrThrow(yield* numbers.store.get("old3"))
      assert.deepStrictEqual([old3.value, old3.expiresAtMs], [now(3), 86_400_000])
      const { failures: _, ...again } = yield* numbers.migrateAll()
      assert.deepStrictEqual(again, counts({ current: 31, newer: 1, failed: 1 }))
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells how far it is, batch by batch", () =>
    Effect.gen(function* () {
      const { store } = yield* Numbers
      yield* Effect.forEach(Arr.range(1, 10), (n) => store.set(`k${n}`, old(n)))
      const reports = yield* Stream.runCollect(Migration.progress(store, Doubled, { batch: 4 }))
      assert.deepStrictEqual(
        Array.from(reports, ({ upgraded }) => upgraded),
        [4, 8, 10]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("goes on where it was stopped, also in another process, unless told to start anew", () =>
    Effect.gen(function* () {
      const { store } = yield* Numbers
      yield* Effect.forEach(Arr.range(0, 9), (n) => store.set(`k${n}`, old(n)))
      yield* Stream.runDrain(Stream.take(Migration.progress(store, Doubled, { batch: 2 }), 3))
      yield* store.set("k0", old(0)) // Behind the position: an old program still runs.
      const rest = yield* Stream.runCollect(Migration.progress(store, Doubled, { batch: 2 }))
      assert.deepStrictEqual(
        Array.from(rest, ({ upgraded }) => upgraded),
        [8, 10]
      )
      const { failures: _, ...again } = yield* Migration.migrateAll(store, Doubled)
      assert.deepStrictEqual(again, counts({ upgraded: 1, current: 9 }))
      yield* Stream.runDrain(Stream.take(Migration.progress(store, Doubled, { batch: 2 }), 3))
      const { failures: __, ...anew } = yield* Migration.migrateAll(store, Doubled, { resume: false })
      assert.deepStrictEqual(anew, counts({ current: 10 }))
    }).pipe(Effect.provide(layer))
  )

  /** The store, and how often a value was written into it under each key. */
  const counting = (store: StateStore.Service) => {
    const written = new Map<string, number>()
    const set = (key: string, value: unknown, options: object) =>
      Effect.tap(store.set(key, value, options), () => Effect.sync(() => written.set(key, (written.get(key) ?? 0) + 1)))
    return { written, store: { ...store, set: set as StateStore.Service["set"] } } // Only its result is looked at.
  }

  it.effect.prop(
    "interrupted at random and resumed, it migrates every entry exactly once",
    {
      entries: fc.integer({ min: 1, max: 40 }),
      batch: fc.integer({ min: 1, max: 15 }),
      concurrency: fc.integer({ min: 1, max: 5 }),
      interruptions: fc.array(fc.record({ step: fc.integer({ min: 0, max: 12 }), after: fc.boolean() }), {
        maxLength: 8
      })
    },
    ({ batch, concurrency, entries, interruptions }) =>
      Effect.gen(function* () {
        const { store, written } = counting((yield* StateStore.StateStore).namespace("Numbers"))
        const keys = Arr.makeBy(entries, (i) => `k${String(i).padStart(3, "0")}`)
        yield* Effect.forEach(keys, (key, i) => store.set(key, old(i)))
        written.clear()
        let left = Number.POSITIVE_INFINITY
        const stopping = Versioned.make(V1).next(V2, ({ n }) =>
          Effect.gen(function* () {
            if (left-- <= 0) return yield* Effect.interrupt
            yield* Effect.yieldNow()
            return { n, twice: 2 * n }
          })
        )
        const run = Migration.migrateAll(store, stopping, { batch, concurrency })
        for (const { after, step } of interruptions) {
          left = after ? Number.POSITIVE_INFINITY : step
          const stopped = after
            ? Stream.runDrain(Stream.take(Migration.progress(store, stopping, { batch, concurrency }), step + 1))
            : run
          const exit = yield* Effect.exit(stopped)
          if (Exit.isFailure(exit)) assert.isTrue(Exit.isInterrupted(exit))
        }
        left = Number.POSITIVE_INFINITY
        yield* run
        assert.deepStrictEqual([...written.values()], Arr.replicate(1, entries))
        for (const [i, key] of keys.entries()) assert.deepStrictEqual(yield* raw(store, key), now(i))
        assert.strictEqual((yield* run).current, entries)
      }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer()))),
    { fastCheck: { numRuns: 40 } }
  )

  const Meanwhile = fc.constantFrom(
    ...(["writes the newest", "writes an old one", "removes it", "does nothing"] as const)
  )

  it.effect.prop(
    "leaves to concurrent writers what they wrote",
    [fc.array(Meanwhile, { maxLength: 30 })],
    ([acts]) =>
      Effect.gen(function* () {
        const store = (yield* StateStore.StateStore).namespace("Numbers")
        yield* Effect.forEach(acts, (_, n) => store.set(`k${n}`, old(n)))
        const seen = new Set<number>()
        const disturbed = Versioned.make(V1).next(V2, ({ n }) =>
          Effect.gen(function* () {
            if (!seen.has(n)) {
              seen.add(n)
              if (acts[n] === "writes the newest") yield* store.set(`k${n}`, now(1000 + n))
              if (acts[n] === "writes an old one") yield* store.set(`k${n}`, old(1000 + n))
              if (acts[n] === "removes it") yield* store.delete(`k${n}`)
            }
            return { n, twice: 2 * n }
          })
        )
        const { failures: _, ...report } = yield* Migration.migrateAll(store, disturbed, { batch: 10 })
        const raced = acts.filter((act) => act === "writes the newest" || act === "removes it").length
        assert.deepStrictEqual(report, counts({ upgraded: acts.length - raced, raced }))
        const expected = {
          "writes the newest": (n: number) => now(1000 + n),
          "writes an old one": (n: number) => now(1000 + n),
          "removes it": () => undefined,
          "does nothing": now
        }
        for (const [n, act] of acts.entries()) assert.deepStrictEqual(yield* raw(store, `k${n}`), expected[act](n))
      }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer()))),
    { fastCheck: { numRuns: 40 } }
  )

  class Visits extends Sessions.Tag<Visits>()("Visits", { data: Doubled, ttl: "1 hour" }) {}

  it.effect("migrates the data inside sessions, and nothing else of them", () =>
    Effect.gen(function* () {
      const visits = yield* Visits
      const store = (yield* StateStore.StateStore).namespace("Visits", { secretKeys: true })
      yield* store.set("s1", { data: old(1), metadata: { by: "ada" } }, { ttl: "1 hour" })
      yield* store.set("s2", { data: old(999), metadata: {} })
      const report = yield* Migration.migrateAll(store, Doubled, { at: ["data"] })
      assert.deepStrictEqual([report.upgraded, report.failed], [1, 1])
      assert.notInclude(JSON.stringify(report.failures), "s2")
      assert.deepStrictEqual(yield* raw(store, "s1"), { data: now(1), metadata: { by: "ada" } })
      assert.deepStrictEqual((yield* visits.require("s1")).metadata, { by: "ada" })
    }).pipe(Effect.provide(Visits.layer.pipe(Layer.provideMerge(MemoryStore.layer()))))
  )

  it.effect("leaves alone what the store itself can't read", () =>
    Effect.gen(function* () {
      const root = yield* StateStore.StateStore
      const { store } = yield* Numbers
      const backend = Option.getOrThrow(StateStore.backendOf(root))
      const deadline = { keep: false, ttlMs: undefined, notAfterMs: undefined }
      const put = {
        _tag: "Put",
        key: store.key("bytes"),
        stamped: false,
        payload: new Uint8Array([1]),
        deadline
      } as const
      yield* backend.commit([{ checks: [], mutations: [put] }])
      const report = yield* Migration.migrateAll(store, Doubled)
      assert.deepStrictEqual(
        report.failures.map(({ key, outcome }) => [key, outcome]),
        [["bytes", "failed"]]
      )
      assert.isTrue(yield* store.exists("bytes"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("fails with InvalidOption where a batch is none, or none of it may be upgraded at once", () =>
    Effect.gen(function* () {
      const numbers = yield* Numbers
      for (const options of [{ batch: 0 }, { concurrency: 0 }, { concurrency: Number.NaN }]) {
        assert.instanceOf(yield* Effect.flip(numbers.migrateAll(options)), StateError.InvalidOption)
      }
    }).pipe(Effect.provide(layer))
  )
})

describe("The quarantine", () => {
  const broken = { "~v": "1", value: { m: 1 } }
  const quarantined = Effect.gen(function* () {
    const numbers = yield* Numbers
    yield* numbers.store.set("b", broken, { ttl: "1 day" })
    yield* numbers.store.set("a", "?")
    yield* numbers.migrateAll()
    return numbers
  })

  it.effect("lists what was put there, with the reason, until its deadline", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const { get, quarantine } = yield* quarantined
      assert.deepStrictEqual(yield* get("b"), Option.none())
      const { entries } = yield* quarantine.list()
      assert.deepStrictEqual(
        entries.map(({ atMs, key, value }) => ({ atMs, key, value })),
        [
          { atMs: 1_000, key: "a", value: "?" },
          { atMs: 1_000, key: "b", value: broken }
        ]
      )
      assert.include(entries[1]?.reason, `["n"]`)
      assert.strictEqual(yield* quarantine.count, 2)
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(
        Array.from(yield* Stream.runCollect(quarantine.stream), ({ key }) => key),
        ["a"]
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("restores a value as it was, or mended, and never over another", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_000)
      const { quarantine, store } = yield* quarantined
      yield* TestClock.adjust("1 hour")
      assert.isTrue(yield* quarantine.restore("b"))
      const restored = Option.getOrThrow(yield* store.get("b"))
      assert.deepStrictEqual([restored.value, restored.expiresAtMs], [broken, 86_401_000])
      assert.isFalse(yield* quarantine.restore("b"))
      yield* store.set("a", now(1))
      assert.instanceOf(yield* Effect.flip(quarantine.restore("a")), StateError.VersionConflict)
      yield* store.delete("a")
      assert.isTrue(yield* quarantine.restore("a", { value: old(4) }))
      assert.deepStrictEqual(yield* raw(store, "a"), old(4))
      assert.strictEqual(yield* quarantine.count, 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("takes a second value of a key only when the first is gone", () =>
    Effect.gen(function* () {
      const { migrateAll, quarantine, store } = yield* quarantined
      yield* store.set("a", "??")
      assert.strictEqual((yield* migrateAll()).failed, 1)
      assert.strictEqual(yield* raw(store, "a"), "??")
      assert.strictEqual(Option.getOrThrow(yield* quarantine.get("a")).value, "?")
      assert.isTrue(yield* quarantine.discard("a"))
      assert.isFalse(yield* quarantine.discard("a"))
      assert.strictEqual((yield* migrateAll()).quarantined, 1)
      assert.strictEqual(Option.getOrThrow(yield* quarantine.get("a")).value, "??")
    }).pipe(Effect.provide(layer))
  )
})
