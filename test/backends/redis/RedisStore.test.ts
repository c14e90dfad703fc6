import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atomic from "../../../src/store/Atomic.ts"
import * as KeyRange from "../../../src/store/KeyRange.ts"
import { until, withStore } from "./support.ts"

describe("what lies on the server", () => {
  it.live("is one readable string an entry, and two indexes", () =>
    withStore({}, ({ store, redis, prefix }) =>
      Effect.gen(function* () {
        const users = store.namespace("users")
        const version = yield* users.set("42", { name: "Ada" }, { ttl: "1 hour" })
        const entry = Option.getOrThrow(yield* users.get("42"))
        const text = yield* Effect.promise(() => redis.get(`${prefix}{0}e:users:42`))
        assert.strictEqual(
          text,
          `1 ${version} ${entry.createdAtMs} ${entry.updatedAtMs} ${entry.expiresAtMs} json\n{"name":"Ada"}`
        )
        assert.deepStrictEqual(yield* Effect.promise(() => redis.zrange(`${prefix}{0}index`, 0, -1)), ["users:42"])
        assert.deepStrictEqual(yield* Effect.promise(() => redis.zrange(`${prefix}{0}expiry`, 0, -1, "WITHSCORES")), [
          "users:42",
          String(entry.expiresAtMs)
        ])
        // Redis shows a key at the millisecond of its expiry, and an entry is gone then.
        assert.strictEqual(
          yield* Effect.promise(() => redis.pexpiretime(`${prefix}{0}e:users:42`)),
          (entry.expiresAtMs ?? 0) - 1
        )
        assert.strictEqual(yield* Effect.promise(() => redis.get(`${prefix}buckets`)), "1")
      })
    )
  )

  it.live("tells the sweeper of deadlines that are new or earlier, and it mends the others", () =>
    withStore({}, ({ store, redis, prefix }) =>
      Effect.gen(function* () {
        const score = Effect.promise(() => redis.zscore(`${prefix}{0}expiry`, ":k"))
        yield* store.set("k", 1, { ttl: "1 hour" })
        const first = Number(yield* score)
        yield* store.set("k", 1, { ttl: "2 hours" })
        assert.strictEqual(Number(yield* score), first)
        yield* store.set("k", 1, { ttl: "1 minute" })
        assert.isBelow(Number(yield* score), first)
        yield* Effect.promise(() => redis.zadd(`${prefix}{0}expiry`, "1", ":k"))
        assert.strictEqual(yield* store.sweep, 0)
        assert.strictEqual(Number(yield* score), Option.getOrThrow(yield* store.get("k")).expiresAtMs)
        yield* store.persist("k")
        yield* Effect.promise(() => redis.zadd(`${prefix}{0}expiry`, "1", ":k"))
        assert.strictEqual(yield* store.sweep, 0)
        assert.isNull(yield* score)
        assert.isTrue(yield* store.exists("k"))
      })
    )
  )

  it.live("is freed by the server at the deadline, and the rest by the sweeper", () =>
    withStore({}, ({ store, redis, prefix }) =>
      Effect.gen(function* () {
        yield* store.setMany(Array.from({ length: 50 }, (_, i) => ({ key: `k${i}`, value: i, ttl: "30 millis" })))
        yield* store.set("stays", 1, { ttl: "1 hour" })
        yield* until(store.exists("k0"), (exists) => !exists)
        yield* until(store.exists("k49"), (exists) => !exists)
        const { bytesApprox, entriesApprox } = yield* store.stats
        assert.strictEqual(entriesApprox, 51)
        assert.isAbove(bytesApprox ?? 0, 100_000)
        assert.strictEqual(yield* store.sweep, 50)
        assert.deepStrictEqual(yield* Effect.promise(() => redis.zrange(`${prefix}{0}index`, 0, -1)), [":stays"])
        assert.deepStrictEqual(yield* Effect.promise(() => redis.zrange(`${prefix}{0}expiry`, 0, -1)), [":stays"])
      })
    )
  )

  it.live("loses the index member of an entry that is gone when a range meets it", () =>
    withStore({}, ({ store, redis, prefix }) =>
      Effect.gen(function* () {
        yield* store.setMany(Array.from({ length: 1_300 }, (_, i) => ({ key: String(i).padStart(4, "0"), value: i })))
        const names = Array.from({ length: 1_200 }, (_, i) => `${prefix}{0}e::${String(i).padStart(4, "0")}`)
        yield* Effect.promise(() => redis.unlink(names))
        const page = yield* store.page(KeyRange.all, { limit: 60 })
        assert.deepStrictEqual(
          page.entries.map(({ value }) => value),
          Array.from({ length: 60 }, (_, i) => 1_200 + i)
        )
        assert.strictEqual(yield* Effect.promise(() => redis.zcard(`${prefix}{0}index`)), 100)
        yield* Effect.promise(() => redis.unlink(`${prefix}{0}e::1250`))
        assert.strictEqual(yield* store.count(KeyRange.all), 99)
        assert.strictEqual(yield* Effect.promise(() => redis.zcard(`${prefix}{0}index`)), 99)
      })
    )
  )

  it.live("keeps versions rising when the counter is lost, or garbage", () =>
    withStore({}, ({ store, redis, prefix }) =>
      Effect.gen(function* () {
        const first = yield* store.set("k", 1)
        yield* Effect.promise(() => redis.del(`${prefix}{0}version`))
        const second = yield* store.set("k", 2)
        assert.isAbove(second, first)
        yield* Effect.promise(() => redis.set(`${prefix}{0}version`, "garbage"))
        const { version: third } = yield* store.commit(Atomic.make.pipe(Atomic.add("n", 1)))
        assert.isAbove(third, second)
        yield* Effect.promise(() => redis.set(`${prefix}{0}version`, String(third + 1_000_000_000)))
        assert.strictEqual(yield* store.set("k", 3), third + 1_000_000_001)
      })
    )
  )

  it.live("may be foreign: it reads as undecodable, and writes replace it one by one", () =>
    withStore({}, ({ store, redis, prefix }) =>
      Effect.gen(function* () {
        const garbage = [
          "",
          "hello",
          "1 x",
          "2 5 1 1 - json\n1",
          "1 5 1 1 - text\n1",
          "1 5 1 1 - json",
          "1 0 1 1 - json\n1"
        ]
        for (const [i, text] of garbage.entries()) {
          const key = `k${i}`
          yield* Effect.promise(() => redis.set(`${prefix}{0}e::${key}`, text))
          assert.strictEqual((yield* Effect.flip(store.get(key)))._tag, "DecodeError", text)
          assert.isTrue(yield* store.exists(key))
          assert.strictEqual((yield* Effect.flip(store.add(key, 1)))._tag, "NotInteger")
          assert.strictEqual((yield* Effect.flip(store.expire(key, "1 hour")))._tag, "StoreFailure")
          assert.strictEqual((yield* Effect.flip(store.set(key, 1, { ifVersion: "absent" })))._tag, "VersionConflict")
          yield* store.setMany([
            { key, value: i },
            { key: "other", value: i }
          ])
          assert.strictEqual(Option.getOrThrow(yield* store.get(key)).value, i)
        }
        yield* Effect.promise(() => redis.set(`${prefix}{0}e::k0`, "hello"))
        assert.isTrue(yield* store.delete("k0"))
        // A key of another type counts as absent.
        yield* Effect.promise(() => redis.lpush(`${prefix}{0}e::list`, "item"))
        assert.isFalse(yield* store.exists("list"))
        assert.isFalse(yield* store.delete("list"))
        yield* store.set("list", 1)
        assert.strictEqual(Option.getOrThrow(yield* store.get("list")).value, 1)
      })
    )
  )
})

