/**
 * State in a file, on WAL, with the same `synchronous` and the same length of the log for everybody.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { SqliteClient } from "@effect/sql-sqlite-node"
import Database from "better-sqlite3"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { StateStore } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import { Keyv } from "keyv"
import type { Contender, Group } from "../Case.ts"
import * as Sqlite3 from "../Sqlite3.ts"
import { effect, type Item } from "../Workload.ts"
import { ofEffects, ofPromises, opened } from "./Rival.ts"
import { toolkit } from "./Toolkit.ts"

const table = "CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
const upsert = "INSERT INTO kv (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"

/** Four times SQLite's own: what this toolkit sets, and anybody can. */
const logLength = "wal_autocheckpoint = 4000"

/** A bound, not a store: a set is called done before its transaction has begun. */
const together = "better-sqlite3, 64 at once"

/** What this toolkit keeps beside a value, kept by hand. */
const same = "better-sqlite3, with version and times"

const gets = { "better-sqlite3": 0.95, "@keyv/sqlite": 20, "sql template": 5 }

export const sqliteNormal: Group = {
  backend: "sqlite",
  setting: "NORMAL",
  cases: [
    { operation: "get", fibers: 1, rivals: { ...gets, [same]: undefined } },
    { operation: "get", fibers: 64, rivals: { ...gets, "better-sqlite3": 0.9 } },
    { operation: "get", fibers: 64, style: "forEach", rivals: { "better-sqlite3": undefined } },
    {
      operation: "set",
      fibers: 1,
      rivals: { "better-sqlite3": 0.95, "@keyv/sqlite": 2, "sql template": undefined, [same]: undefined }
    },
    {
      operation: "set",
      fibers: 64,
      rivals: { "better-sqlite3": 1.2, "@keyv/sqlite": 2, "sql template": undefined, [together]: undefined }
    }
  ],
  prepare: Sqlite3.build,
  open: Effect.gen(function* () {
    const file = yield* files
    return {
      ours: yield* own(file("ours"), "normal"),
      rivals: {
        "better-sqlite3": yield* driver(file("driver"), "NORMAL"),
        [together]: yield* driver(file("together"), "NORMAL", 64),
        [same]: yield* withVersions(file("same")),
        "sql template": yield* template(file("template"), "NORMAL"),
        "@keyv/sqlite": Sqlite3.isBuilt() ? yield* keyvSqlite(file("keyv"), "NORMAL") : undefined
      }
    }
  })
}

export const sqliteFull: Group = {
  backend: "sqlite",
  setting: "FULL",
  keysMax: 2_000,
  cases: [
    { operation: "set", fibers: 1, rivals: { "better-sqlite3": undefined } },
    { operation: "set", fibers: 64, rivals: { "better-sqlite3": 8, [together]: undefined } }
  ],
  open: Effect.gen(function* () {
    const file = yield* files
    return {
      ours: yield* own(file("ours"), "full"),
      rivals: {
        "better-sqlite3": yield* driver(file("driver"), "FULL"),
        [together]: yield* driver(file("together"), "FULL", 64)
      }
    }
  })
}

export const sqliteClient: Group = {
  backend: "sqlite",
  setting: "SqliteClient FULL",
  keysMax: 2_000,
  cases: [
    { operation: "get", fibers: 64, rivals: { "sql template": 3 } },
    { operation: "set", fibers: 64, rivals: { "better-sqlite3": 8, [together]: undefined } }
  ],
  open: Effect.gen(function* () {
    const file = yield* files
    const client = yield* clientOn(file("client"), "FULL")
    return {
      ours: toolkit(yield* SqliteStore.makeFromClient(client)),
      rivals: {
        "sql template": yield* template(file("template"), "FULL"),
        "better-sqlite3": yield* driver(file("driver"), "FULL"),
        [together]: yield* driver(file("together"), "FULL", 64)
      }
    }
  })
}

/** Names of files in a folder that goes with the scope. */
export const files = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-state-bench-"))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
  ),
  (folder) => (name: string) => Path.join(folder, `${name}.db`)
)

const own = (filename: string, durability: "normal" | "full") =>
  Effect.map(Layer.build(SqliteStore.layer({ filename, durability })), (context) =>
    toolkit(Context.get(context, StateStore.StateStore))
  )

type Synchronous = "NORMAL" | "FULL"

