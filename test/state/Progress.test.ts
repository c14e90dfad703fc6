import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Codec, KeyRing, MemoryStore, Progress, StateStore } from "effect-state"
import * as fc from "fast-check"
import * as DisturbedStore from "../store/DisturbedStore.ts"

class Jobs extends Progress.Tag<Jobs>()("Jobs") {}
class Short extends Progress.Tag<Short>()("Short", { ttl: "1 hour" }) {}

const layer = Layer.fresh(Layer.provideMerge(Layer.merge(Jobs.layer, Short.layer), MemoryStore.layer()))

const counted = ({ failed, processed, total }: Progress.Snapshot) => [processed, failed, total]

describe("Progress", () => {
  it.effect("counts what is processed and what failed, with the times of start and last change", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      assert.deepStrictEqual(yield* jobs.get("a"), Option.none())
      yield* TestClock.setTime(1_000)
      const started = yield* jobs.start("a", { total: 10 })
      assert.deepStrictEqual(counted(started), [0, 0, 10])
      yield* TestClock.adjust("2 seconds")
      const after = Option.getOrThrow(yield* jobs.advance("a", { processed: 3, failed: 1, total: 2 }))
      assert.deepStrictEqual(counted(after), [3, 1, 12])
      assert.deepStrictEqual(
        [after.startedAt, after.updatedAt].map((time) => time.epochMillis),
        [1_000, 3_000]
      )
      assert.deepStrictEqual(yield* jobs.get("a"), Option.some(after))
      assert.deepStrictEqual(Progress.ratePerSecond(after), Option.some(2))
      assert.deepStrictEqual(Progress.remaining(after), Option.some(Duration.seconds(4)))
    }).pipe(Effect.provide(layer))
  )

  it.effect("lists all jobs, whatever their names, and forgets them", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const ids = ["a", "a:b", "a%3Ab", "", "a:processed", "é"]
      for (const id of ids) yield* jobs.start(id, { total: id.length })
      yield* jobs.advance("a:b", { processed: 1 })
      const all = Array.from(yield* Stream.runCollect(jobs.stream))
      assert.deepStrictEqual(all.map(({ id }) => id).toSorted(), ids.toSorted())
      for (const one of all) {
        assert.deepStrictEqual(counted(one), [one.id === "a:b" ? 1 : 0, 0, one.id.length])
        assert.deepStrictEqual(yield* jobs.get(one.id), Option.some(one))
      }
      for (const id of ids) assert.isTrue(yield* jobs.remove(id))
      assert.strictEqual(yield* Stream.runCount(jobs.stream), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("refuses to count halves", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      assert.strictEqual((yield* Effect.flip(jobs.start("a", { total: 1.5 })))._tag, "NotInteger")
      assert.deepStrictEqual(yield* jobs.get("a"), Option.none())
      yield* jobs.start("a", { total: 2 })
      assert.strictEqual((yield* Effect.flip(jobs.advance("a", { processed: 1, failed: 0.5 })))._tag, "NotInteger")
      assert.deepStrictEqual(counted(Option.getOrThrow(yield* jobs.get("a"))), [0, 0, 2])
      yield* jobs.store.set("a:processed", 0.5)
      assert.strictEqual((yield* Effect.flip(jobs.get("a")))._tag, "DecodeError")
    }).pipe(Effect.provide(layer))
  )

  it.effect("is that of who starts the job while another one advances what was not started", () =>
    Effect.gen(function* () {
      const { justBefore, happened, plain, store } = yield* DisturbedStore.make
      const jobs = yield* Effect.provideService(Progress.make("Jobs"), StateStore.StateStore, store)
      const elsewhere = yield* Effect.provideService(Progress.make("Jobs"), StateStore.StateStore, plain)
      // What was counted in vain is to be removed next.
      yield* justBefore({ commit: ({ checks }) => checks.length > 0 }, elsewhere.start("a", { total: 3 }))
      assert.deepStrictEqual(yield* jobs.advance("a", { processed: 1 }), Option.none())
      assert.isTrue(yield* happened)
      assert.deepStrictEqual(counted(Option.getOrThrow(yield* jobs.get("a"))), [0, 0, 3])
    }).pipe(Effect.scoped)
  )

  it.effect("is kept for its time after it went on last", () =>
    Effect.gen(function* () {
      const jobs = yield* Short
      yield* jobs.start("a", { total: 3 })
      yield* TestClock.adjust("59 minutes")
      yield* jobs.advance("a", { failed: 1 })
      yield* TestClock.adjust("59 minutes")
      assert.deepStrictEqual(counted(Option.getOrThrow(yield* jobs.get("a"))), [0, 1, 3])
      yield* TestClock.adjust("1 minutes")
      assert.deepStrictEqual(yield* jobs.get("a"), Option.none())
      assert.strictEqual(yield* jobs.store.count({}), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("is kept for the store's time after it went on last, if it has none of its own", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      yield* jobs.start("a", { total: 3 })
      yield* TestClock.adjust("59 minutes")
      yield* jobs.advance("a", { processed: 1 })
      yield* TestClock.adjust("59 minutes")
      assert.deepStrictEqual(counted(Option.getOrThrow(yield* jobs.get("a"))), [1, 0, 3])
      yield* TestClock.adjust("1 minutes")
      assert.deepStrictEqual(yield* jobs.get("a"), Option.none())
    }).pipe(
      Effect.provide(Layer.fresh(Layer.provide(Jobs.layer, Layer.orDie(MemoryStore.layer({ defaultTtl: "1 hour" })))))
    )
  )

  it.effect("is counted and read in a store that encrypts", () =>
    Effect.gen(function* () {
      const keyRing = yield* KeyRing.make({ primary: { id: "k", key: Redacted.make(new Uint8Array(32)) } })
      const codec = Codec.encrypted(Codec.json, keyRing)
      yield* Effect.gen(function* () {
        const jobs = yield* Jobs
        yield* jobs.start("a", { total: 3 })
        yield* jobs.advance("a", { processed: 1 })
        assert.deepStrictEqual(counted(Option.getOrThrow(yield* jobs.get("a"))), [1, 0, 3])
        assert.strictEqual(yield* Stream.runCount(jobs.stream), 1)
      }).pipe(Effect.provide(Layer.fresh(Layer.provide(Jobs.layer, MemoryStore.layer({ codec })))))
    })
  )
})

