/**
 * The tables, and every statement that touches them.
 *
 * Keys compare as bytes (BINARY, and text is UTF-8), which is the order that the store promises. The payload column has no
 * affinity, so that JSON text stays text and bytes stay bytes. `WITHOUT ROWID` keeps the entries of a range together.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { fault } from "../../store/Backend.ts"
import { InvalidOption } from "../../store/StateError.ts"
import { type Connection, type Params, Refusal } from "./connection.ts"
import { packed, packedWithExpired, packedWithKey } from "./row.ts"

/**
 * What the tables are made like. A file with a greater number was made by a later version of this library.
 *
 * @since 0.1.0
 * @category models
 */
export const schemaVersion = 1

/**
 * The names of what belongs to one store, quoted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Names {
  readonly entries: string
  readonly meta: string
  readonly expiry: string
}

/**
 * The names for a table's name. One that SQLite keeps for itself, or can't hold, is an `InvalidOption`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const names = (table: string): Either.Either<Names, InvalidOption> => {
  const refuse = (reason: string) => Either.left(new InvalidOption({ option: "table", reason }))
  if (typeof table !== "string" || table === "") return refuse("expected a name, got none")
  if (table.length > tableLengthMax) return refuse(`expected at most ${tableLengthMax} characters, got ${table.length}`)
  if (table.includes("\0") || !table.isWellFormed()) return refuse("expected well-formed text without NUL")
  if (/^sqlite_/i.test(table)) return refuse("names that start with sqlite_ belong to SQLite")
  return Either.right({ entries: quote(table), meta: quote(`${table}_meta`), expiry: quote(`${table}_expiry`) })
}

/**
 * Makes the tables, unless they are there. Safe when many processes do so at once; throws a {@link Refusal} if they were
 * made by a later version, or if the file keeps text in UTF-16: a key's bytes would be others, and so its place.
 *
 * @since 0.1.0
 * @category making
 */
export const ensure = (
  connection: Connection,
  transaction: <A>(body: () => A) => A,
  names: Names,
  meta: string
): void => {
  const encoding = connection.first("PRAGMA encoding")()?.[0]
  if (encoding !== "UTF-8") {
    throw new Refusal(fault("failure", `the database is encoded in ${encoding}, and UTF-8 is needed`))
  }
  const isThere = connection.first("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?")
  // Opening what is there needs no write lock.
  if (isThere(meta) === undefined) transaction(() => create(connection, names))
  const version = connection.first(`SELECT value FROM ${names.meta} WHERE name = 'schema'`)()?.[0]
  if (version !== schemaVersion) {
    throw new Refusal(
      fault(
        "failure",
        typeof version === "number" && version > schemaVersion
          ? `its tables have schema version ${version}; this library knows ${schemaVersion} at most: update it`
          : "there is a table of another program under its table's name"
      )
    )
  }
}

const create = (connection: Connection, { entries, meta, expiry }: Names): void => {
  for (const sql of [
    `CREATE TABLE IF NOT EXISTS ${meta} (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID`,
    `INSERT OR IGNORE INTO ${meta} (name, value) VALUES ('schema', ${schemaVersion}), ('floor', 0)`,
    `CREATE TABLE IF NOT EXISTS ${entries} (
      key TEXT PRIMARY KEY NOT NULL,
      version INTEGER NOT NULL,
      created_at_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER,
      payload BLOB NOT NULL
    ) WITHOUT ROWID`,
    `CREATE INDEX IF NOT EXISTS ${expiry} ON ${entries} (expires_at_ms) WHERE expires_at_ms IS NOT NULL`
  ]) {
    connection.command(sql)()
  }
}

/**
 * The statements, prepared once for a connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Statements = ReturnType<typeof prepare>

/**
 * The rows of a range, from its start, behind a key, and backwards: time (but for the row at a distance), start, end, limit.
 *
 * @since 0.1.0
 * @category models
 */
export type Scans<A> = Readonly<Record<"first" | "next" | "reverse", (...params: Params) => ReadonlyArray<A>>>

/**
 * Prepares them; it throws where the tables are not what they should be.
 *
 * @since 0.1.0
 * @category constructors
 */