/** A contender on a handle of its own. */
const onHandle = (
  filename: string,
  synchronous: Synchronous,
  calls: (db: Database.Database) => {
    readonly get: (item: Item) => unknown
    readonly set: (item: Item) => unknown
  },
  atOnce = 1
) =>
  Effect.map(
    opened(
      () => new Database(filename),
      (db) => db.close()
    ),
    (db): Contender => {
      db.pragma("journal_mode = WAL")
      db.pragma(`synchronous = ${synchronous}`)
      db.pragma(logLength)
      const { get, set } = calls(db)
      const setAll = db.transaction((items: ReadonlyArray<Item>) => items.forEach(set))
      const waiting: Array<Item> = []
      const setTogether = (item: Item) => {
        if (waiting.push(item) === atOnce) setAll(waiting.splice(0))
      }
      return {
        fill: (items) => Effect.sync(() => setAll(items)),
        calls: {
          get: effect((item) => Effect.sync(() => get(item))),
          set: effect((item) => Effect.sync(() => (atOnce === 1 ? set(item) : setTogether(item))))
        }
      }
    }
  )

/** So many sets are written in a transaction. */
const driver = (filename: string, synchronous: Synchronous, atOnce?: number) =>
  onHandle(
    filename,
    synchronous,
    (db) => {
      db.exec(table)
      const select = db.prepare<[string], { readonly value: string }>("SELECT value FROM kv WHERE key = ?")
      const put = db.prepare<[string, string]>(upsert)
      return {
        get: ({ key }) => JSON.parse(select.get(key)?.value ?? "null"),
        set: ({ key, value }) => put.run(key, JSON.stringify(value))
      }
    },
    atOnce
  )

const withVersions = (filename: string) =>
  onHandle(filename, "NORMAL", (db) => {
    db.exec(`CREATE TABLE kv (key TEXT PRIMARY KEY, version INTEGER NOT NULL, created INTEGER NOT NULL,
      updated INTEGER NOT NULL, expires INTEGER, value TEXT NOT NULL) WITHOUT ROWID`)
    db.exec("CREATE INDEX kv_expires ON kv (expires) WHERE expires IS NOT NULL")
    const select = db
      .prepare<[string], [number, number, number, number | null, string]>(
        "SELECT version, created, updated, expires, value FROM kv WHERE key = ?"
      )
      .raw()
    const put = db
      .prepare<[string, number, number, null, string], number>(
        `INSERT INTO kv VALUES (?, 1, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
          version = version + 1, updated = excluded.updated, expires = excluded.expires, value = excluded.value
        RETURNING version`
      )
      .pluck()
    return {
      get: ({ key }) => {
        const row = select.get(key)
        if (row === undefined || (row[3] !== null && row[3] <= Date.now())) return Option.none()
        return Option.some({
          key,
          version: row[0],
          createdAt: row[1],
          updatedAt: row[2],
          expiresAt: Option.fromNullable(row[3]),
          value: JSON.parse(row[4])
        })
      },
      set: ({ key, value }) => {
        const nowMs = Date.now()
        return put.get(key, nowMs, nowMs, null, JSON.stringify(value))
      }
    }
  })

const clientOn = (filename: string, synchronous: Synchronous) =>
  Effect.gen(function* () {
    const context = yield* Layer.build(SqliteClient.layer({ filename }))
    const sql = Context.get(context, SqliteClient.SqliteClient)
    yield* sql.unsafe(`PRAGMA synchronous = ${synchronous}`)
    yield* sql.unsafe(`PRAGMA ${logLength}`)
    return sql
  })

const template = (filename: string, synchronous: Synchronous) =>
  Effect.gen(function* () {
    const sql = yield* clientOn(filename, synchronous)
    yield* sql.unsafe(table)
    const contender = ofEffects(
      ({ key }) =>
        Effect.map(sql<{ readonly value: string }>`SELECT value FROM kv WHERE key = ${key}`, ([row]) =>
          JSON.parse(row?.value ?? "null")
        ),
      ({ key, value }) =>
        sql`INSERT INTO kv (key, value) VALUES (${key}, ${JSON.stringify(value)})
            ON CONFLICT (key) DO UPDATE SET value = excluded.value`
    )
    return { ...contender, fill: (items: ReadonlyArray<Item>) => sql.withTransaction(contender.fill(items)) }
  })

const keyvSqlite = (filename: string, synchronous: Synchronous) =>
  Effect.gen(function* () {
    const adapter = yield* opened(
      // It loads its driver at once, which may not have been compiled.
      () => import("@keyv/sqlite").then(({ KeyvSqlite }) => new KeyvSqlite({ uri: `sqlite://${filename}` })),
      (adapter) => adapter.disconnect()
    )
    yield* Effect.promise(() => adapter.query("PRAGMA journal_mode = WAL"))
    yield* Effect.promise(() => adapter.query(`PRAGMA synchronous = ${synchronous}`))
    yield* Effect.promise(() => adapter.query(`PRAGMA ${logLength}`))
    const keyv = new Keyv({ store: adapter })
    return ofPromises(
      ({ key }) => keyv.get(key),
      ({ key, value }) => keyv.set(key, value)
    )
  })
