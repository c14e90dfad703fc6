/**
 * State on PostgreSQL: one server for everybody, and ten connections each.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import KeyvPostgres from "@keyv/postgres"
import connectPgSimple from "connect-pg-simple"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import expressSession from "express-session"
import { Keyv } from "keyv"
import * as Pg from "pg"
import postgresJs from "postgres"
import type { Contest, Group } from "../Case.ts"
import * as Servers from "../Servers.ts"
import type { Item } from "../Workload.ts"
import { ofEffects, ofPromises, opened } from "./Rival.ts"
import { toolkit } from "./Toolkit.ts"

const connections = 10

const others = { "postgres.js": undefined, "connect-pg-simple": undefined, "pg, batched by hand": undefined }
const gets = { "@keyv/postgres": 10, "sql template": 15, ...others }
const sets = { "@keyv/postgres": 5, "sql template": undefined, ...others }

/** What this toolkit keeps beside a value, kept by hand. */
const same = "pg, with version and times"

export const postgres: Group = {
  backend: "postgres",
  setting: "",
  cases: [
    { operation: "get", fibers: 1, rivals: { pg: 0.95 } },
    { operation: "get", fibers: 10, rivals: { pg: 2 } },
    { operation: "get", fibers: 13, rivals: { pg: undefined, "pg, batched by hand": undefined } },
    { operation: "get", fibers: 64, rivals: { pg: 7, ...gets } },
    { operation: "get", fibers: 64, style: "forEach", rivals: { pg: undefined } },
    { operation: "set", fibers: 1, rivals: { pg: 0.95, [same]: undefined } },
    { operation: "set", fibers: 10, rivals: { pg: 1.7, [same]: undefined } },
    { operation: "set", fibers: 13, rivals: { pg: undefined, "pg, batched by hand": undefined } },
    { operation: "set", fibers: 64, rivals: { pg: 5, ...sets } }
  ],
  open: Effect.gen(function* () {
    const url = yield* Servers.postgresUrl
    const store = Context.get(
      yield* Layer.build(PostgresStore.layer({ url, maxConnections: connections })),
      StateStore.StateStore
    )
    const pool = yield* opened(
      // A pool without a listener ends the process when the server goes.
      () => new Pg.Pool({ connectionString: url, max: connections }).on("error", () => {}),
      (pool) => pool.end()
    )
    yield* Effect.promise(() => pool.query(tables))
    const version = yield* Effect.promise(() => pool.query<{ readonly server_version: string }>("SHOW server_version"))
    const contest: Contest = {
      versions: { "postgresql-server": version.rows[0]?.server_version ?? "unknown" },
      ours: toolkit(store),
      rivals: {
        pg: driver(pool),
        [same]: withVersions(pool),
        "pg, batched by hand": byHand(pool),
        "sql template": yield* template(url),
        "postgres.js": yield* postgresClient(url),
        "@keyv/postgres": yield* keyv(url),
        "connect-pg-simple": yield* connectPg(pool)
      }
    }
    return contest
  })
}

const tables = `
  CREATE TABLE kv (key text COLLATE "C" PRIMARY KEY, value json NOT NULL);
  CREATE TABLE versioned (key text COLLATE "C" PRIMARY KEY, value json NOT NULL, version bigint NOT NULL,
    created timestamptz NOT NULL, updated timestamptz NOT NULL, expires timestamptz);
  CREATE INDEX ON versioned (expires) WHERE expires IS NOT NULL;
  CREATE SEQUENCE version CACHE 32`

const upsert = "INSERT INTO kv (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"

/** Named statements, which the server parses once a connection. */
const driver = (pool: Pg.Pool) =>
  ofPromises(
    async ({ key }) =>
      (await pool.query({ name: "get", text: "SELECT value FROM kv WHERE key = $1", values: [key] })).rows[0]?.value,
    ({ key, value }) => pool.query({ name: "set", text: upsert, values: [key, JSON.stringify(value)] })
  )

/** A write that is not the key's first draws its version once it has the row. */
const withVersions = (pool: Pg.Pool) =>
  ofPromises(
    async ({ key }) => {
      const text = "SELECT value, version, created, updated, expires FROM versioned WHERE key = $1"
      const [row] = (await pool.query({ name: "get-versioned", text, values: [key] })).rows
      return row?.expires !== null && row?.expires <= Date.now() ? undefined : row?.value
    },
    async ({ key, value }) => {
      const text = `INSERT INTO versioned VALUES ($1, $2, nextval('version'), clock_timestamp(), clock_timestamp(), $3)
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = nextval('version'),
          updated = clock_timestamp(), expires = excluded.expires
        RETURNING version`
      const { rows } = await pool.query({ name: "set-versioned", text, values: [key, JSON.stringify(value), null] })
      return Number(rows[0]?.version)
    }
  )