describe("scripts", () => {
  it.live("are told to a server that forgot them", () =>
    withStore({}, ({ store, redis }) =>
      Effect.gen(function* () {
        yield* store.set("k", 1)
        const flush = Effect.promise(() => redis.script("FLUSH"))
        yield* flush
        yield* Effect.forEach(
          Array.from({ length: 50 }, (_, i) => i),
          (i) => store.add("n", i),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(Option.getOrThrow(yield* store.get("n")).value, 1_225)
        yield* flush
        yield* store.set("k", 2)
        yield* flush
        assert.strictEqual(yield* store.count(KeyRange.all), 2)
        assert.strictEqual((yield* store.page(KeyRange.all)).entries.length, 2)
        assert.isTrue(yield* store.exists("k"))
      })
    )
  )

  it.live("take large commits and large batches", () =>
    withStore({}, ({ store }) =>
      Effect.gen(function* () {
        const big = "x".repeat(1_500_000)
        yield* store.setMany(Array.from({ length: 10 }, (_, i) => ({ key: `big${i}`, value: big })))
        assert.strictEqual(Option.getOrThrow(yield* store.get("big9")).value, big)
        let atomic: Atomic.Atomic = Atomic.make
        for (let i = 0; i < 1_000; i++) atomic = Atomic.add(`n${i % 600}`, 1)(atomic)
        const { results } = yield* store.commit(atomic)
        assert.deepStrictEqual([results[0], results[600]], [1, 2])
        yield* store.setMany(Array.from({ length: 2_500 }, (_, i) => ({ key: `m${i}`, value: i })))
        assert.strictEqual(yield* store.count(KeyRange.prefix("m")), 2_500)
        assert.strictEqual(yield* store.clear(KeyRange.all), 3_110)
      })
    )
  )

  it.live("print numbers exactly, of any size and sign", () =>
    withStore({}, ({ store, redis, prefix }) =>
      Effect.gen(function* () {
        const safe = Number.MAX_SAFE_INTEGER
        for (const n of [0, 1, -1, 9_999_999, 10_000_000, -10_000_001, 123_456_789_012_345, safe, -safe]) {
          yield* store.delete("n")
          assert.strictEqual(yield* store.add("n", n), n)
          const text = yield* Effect.promise(() => redis.get(`${prefix}{0}e::n`))
          assert.strictEqual(text?.split("\n")[1], String(n))
        }
      })
    )
  )

  it.live("give each write of one key in a batch its own version, and the last one stays", () =>
    withStore({}, ({ store }) =>
      Effect.gen(function* () {
        const first = yield* store.set("k", "old")
        const created = Option.getOrThrow(yield* store.get("k")).createdAtMs
        const versions = yield* store.setMany([1, 2, 3].map((value) => ({ key: "k", value })))
        assert.deepStrictEqual(
          versions.map((version) => version > first),
          [true, true, true]
        )
        assert.deepStrictEqual(
          versions.map((version) => version - (versions[0] ?? 0)),
          [0, 1, 2]
        )
        const entry = Option.getOrThrow(yield* store.get("k"))
        assert.deepStrictEqual([entry.value, entry.version, entry.createdAtMs], [3, versions[2], created])
      })
    )
  )

  it.live("end an entry whose absolute end has passed at once", () =>
    withStore({}, ({ store, redis, prefix }) =>
      Effect.gen(function* () {
        yield* store.set("k", 1)
        yield* store.set("k", 2, { ttl: "1 hour", notAfterMs: -5 })
        assert.isFalse(yield* store.exists("k"))
        yield* store.set("k", 1)
        assert.isTrue(yield* store.expire("k", "1 hour", { notAfterMs: 1 }))
        assert.isFalse(yield* store.exists("k"))
        assert.strictEqual(yield* Effect.promise(() => redis.zcard(`${prefix}{0}index`)), 0)
      })
    )
  )
})

describe("several buckets", () => {
  it.live("are read to their ends, also where one of them has all of a range", () =>
    withStore({ buckets: 4 }, ({ store }) =>
      Effect.gen(function* () {
        const keys = Array.from({ length: 300 }, (_, i) => `one:${String(i).padStart(3, "0")}`)
        const together = store.namespace("together", { placement: "prefix" })
        yield* together.setMany(keys.map((key) => ({ key, value: key })))
        const { entries } = yield* together.page(KeyRange.all, { limit: 250 })
        assert.deepStrictEqual(
          entries.map(({ key }) => key),
          keys.slice(0, 250)
        )
      })
    )
  )

  it.live("keep ranges in order over all of them", () =>
    withStore({ buckets: 4 }, ({ store, redis, prefix }) =>
      Effect.gen(function* () {
        const keys = Array.from({ length: 700 }, (_, i) => `k${String(i).padStart(3, "0")}`)
        yield* store.setMany(keys.map((key) => ({ key, value: key })))
        for (let bucket = 0; bucket < 4; bucket++) {
          assert.isAbove(yield* Effect.promise(() => redis.zcard(`${prefix}{${bucket}}index`)), 100)
        }
        const entries = Array.from(yield* Stream.runCollect(store.entries(KeyRange.all)), ({ value }) => value)
        assert.deepStrictEqual(entries, keys)
        const backwards = yield* store.page(KeyRange.between("k100", "k600"), { limit: 500, reverse: true })
        assert.deepStrictEqual(
          backwards.entries.map(({ key }) => key),
          keys.slice(100, 600).reverse()
        )
        assert.isTrue(Option.isNone(backwards.next))
        assert.strictEqual(yield* store.count(KeyRange.prefix("k1")), 100)
        assert.strictEqual((yield* store.stats).entriesApprox, 700)
        const values = yield* store.getMany(["k700", ...keys])
        assert.deepStrictEqual(values.map(Option.map(({ value }) => value)), [Option.none(), ...keys.map(Option.some)])
      })
    )
  )

  it.live("commit together what is placed together, and nothing else", () =>
    withStore({ buckets: 4 }, ({ store }) =>
      Effect.gen(function* () {
        const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
        const across = keys.reduce((atomic, key) => Atomic.set(key, 1)(atomic), Atomic.make)
        assert.strictEqual((yield* Effect.flip(store.commit(across)))._tag, "Unsupported")
        assert.strictEqual(yield* store.count(KeyRange.all), 0)
        const placed = store.namespace("placed", { placement: "namespace" })
        yield* placed.commit(across)
        assert.strictEqual((yield* placed.page(KeyRange.all)).entries.length, 20)
        assert.strictEqual(yield* placed.count(KeyRange.all), 20)
      })
    )
  )

  it.live("take what is appended only where it lies with what it is appended to", () =>
    withStore({ buckets: 4 }, ({ store }) =>
      Effect.gen(function* () {
        const byPrefix = store.namespace("by prefix", { placement: "prefix" })
        const whole = store.namespace("whole", { placement: "namespace" })
        const append = (start: string) => Atomic.append(start, 1)(Atomic.make)
        for (const apart of [store.commit(append("log:")), byPrefix.commit(append("log-"))]) {
          assert.strictEqual((yield* Effect.flip(apart))._tag, "Unsupported")
        }
        for (const together of [whole, byPrefix]) {
          yield* Effect.replicateEffect(together.commit(append("log:")), 20)
          const { entries } = yield* together.page(KeyRange.prefix("log:"))
          const found = yield* together.getMany(entries.map(({ key }) => key))
          assert.deepStrictEqual([entries.length, found.filter(Option.isSome).length], [20, 20])
          assert.strictEqual(yield* together.clear(KeyRange.all), 20)
          assert.strictEqual(yield* together.count(KeyRange.all), 0)
        }
        assert.strictEqual(yield* store.count(KeyRange.all), 0)
      })
    )
  )

  it.live("are swept all", () =>
    withStore({ buckets: 4 }, ({ store }) =>
      Effect.gen(function* () {
        const keys = Array.from({ length: 40 }, (_, i) => `k${i}`)
        yield* store.setMany(keys.map((key) => ({ key, value: 1, ttl: "10 millis" })))
        yield* until(store.getMany(keys), (entries) => entries.every(Option.isNone))
        assert.strictEqual(yield* store.sweep, 40)
        assert.strictEqual((yield* store.stats).entriesApprox, 0)
      })
    )
  )
})
