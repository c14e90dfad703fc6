/**
 * Times to live: what they may be, and what becomes of them.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Atomic from "../../store/Atomic.ts"
import * as Modification from "../../store/Modification.ts"
import { type Case, entry, failure, setExpired, storeCase, value } from "../Case.ts"

const time = storeCase("time")

const hourMs = 3_600_000

/**
 * @since 0.1.0
 * @category cases
 */
export const timeCases: ReadonlyArray<Case> = [
  time("an entry lives until its deadline, and not a millisecond longer", (store, harness) =>
    Effect.gen(function* () {
      const { atMs } = yield* store.commit(Atomic.make.pipe(Atomic.set("a", 1, { ttl: 40 })))
      // A server counts parts of milliseconds, and may round up what it tells of its clock.
      const partMs = harness.clock === "test" ? 0 : 1
      for (let live = true; live; yield* harness.advance(1)) {
        const beforeMs = yield* harness.nowMs
        live = yield* store.exists("a")
        const afterMs = yield* harness.nowMs
        if (live) assert.ok(beforeMs < atMs + 40 + partMs, "it lives too long")
        else assert.ok(afterMs >= atMs + 40, "it is gone too early")
      }
    })
  ),
  time("a time to live is rounded up to whole milliseconds", (store) =>
    Effect.gen(function* () {
      for (const [ttl, ms] of [
        [Duration.micros(1_000_000_001n), 1_000_001],
        [Duration.nanos(3_600_000_000_001n), 3_600_001],
        [hourMs + 0.25, hourMs + 1],
        ["1 hour", hourMs]
      ] as const) {
        yield* store.set("a", 1, { ttl })
        const found = yield* entry(store, "a")
        assert.equal(Number(found.expiresAtMs) - found.updatedAtMs, ms)
      }
    })
  ),
  time("infinity means never", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1, { ttl: "1 hour" })
      yield* store.set("a", 1, { ttl: Duration.infinity })
      assert.equal((yield* entry(store, "a")).expiresAtMs, undefined)
      yield* store.expire("a", "1 hour")
      assert.equal(yield* store.expire("a", Duration.infinity), true)
      assert.equal((yield* entry(store, "a")).expiresAtMs, undefined)
    })
  ),
  time("a time to live that is none is an InvalidTtl, and nothing is written", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      for (const ttl of [0, -1, Number.NaN, "0 millis", Number.NEGATIVE_INFINITY, Duration.zero, 1e15] as const) {
        yield* failure(store.set("a", 2, { ttl }), "InvalidTtl")
        yield* failure(store.expire("a", ttl), "InvalidTtl")
        yield* failure(store.commit(Atomic.make.pipe(Atomic.set("a", 2, { ttl }))), "InvalidTtl")
      }
      // Callers without types come too.
      yield* failure(store.set("a", 2, { ttl: "soon" as "1 hour" }), "InvalidTtl")
      yield* failure(store.set("a", 2, { notAfterMs: 1.5 }), "InvalidTtl")
      assert.equal(yield* value(store, "a"), 1)
      assert.equal((yield* entry(store, "a")).expiresAtMs, undefined)
    })
  ),
  time("the longest time to live comes back whole", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1, { ttl: Duration.days(365_000) })
      const found = yield* entry(store, "a")
      assert.equal(Number(found.expiresAtMs) - found.updatedAtMs, 365_000 * 24 * hourMs)
    })
  ),
  time("set without a time to live clears an old deadline", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1, { ttl: "1 hour" })
      yield* store.set("a", 2)
      assert.equal((yield* entry(store, "a")).expiresAtMs, undefined)
    })
  ),
  time("keep keeps the deadline that is there", (store, harness) =>
    Effect.gen(function* () {
      yield* store.set("a", 1, { ttl: "1 hour" })
      const { expiresAtMs } = yield* entry(store, "a")
      yield* harness.advance(3)
      yield* store.set("a", 2, { ttl: "keep" })
      assert.equal((yield* entry(store, "a")).expiresAtMs, expiresAtMs)
      yield* store.set("b", 1)
      yield* store.set("b", 2, { ttl: "keep" })
      assert.equal((yield* entry(store, "b")).expiresAtMs, undefined)
      yield* store.set("new", 1, { ttl: "keep" })
      assert.equal((yield* entry(store, "new")).expiresAtMs, undefined)
    })
  ),
  time("keep of an expired entry keeps nothing", (store, harness) =>
    Effect.gen(function* () {
      yield* setExpired(store, harness, "a")
      yield* store.set("a", 2, { ttl: "keep" })
      const found = yield* entry(store, "a")
      assert.equal(found.value, 2)
      assert.equal(found.expiresAtMs, undefined)
    })
  ),
  time("expire and persist set and clear the deadline", (store, harness) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      assert.equal(yield* store.expire("a", "1 hour"), true)
      const first = Number((yield* entry(store, "a")).expiresAtMs)
      yield* harness.advance(3)
      assert.equal(yield* store.expire("a", "1 hour"), true)
      const later = Number((yield* entry(store, "a")).expiresAtMs)
      assert.ok(later >= first + 3, "from now on")
      assert.equal(yield* store.expire("a", "1 minute"), true)
      assert.ok(Number((yield* entry(store, "a")).expiresAtMs) < first, "a deadline may come nearer")
      assert.equal(yield* store.persist("a"), true)
      assert.equal((yield* entry(store, "a")).expiresAtMs, undefined)
      assert.equal(yield* store.persist("a"), true)
    })
  ),
  time("a persisted entry outlives its old deadline", (store, harness) =>
    Effect.gen(function* () {
      let ttl = 20
      do {
        // On a busy machine a short-lived entry may be gone before it is persisted.
        ttl *= 2
        yield* store.set("a", 1, { ttl })
      } while (!(yield* store.persist("a")) && ttl < 10_000)
      yield* harness.advance(ttl)
      yield* store.sweep
      assert.equal(yield* value(store, "a"), 1)
    })
  ),
  time("an entry that was set anew outlives its old deadline", (store, harness) =>
    Effect.gen(function* () {
      yield* store.set("a", 1, { ttl: 20 })
      yield* store.set("b", 1, { ttl: 20 })
      yield* store.set("a", 2)
      yield* store.set("b", 2, { ttl: "1 hour" })
      yield* harness.advance(20)
      yield* store.sweep
      assert.equal(yield* value(store, "a"), 2)
      assert.equal(yield* value(store, "b"), 2)
    })
  ),
  time("an entry ends no later than its notAfterMs", (store, harness) =>
    Effect.gen(function* () {
      const notAfterMs = (yield* harness.nowMs) + hourMs
      yield* store.set("never", 1, { notAfterMs })
      yield* store.set("later", 1, { ttl: "1 day", notAfterMs })
      yield* store.set("sooner", 1, { ttl: "1 minute", notAfterMs })
      yield* store.set("kept", 1, { ttl: "1 day" })
      yield* store.set("kept", 2, { ttl: "keep", notAfterMs })
      yield* store.set("touched", 1)
      assert.equal(yield* store.expire("touched", "1 day", { notAfterMs }), true)
      for (const key of ["never", "later", "kept", "touched"]) {
        assert.equal((yield* entry(store, key)).expiresAtMs, notAfterMs, key)
      }
      assert.ok(Number((yield* entry(store, "sooner")).expiresAtMs) < notAfterMs)
    })
  ),
  time("an entry whose end has passed is gone at once", (store, harness) =>
    Effect.gen(function* () {
      const notAfterMs = (yield* harness.nowMs) - 1
      yield* store.set("a", 1, { notAfterMs })
      assert.equal(yield* store.exists("a"), false)
      yield* store.set("b", 1)
      assert.equal(yield* store.expire("b", "1 hour", { notAfterMs }), true)
      assert.equal(yield* store.exists("b"), false)
      assert.equal(yield* store.persist("b"), false)
    })
  ),
  time("the default time to live is for writes that name none", (_, harness) =>
    Effect.gen(function* () {
      const store = yield* harness.open({ defaultTtl: "1 hour" })
      const lengthOf = (key: string) =>
        Effect.map(entry(store, key), (found) =>
          found.expiresAtMs === undefined ? "never" : found.expiresAtMs - found.updatedAtMs
        )
      yield* store.set("set", 1)
      yield* store.set("keep", 1, { ttl: "keep" })
      yield* store.add("add", 1)
      yield* store.setMany([{ key: "many", value: 1 }])
      yield* store.commit(Atomic.make.pipe(Atomic.set("commit", 1), Atomic.add("sum", 1)))
      yield* store.modify("modify", () => Effect.succeed([undefined, Modification.write(1)]))
      for (const key of ["set", "keep", "add", "many", "commit", "sum", "modify"]) {
        assert.equal(yield* lengthOf(key), hourMs, key)
      }
      yield* store.set("own", 1, { ttl: "2 hours" })
      assert.equal(yield* lengthOf("own"), 2 * hourMs)
      yield* store.set("own", 1)
      assert.equal(yield* lengthOf("own"), hourMs)
      yield* store.set("own", 1, { ttl: Duration.infinity })
      assert.equal(yield* lengthOf("own"), "never")
      yield* store.set("own", 1, { ttl: "keep" })
      assert.equal(yield* lengthOf("own"), "never")
      assert.equal(yield* store.expire("own", "1 minute"), true)
      assert.equal(yield* store.persist("own"), true)
      assert.equal(yield* lengthOf("own"), "never")
    })
  ),
  time("a namespace's time to live comes before its parent's", (store) =>
    Effect.gen(function* () {
      const parent = store.namespace("p", { ttl: "1 hour" })
      const length = (service: typeof store) =>
        Effect.gen(function* () {
          yield* service.set("a", 1)
          const { expiresAtMs, updatedAtMs } = yield* entry(service, "a")
          return expiresAtMs === undefined ? "never" : expiresAtMs - updatedAtMs
        })
      assert.equal(yield* length(parent), hourMs)
      assert.equal(yield* length(parent.namespace("c")), hourMs)
      assert.equal(yield* length(parent.namespace("d", { ttl: "1 minute" })), 60_000)
      assert.equal(yield* length(parent.namespace("e", { ttl: Duration.infinity })), "never")
      yield* failure(store.namespace("bad", { ttl: 0 }).set("a", 1), "InvalidTtl")
    })
  ),
  time("add keeps the deadline", (store, harness) =>
    Effect.gen(function* () {
      yield* store.set("n", 1, { ttl: "1 hour" })
      const { expiresAtMs } = yield* entry(store, "n")
      yield* harness.advance(3)
      assert.equal(yield* store.add("n", 1), 2)
      assert.equal((yield* entry(store, "n")).expiresAtMs, expiresAtMs)
      yield* store.persist("n")
      yield* store.add("n", 1)
      assert.equal((yield* entry(store, "n")).expiresAtMs, undefined)
    })
  ),
  time("modify keeps the deadline unless told otherwise", (store, harness) =>
    Effect.gen(function* () {
      const modify = (options?: Atomic.WriteOptions) =>
        store.modify("a", () => Effect.succeed([undefined, Modification.write(2, options)]))
      yield* store.set("a", 1, { ttl: "1 hour" })
      const { expiresAtMs } = yield* entry(store, "a")
      yield* harness.advance(3)
      yield* modify()
      assert.equal((yield* entry(store, "a")).expiresAtMs, expiresAtMs)
      yield* modify({ ttl: "2 hours" })
      assert.ok(Number((yield* entry(store, "a")).expiresAtMs) > Number(expiresAtMs))
      yield* modify({ ttl: Duration.infinity })
      assert.equal((yield* entry(store, "a")).expiresAtMs, undefined)
    })
  )
]