describe("Watching progress", () => {
  const watch = (jobs: Progress.Progress, seen: Array<ReadonlyArray<number>>) =>
    jobs.watch("a", { interval: "10 seconds" }).pipe(
      Stream.runForEach((snapshot) => Effect.sync(() => seen.push(counted(snapshot)))),
      Effect.fork
    )

  it.effect("shows each change that is there when it looks, and ends when all is done", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const seen: Array<ReadonlyArray<number>> = []
      const live = yield* watch(jobs, seen)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, [])
      yield* jobs.start("a", { total: 4 })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen, [[0, 0, 4]])
      yield* jobs.advance("a", { processed: 1 })
      yield* TestClock.adjust("9 seconds")
      yield* jobs.advance("a", { failed: 1 })
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(seen.at(-1), [1, 1, 4])
      assert.deepStrictEqual(yield* Fiber.poll(live), Option.none())
      const before = seen.length
      yield* jobs.advance("a", {})
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(seen.length, before)
      yield* jobs.advance("a", { processed: 2 })
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(live)
      assert.deepStrictEqual(seen.at(-1), [3, 1, 4])
    }).pipe(Effect.provide(layer))
  )

  it.effect("ends when the job is forgotten, and at once when there is nothing left to do", () =>
    Effect.gen(function* () {
      const jobs = yield* Jobs
      const seen: Array<ReadonlyArray<number>> = []
      yield* jobs.start("a", { total: 2 })
      const live = yield* watch(jobs, seen)
      yield* TestClock.adjust("10 seconds")
      yield* jobs.remove("a")
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(live)
      assert.deepStrictEqual(seen, [[0, 0, 2]])
      yield* jobs.start("a", { total: 0 })
      assert.strictEqual(yield* Stream.runCount(jobs.watch("a")), 1)
    }).pipe(Effect.provide(layer))
  )
})

describe("What follows from a snapshot", () => {
  const snapshot = fc
    .record({
      total: fc.nat(1_000),
      processed: fc.nat(1_000),
      failed: fc.nat(1_000),
      startedAtMs: fc.nat(1_000_000),
      tookMs: fc.nat(1_000_000)
    })
    .map(
      ({ startedAtMs, tookMs, ...numbers }): Progress.Snapshot => ({
        id: "a",
        ...numbers,
        startedAt: DateTime.unsafeMake(startedAtMs),
        updatedAt: DateTime.unsafeMake(startedAtMs + tookMs)
      })
    )

  it.prop("is between nothing and all, and agrees with itself", [snapshot], ([snapshot]) => {
    const fraction = Progress.fraction(snapshot)
    assert.isTrue(fraction >= 0 && fraction <= 1)
    assert.strictEqual(fraction === 1, Progress.isFinished(snapshot))
    const rate = Progress.ratePerSecond(snapshot)
    const seconds = Duration.toSeconds(Progress.elapsed(snapshot))
    assert.strictEqual(Option.isSome(rate), seconds > 0)
    const remaining = Progress.remaining(snapshot)
    if (Progress.isFinished(snapshot)) assert.deepStrictEqual(remaining, Option.some(Duration.zero))
    else if (Option.isSome(remaining)) {
      const atTheEnd = Progress.done(snapshot) + Option.getOrThrow(rate) * Duration.toSeconds(remaining.value)
      assert.closeTo(atTheEnd, snapshot.total, snapshot.total / 100)
    } else assert.isTrue(seconds === 0 || Progress.done(snapshot) === 0)
  })
})
