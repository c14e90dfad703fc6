/**
 * The four backends, and the bare ways to list a prefix there.
 */
import Database from "better-sqlite3"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { MemoryStore, StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import { RedisStore } from "effect-state/redis"
import { SqliteStore } from "effect-state/sqlite"
import { Redis } from "ioredis"
import * as Pg from "pg"
import { opened } from "../groups/Rival.ts"
import { files } from "../groups/sqlite.ts"
import * as Servers from "../Servers.ts"
import { session } from "../Workload.ts"
import { keyOf, type Opened, prefixSize, type Rival, type Target } from "./Target.ts"

/** Nothing is swept but by the measurement. */
const quiet = { sweep: false } as const

const build = <E, R>(layer: Layer.Layer<StateStore.StateStore, E, R>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, StateStore.StateStore))

const memory = (entries: number): Target => ({
  backend: "memory",
  open: Effect.map(
    build(MemoryStore.layer(quiet)),
    (store): Opened => ({
      store,
      bytes: Effect.sync(() => {
        globalThis.gc?.()
        return process.memoryUsage().heapUsed
      }),
      rivals: Effect.sync(() => {
        const texts = new Map(Array.from({ length: entries }, (_, i) => [`:${keyOf(i)}`, JSON.stringify(session(i))]))
        return [
          {
            name: "filtering a Map",
            atLeast: 3_000,
            list: (prefix) =>
              Effect.sync(() => {
                const found: Array<unknown> = []
                for (const [key, text] of texts) if (key.startsWith(prefix)) found.push(JSON.parse(text))
                return found
              })
          },
          {
            // A bound: whoever knows the keys need not look for them.
            name: "a Map, the keys known",
            list: (prefix) =>
              Effect.sync(() =>
                Array.from({ length: prefixSize }, (_, i) => JSON.parse(texts.get(`${prefix}${i}`) ?? "null"))
              )
          }
        ]
      })
    })
  )
})

const sqlite: Target = {
  backend: "sqlite",
  open: Effect.gen(function* () {
    const filename = (yield* files)("scale")
    const store = yield* build(SqliteStore.layer({ filename, ...quiet }))
    const db = yield* opened(
      () => new Database(filename),
      (db) => db.close()
    )
    const result: Opened = {
      store,
      url: `sqlite:${filename}`,
      bytes: Effect.sync(() => {
        db.pragma("wal_checkpoint(TRUNCATE)")
        return Number(db.pragma("page_count", { simple: true })) * Number(db.pragma("page_size", { simple: true }))
      }),
      rivals: Effect.sync(() => {
        const range = db.prepare<[string, string], { readonly key: string; readonly payload: string }>(
          `SELECT key, payload FROM effect_state WHERE key >= ? AND key < ? ORDER BY key LIMIT ${prefixSize}`
        )
        return [
          {
            name: "the bare range query",
            atLeast: withinHalf,
            list: (prefix, end) =>
              Effect.sync(() => range.all(prefix, end).map(({ key, payload }) => ({ key, value: JSON.parse(payload) })))
          }
        ]
      })
    }
    return result
  })
}

/** "Within 1.5x" of a rival. */
const withinHalf = 1 / 1.5

const redis: Target = {
  backend: "redis",
  open: Effect.gen(function* () {
    const url = yield* Servers.redisUrl
    const store = yield* build(RedisStore.layer({ url, ...quiet }))
    const client = yield* opened(
      () => new Redis(url, { enableAutoPipelining: true }),
      (client) => client.quit()
    )
    const info = (name: string) =>
      Effect.map(
        Effect.promise(() => client.info()),
        (info) => new RegExp(`^${name}:(\\S+)`, "m").exec(info)?.[1] ?? ""
      )
    const result: Opened = {
      store,
      url,
      versions: { "redis-server": yield* info("redis_version") },
      bytes: Effect.map(info("used_memory"), Number),
      rivals: Effect.succeed([
        {
          name: "SCAN MATCH",
          atLeast: 1_000,
          list: (prefix) => Effect.promise(() => scanMatch(client, `effect-state:{0}e:${prefix}*`))
        }
      ])
    }
    return result
  })
}

/** As many keys a step as do not hold others up. */
const scanMatch = async (client: Redis, pattern: string): Promise<ReadonlyArray<unknown>> => {
  const keys: Array<string> = []
  let cursor = "0"
  do {
    const [next, found] = await client.scan(cursor, "MATCH", pattern, "COUNT", 1_000)
    keys.push(...found)
    cursor = next
  } while (cursor !== "0")
  return keys.length === 0 ? [] : client.mget(keys)
}

const postgres: Target = {
  backend: "postgres",
  open: Effect.gen(function* () {
    const url = yield* Servers.postgresUrl
    const store = yield* build(PostgresStore.layer({ url, ...quiet }))
    const pool = yield* pgPool(url)
    const number = (sql: string) =>
      Effect.map(
        Effect.promise(() => pool.query<{ readonly n: string }>(sql)),
        ({ rows }) => rows[0]?.n ?? ""
      )
    const result: Opened = {
      store,
      url,
      versions: { "postgresql-server": yield* number("SELECT current_setting('server_version') AS n") },
      bytes: Effect.map(number("SELECT pg_total_relation_size('effect_state') AS n"), Number),
      rivals: Effect.gen(function* () {
        yield* Effect.promise(() => pool.query("VACUUM ANALYZE effect_state"))
        const custom = pgRange(pool, "the bare range query")
        // Read by connections as they open: these know the values of no statement when they plan it.
        yield* Effect.promise(() => pool.query("ALTER DATABASE postgres SET plan_cache_mode = force_generic_plan"))
        const against = yield* build(PostgresStore.layer({ url, ...quiet }))
        yield* against.ping
        const generic = pgRange(yield* pgPool(url), "the bare range query, generic plan")
        return [custom, { ...generic, against }]
      })
    }
    return result
  })
}

const pgPool = (url: string) =>
  opened(
    // A pool without a listener ends the process when the server goes.
    () => new Pg.Pool({ connectionString: url, max: 10 }).on("error", () => {}),
    (pool) => pool.end()
  )

const pgRange = (pool: Pg.Pool, name: string): Rival => ({
  name,
  atLeast: withinHalf,
  list: (prefix, end) =>
    Effect.promise(async () => {
      const text = `SELECT key, value FROM effect_state WHERE key >= $1 AND key < $2 ORDER BY key LIMIT ${prefixSize}`
      return (await pool.query({ name: "range", text, values: [prefix, end] })).rows
    })
})

export const targets = (entries: number): ReadonlyArray<Target> => [memory(entries), sqlite, redis, postgres]
