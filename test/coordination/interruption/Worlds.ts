/**
 * A store on each backend, with a way to see from outside that nothing of it is in use.
 */
import type { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { SqliteClient } from "@effect/sql-sqlite-node"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { MemoryStore, type StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import { RedisStore } from "effect-state/redis"
import { SqliteStore } from "effect-state/sqlite"
import { Redis } from "ioredis"
import * as Pg from "pg"
import { connect, query, until } from "../../backends/postgres/database.ts"
import { temporaryFile } from "../../backends/sqlite/support.ts"
import * as SharedServers from "../../servers/SharedServers.ts"

export interface World {
  /** The store; with the app's client where it works on one. */
  readonly layer: Layer.Layer<StateStore.StateStore, unknown>
  /** The app's client, on which the store works. */
  readonly joined?: Layer.Layer<StateStore.StateStore | SqlClient.SqlClient, unknown>
  /** Soon no connection does anything, and no transaction is open. */
  readonly idle: Effect.Effect<void, unknown>
  /** Soon nobody is connected: a store whose building was interrupted has left nothing. */
  readonly left: Effect.Effect<void, unknown>
}

/** Few connections: a lost one is missed at once. */
const connectionsMax = 2

const memory = Effect.succeed<World>({ layer: MemoryStore.layer(), idle: Effect.void, left: Effect.void })

/** From outside, a file shows whether a transaction is open: one that writes locks it, one that reads holds up the log. */
const sqliteWorld = (layers: (filename: string) => Pick<World, "layer" | "joined">) =>
  Effect.gen(function* () {
    const filename = yield* temporaryFile
    const outside = yield* Effect.acquireRelease(
      Effect.sync(() => new Database(filename, { timeout: 0 })),
      (db) => Effect.sync(() => db.close())
    )
    outside.pragma("journal_mode = WAL")
    outside.pragma("synchronous = OFF")
    // Soon, as the store's own thread may be copying the log.
    const isLogFree = Effect.sync(() => JSON.stringify(outside.pragma("wal_checkpoint(RESTART)")).includes('"busy":0'))
    const idle = Effect.zipRight(
      Effect.sync(() => outside.exec("BEGIN IMMEDIATE; ROLLBACK")),
      until(isLogFree, (isFree) => isFree)
    )
    return { ...layers(filename), idle, left: idle }
  })

const sqlite = sqliteWorld((filename) => ({ layer: SqliteStore.layer({ filename, sweep: false }) }))

const sqliteClient = sqliteWorld((filename) => {
  const joined = Layer.provideMerge(SqliteStore.layerFromClient({ sweep: false }), SqliteClient.layer({ filename }))
  return { layer: joined, joined }
})

const redis = Effect.gen(function* () {
  const server = yield* SharedServers.redisUrl
  const keyPrefix = `${yield* SharedServers.redisPrefix}:`
  // Clients show which database they are in: one that no other test uses.
  const db = 11
  const url = new URL(`/${db}`, server).href
  const outside = yield* Effect.acquireRelease(
    Effect.sync(() => new Redis(server)),
    (client) => Effect.sync(() => client.disconnect())
  )
  const mine = Effect.map(
    Effect.promise(() => outside.client("LIST")),
    (list) =>
      String(list)
        .split("\n")
        .filter((line) => line.includes(` name=effect-state `) && line.includes(` db=${db} `))
  )
  return {
    layer: RedisStore.layer({ url, keyPrefix, sweep: false }),
    idle: until(mine, (clients) => clients.every((client) => client.includes(" multi=-1 "))),
    left: until(mine, (clients) => clients.length === 0)
  }
})

/** Connections show what they do in the server's own list. */
const postgresWorld = (layers: (url: string) => Pick<World, "layer" | "joined"> & { readonly inUse?: () => number }) =>
  Effect.gen(function* () {
    const url = yield* SharedServers.postgresDatabase
    const outside = yield* connect(url)
    const others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    const held = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    const { inUse = () => 0, ...rest } = layers(url)
    return {
      ...rest,
      idle: Effect.zipRight(
        until(query(outside, `SELECT state, query ${others} AND state <> 'idle'`), (rows) => rows.length === 0),
        until(Effect.sync(inUse), (connections) => connections === 0)
      ),
      left: until(
        query(outside, `SELECT state, query ${others} UNION ALL SELECT 'lock', '' WHERE EXISTS (${held})`),
        (rows) => rows.length === 0
      )
    }
  })

const postgres = postgresWorld((url) => ({
  layer: PostgresStore.layer({ url, sweep: false, maxConnections: connectionsMax })
}))

const postgresPool = postgresWorld((url) => {
  const open = new Set<Pg.Pool>()
  const pool = Effect.acquireRelease(
    Effect.sync(() => {
      const pool = new Pg.Pool({ connectionString: url, max: connectionsMax }).on("error", () => undefined)
      open.add(pool)
      return pool
    }),
    (pool) =>
      Effect.zipRight(
        Effect.promise(() => pool.end()),
        Effect.sync(() => open.delete(pool))
      )
  )
  const joined = Layer.unwrapScoped(
    Effect.map(pool, (pool) =>
      Layer.merge(
        PostgresStore.layerFromPool(pool, { sweep: false }),
        PgClient.layerFromPool({ acquire: Effect.succeed(pool) })
      )
    )
  )
  const inUse = () => [...open].reduce((sum, pool) => sum + pool.totalCount - pool.idleCount + pool.waitingCount, 0)
  const layer = Layer.unwrapScoped(Effect.map(pool, (pool) => PostgresStore.layerFromPool(pool, { sweep: false })))
  return { layer, joined, inUse }
})

const postgresClient = postgresWorld((url) => {
  const client = PgClient.layer({ url: Redacted.make(url), maxConnections: connectionsMax })
  const joined = Layer.provideMerge(PostgresStore.layerFromClient({ sweep: false }), client)
  return { layer: joined, joined }
})

export const worlds: Record<string, Effect.Effect<World, unknown, Scope.Scope>> = {
  memory,
  sqlite,
  "sqlite on an app's client": sqliteClient,
  redis,
  postgres,
  "postgres on an app's pool": postgresPool,
  "postgres on an app's client": postgresClient
}