export const prepare = (connection: Connection, { entries, meta }: Names) => {
  const columns = "key, version, created_at_ms, updated_at_ms, expires_at_ms, payload"
  const row = (payload: string) => `version, created_at_ms, updated_at_ms, expires_at_ms, ${payload}`
  const read = (payload: string) => `SELECT ${row(payload)} FROM ${entries} WHERE key = ?`
  // Many keys, as a JSON array, by one statement; the key comes last, as in a scan.
  const readMany = (payload: string) =>
    connection.query(`SELECT ${row(payload)}, key FROM ${entries} WHERE key IN (SELECT value FROM json_each(?))`)
  // A row for each of them, in their order; 0 where there is no entry.
  const packedMany = (payload: string) =>
    connection.values(
      `SELECT CASE WHEN key IS NULL THEN 0 ELSE ${packed(payload)} END
       FROM (SELECT value AS wanted FROM json_each(?)) LEFT JOIN ${entries} ON key = wanted`
    )
  const floor = `SELECT value FROM ${meta} WHERE name = 'floor'`
  // What an unconditional put makes of a row that is there.
  const values = `
    created_at_ms = CASE WHEN expires_at_ms <= excluded.updated_at_ms THEN excluded.created_at_ms ELSE created_at_ms END,
    updated_at_ms = excluded.updated_at_ms, expires_at_ms = excluded.expires_at_ms, payload = excluded.payload`
  const update = `ON CONFLICT (key) DO UPDATE SET version = excluded.version, ${values} WHERE excluded.version > version`
  // What expired is passed on without its payload, to be left out: the bound on the rows looked at then holds.
  const liveRow = (payload: string) => `${row(`CASE WHEN expires_at_ms <= ? THEN NULL ELSE ${payload} END`)}, key`
  const scan = <A>(
    prepare: (sql: string) => (...params: Params) => ReadonlyArray<A>,
    shown: string,
    where = "",
    limit = "?"
  ): Scans<A> => {
    const sql = (from: string, order: string) =>
      `SELECT ${shown} FROM ${entries} WHERE ${where} key ${from} ? AND key < ? ORDER BY key ${order} LIMIT ${limit}`
    return { first: prepare(sql(">=", "ASC")), next: prepare(sql(">", "ASC")), reverse: prepare(sql(">=", "DESC")) }
  }
  const scans = (payload: string) => ({
    packed: scan(connection.values, packedWithExpired(payload)),
    columns: scan(connection.query, liveRow(payload))
  })
  const isLive = "(expires_at_ms IS NULL OR expires_at_ms > ?) AND"
  const liveScans = (payload: string) => ({
    packed: scan(connection.values, packedWithKey(payload), isLive),
    columns: scan(connection.query, `${row(payload)}, key`, isLive)
  })
  const count = (from: string) =>
    connection.first(
      `SELECT count(*), max(key), sum(expires_at_ms IS NULL OR expires_at_ms > ?) FROM (
         SELECT key, expires_at_ms FROM ${entries} WHERE key ${from} ? AND key < ? ORDER BY key LIMIT ?)`
    )
  return {
    floor: connection.first(floor),
    setFloor: connection.command(`UPDATE ${meta} SET value = ? WHERE name = 'floor'`),
    entry: connection.first(read("payload")),
    meta: connection.first(read("NULL")),
    packed: connection.value(`SELECT ${packed("payload")} FROM ${entries} WHERE key = ?`),
    many: { entry: readMany("payload"), meta: readMany("NULL") },
    packedMany: { entry: packedMany("payload"), meta: packedMany("''") },
    put: connection.command(
      `INSERT INTO ${entries} (${columns}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
         version = excluded.version, created_at_ms = excluded.created_at_ms, updated_at_ms = excluded.updated_at_ms,
         expires_at_ms = excluded.expires_at_ms, payload = excluded.payload`
    ),
    // Puts at given versions, in statements of many rows, which take half as long for each. They pass over a row that has
    // the same version or a later one.
    putMany: [64, 8, 1].map((rows) => ({
      rows,
      run: connection.command(
        `INSERT INTO ${entries} (${columns}) VALUES ${Array(rows).fill("(?, ?, ?, ?, ?, ?)").join(", ")} ${update}`
      )
    })),
    // A whole commit in one statement, likewise; the version comes once more at the end, to be compared with the floor.
    putAt: connection.command(
      `INSERT INTO ${entries} (${columns}) SELECT ?, ?, ?, ?, ?, ? WHERE ? > (${floor}) ${update}`
    ),
    // The same at the key's next version: key, now, now, expires, payload.
    putNext: connection.query(
      `INSERT INTO ${entries} (${columns}) VALUES (?, (${floor}) + 1, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
         version = max(version + 1, excluded.version), ${values}
       RETURNING version`
    ),
    delete: connection.command(`DELETE FROM ${entries} WHERE key = ?`),
    scans: { entry: scans("payload"), meta: scans("''") },
    // The limit is then one of live rows, and what expired in between is passed over, however much it is.
    liveScans: { entry: liveScans("payload"), meta: liveScans("''") },
    // The key of the row so far behind the first one.
    keyAt: scan(connection.values, "key", "", "1 OFFSET ?"),
    countFirst: count(">="),
    countNext: count(">"),
    anyExpired: connection.first(`SELECT 1 FROM ${entries} WHERE expires_at_ms <= ? LIMIT 1`),
    sweep: connection.query(
      `DELETE FROM ${entries} WHERE expires_at_ms <= ? AND key IN (
         SELECT key FROM ${entries} WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)
       RETURNING version`
    ),
    someSizes: connection.first(
      `SELECT count(*), sum(length(CAST(payload AS BLOB)) + length(key))
       FROM (SELECT key, payload FROM ${entries} LIMIT ?)`
    ),
    fileBytes: connection.first(
      `SELECT (page_count - freelist_count) * page_size
       FROM pragma_page_count, pragma_freelist_count, pragma_page_size`
    ),
    server: connection.first("SELECT sqlite_version()")
  }
}

/** Any text is a name between double quotes, those in it doubled. */
const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

const tableLengthMax = 128
