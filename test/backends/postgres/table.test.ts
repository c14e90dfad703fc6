/**
 * What lies on the server: made once however many start, kept exactly, and found by its index.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { nowMs } from "../../../src/backends/postgres/functions.ts"
import * as Atomic from "../../../src/store/Atomic.ts"
import * as SharedServers from "../../servers/SharedServers.ts"
import { connect, openAt, query } from "./database.ts"

describe("the table", () => {
  it.scopedLive("is made once, however many start at once", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const stores = yield* Effect.forEach(
        Array.range(1, 12),
        () => openAt(url, { schema: 'of "mine"', table: "it's; DROP", maxConnections: 2 }),
        { concurrency: "unbounded" }
      )
      yield* Effect.forEach(stores, (store) => store.add("n", 1), { concurrency: "unbounded" })
      const rows = yield* query(yield* connect(url), `SELECT value::text FROM "of ""mine"""."it's; DROP"`)
      assert.deepEqual(rows, [{ value: "12" }])
    })
  )

  it.scopedLive("may have any name, whatever the server takes for a literal", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const name = new URL(url).pathname.slice(1)
      const sql = yield* connect(url)
      for (const setting of ["on", "off"]) {
        yield* query(sql, `ALTER DATABASE ${name} SET standard_conforming_strings = ${setting}`)
        for (const table of ["back\\slash's", "$do$ $function$"]) {
          const store = yield* openAt(url, { schema: `${table} ${setting}`, table })
          yield* Effect.all([store.set("a", 1), store.set("b", 1), store.set("c", 1)], { concurrency: 3 })
          assert.strictEqual(yield* store.add("a", 1), 2)
          assert.isAtLeast((yield* store.stats).entriesApprox, 0)
        }
      }
    })
  )

  it.scopedLive("is made beside others, in a schema that none of them found", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const stores = yield* Effect.forEach(
        Array.range(1, 12),
        (i) => openAt(url, { schema: "new", table: `t${i}`, maxConnections: 1 }),
        { concurrency: "unbounded" }
      )
      yield* Effect.forEach(stores, (store) => store.set("a", 1))
      const rows = yield* query(
        yield* connect(url),
        "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'new'"
      )
      assert.deepEqual(rows, [{ n: 24 }])
    })
  )

  it.scopedLive("is used by those who may not make it", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const admin = yield* connect(url)
      yield* openAt(url)
      const role = yield* SharedServers.postgresName
      yield* Effect.acquireRelease(query(admin, `CREATE ROLE ${role} LOGIN`), () =>
        Effect.orDie(query(admin, `DROP OWNED BY ${role}; DROP ROLE ${role}`))
      )
      yield* query(admin, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
      yield* query(
        admin,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON effect_state TO ${role};
        GRANT SELECT ON effect_state_layout TO ${role}; GRANT USAGE, SELECT ON effect_state_version TO ${role}`
      )
      const theirs = new URL(url)
      theirs.username = role
      const store = yield* openAt(theirs.href)
      yield* store.set("a", 1)
      yield* store.add("b", 1)
      assert.strictEqual(yield* store.count({}), 2)
      const missing = yield* Effect.flip(Effect.scoped(openAt(theirs.href, { table: "another" })))
      assert.strictEqual(missing._tag, "StoreFailure")
    })
  )

  it.scopedLive("of a later version is refused", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      yield* openAt(url)
      yield* query(yield* connect(url), "UPDATE effect_state_layout SET version = 99")
      const error = yield* Effect.flip(Effect.scoped(openAt(url)))
      assert.strictEqual(error._tag, "StoreFailure")
      assert.include(error.message, "99")
    })
  )

  it.scopedLive("keeps values as they were written, to be queried", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const store = yield* openAt(url)
      const value = { z: 1, a: "\u0000\ud800 é😀", n: 1.0, 10: [], 9: {} }
      yield* store.set("exact", value)
      yield* store.set("named", { name: "Ada" })
      const sql = yield* connect(url)
      const rows = yield* query(sql, "SELECT value::text FROM effect_state WHERE key = ':exact'")
      assert.deepEqual(rows, [{ value: JSON.stringify(value) }])
      assert.deepEqual(Option.getOrThrow(yield* store.get("exact")).value, value)
      const names = yield* query(sql, "SELECT value ->> 'name' AS name FROM effect_state WHERE key = ':named'")
      assert.deepEqual(names, [{ name: "Ada" }])
      assert.isAbove((yield* store.stats).bytesApprox ?? 0, 8_192)
    })
  )

  it.scopedLive("keeps milliseconds, and an app's settings out", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const name = new URL(url).pathname.slice(1)
      yield* query(
        yield* connect(url),
        `ALTER DATABASE ${name} SET timezone = 'Asia/Kathmandu'; ALTER DATABASE ${name} SET datestyle = 'German';
        ALTER DATABASE ${name} SET bytea_output = 'escape'; ALTER DATABASE ${name} SET extra_float_digits = -15;
        ALTER DATABASE ${name} SET array_nulls = off`
      )
      const store = yield* openAt(url)
      const notAfterMs = Date.UTC(2400, 1, 29, 23, 59, 59, 123)
      yield* store.set("a", 1, { notAfterMs })
      const entry = Option.getOrThrow(yield* store.get("a"))
      assert.strictEqual(entry.expiresAtMs, notAfterMs)
      yield* store.set("b", 1, { ttl: 3_600_123 })
      const b = Option.getOrThrow(yield* store.get("b"))
      assert.strictEqual((b.expiresAtMs ?? 0) - b.updatedAtMs, 3_600_123)
      const before = Atomic.make.pipe(Atomic.check(store.key("c"), "absent"), Atomic.set(store.key("c"), -1))
      yield* store.commit(before.pipe(Atomic.set(store.key("d"), 1, { notAfterMs })))
      assert.strictEqual(Option.getOrThrow(yield* store.get("d")).expiresAtMs, notAfterMs)
      assert.strictEqual(yield* store.add("c", -Number.MAX_SAFE_INTEGER + 1), -Number.MAX_SAFE_INTEGER)
    })
  )

  it.scopedLive("is read by its index, in the order of bytes, under a generic plan too", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const store = yield* openAt(url, { maxConnections: 1 })
      yield* store.setMany(Array.makeBy(5_000, (i) => ({ key: `${i % 2 === 0 ? "a" : "B"}${i}`, value: i })))
      const sql = yield* connect(url)
      yield* query(sql, "ANALYZE effect_state")
      yield* query(sql, "SET plan_cache_mode = force_generic_plan")
      yield* query(
        sql,
        `PREPARE scan (text, text, int) AS SELECT key FROM effect_state
        WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3`
      )
      const plan = JSON.stringify(yield* query(sql, "EXPLAIN EXECUTE scan(':a', ':b', 10)"))
      assert.include(plan, "effect_state_pkey")
      assert.notInclude(plan, "Sort")
      const keys = yield* Stream.runCollect(store.keys("*"))
      assert.deepEqual([...keys].slice(0, 2), ["B1", "B1001"])
      // The store's own statements went by the index, too.
      const scans = yield* query(
        sql,
        "SELECT seq_scan::int AS n FROM pg_stat_user_tables WHERE relname = 'effect_state'"
      )
      assert.isAtMost(Number(scans[0]?.n), 2)
    })
  )

  it.scopedLive(
    "keeps times that are after the clock's, by a millisecond at most: nothing lives shorter than asked for",
    () =>
      Effect.gen(function* () {
        const client = yield* connect(yield* SharedServers.postgresUrl)
        const [ahead] = yield* query(
          client,
          `SELECT min(kept - before) > 0 AS after, min(kept - before) <= 1 AS close FROM (
          SELECT before, ${nowMs} AS kept
          FROM (SELECT date_part('epoch', clock_timestamp()) * 1000 AS before FROM generate_series(1, 10000) OFFSET 0) AS c
        ) AS times`
        )
        assert.deepEqual(ahead, { after: true, close: true })
      })
  )
})