/** The calls of one tick in one statement, as one could write it for oneself. */
const byHand = (pool: Pg.Pool) => {
  const get = sharing(async (keys: ReadonlyArray<string>) => {
    const text = "SELECT key, value FROM kv WHERE key = ANY ($1::text[])"
    const { rows } = await pool.query<{ key: string; value: unknown }>({ name: "gets", text, values: [keys] })
    const found = new Map(rows.map(({ key, value }) => [key, value]))
    return (key) => found.get(key)
  })
  const set = sharing(async (items: ReadonlyArray<Item>) => {
    const values = new Map(items.map(({ key, value }) => [key, JSON.stringify(value)]))
    const text = `INSERT INTO kv (key, value) SELECT * FROM unnest($1::text[], $2::json[])
                  ON CONFLICT (key) DO UPDATE SET value = excluded.value`
    await pool.query({ name: "sets", text, values: [[...values.keys()], [...values.values()]] })
    return () => undefined
  })
  return ofPromises(({ key }) => get(key), set)
}

/** Makes what is asked for in one tick one batch, which gives the answer to each request. */
const sharing = <Request>(run: (requests: ReadonlyArray<Request>) => Promise<(request: Request) => unknown>) => {
  let waiting: Array<Request> = []
  let answers: Promise<(request: Request) => unknown>
  return async (request: Request): Promise<unknown> => {
    if (waiting.push(request) === 1) {
      answers = Promise.resolve().then(() => {
        const requests = waiting
        waiting = []
        return run(requests)
      })
    }
    return (await answers)(request)
  }
}

const template = (url: string) =>
  Effect.gen(function* () {
    const layer = PgClient.layer({ url: Redacted.make(url), maxConnections: connections })
    const sql = Context.get(yield* Layer.build(layer), PgClient.PgClient)
    return ofEffects(
      ({ key }) =>
        Effect.map(sql<{ readonly value: unknown }>`SELECT value FROM kv WHERE key = ${key}`, ([row]) => row?.value),
      ({ key, value }) =>
        sql`INSERT INTO kv (key, value) VALUES (${key}, ${JSON.stringify(value)})
            ON CONFLICT (key) DO UPDATE SET value = excluded.value`
    )
  })

/** It prepares statements by itself, and pipelines. */
const postgresClient = (url: string) =>
  Effect.map(
    opened(
      () => postgresJs(url, { max: connections, onnotice: () => {} }),
      (sql) => sql.end()
    ),
    (sql) =>
      ofPromises(
        async ({ key }) =>
          (await sql<Array<{ readonly value: unknown }>>`SELECT value FROM kv WHERE key = ${key}`)[0]?.value,
        async ({ key, value }) =>
          sql`INSERT INTO kv (key, value) VALUES (${key}, ${sql.json({ ...value })})
              ON CONFLICT (key) DO UPDATE SET value = excluded.value`
      )
  )

const keyv = (url: string) =>
  Effect.map(
    opened(
      () => new Keyv({ store: new KeyvPostgres({ uri: url, max: connections }) }),
      (keyv) => keyv.disconnect()
    ),
    (keyv) =>
      ofPromises(
        ({ key }) => keyv.get(key),
        ({ key, value }) => keyv.set(key, value)
      )
  )

const connectPg = (pool: Pg.Pool) =>
  Effect.map(
    opened(
      () => new (connectPgSimple(expressSession))({ pool, createTableIfMissing: true, pruneSessionInterval: false }),
      (store) => store.close()
    ),
    (store) =>
      ofEffects(
        ({ key }) =>
          Effect.async<unknown, unknown>((resume) => {
            store.get(key, (error, session) => resume(error ? Effect.fail(error) : Effect.succeed(session)))
          }),
        ({ key, value }) =>
          Effect.async<void, unknown>((resume) => {
            store.set(key, { ...value, cookie: { ...value.cookie } }, (error) =>
              resume(error ? Effect.fail(error) : Effect.void)
            )
          })
      )
  )
