/**
 * Makes the table and what belongs to it, on first use.
 *
 * `Migrator` of `@effect/sql` is no fit: it needs a client of its own, keeps one list of migrations for a whole database,
 * and of processes that start at once lets all but one fail. Here they queue for an advisory lock, and all but the
 * first find the work done.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Fault, fault } from "../../store/Backend.ts"
import * as Failure from "./failure.ts"
import * as Functions from "./functions.ts"
import type { Link } from "./link.ts"
import type { Rows } from "./query.ts"
import { literal, type Table } from "./table.ts"

/**
 * The layout that this code reads and writes.
 *
 * @since 0.1.0
 * @category limits
 */
export const version = 1

/**
 * Makes sure that the table is there in this layout. Rights to make it are only needed if it isn't.
 *
 * @since 0.1.0
 * @category running
 */
export const ensure = (link: Link, table: Table): Effect.Effect<void, Fault> =>
  Effect.gen(function* () {
    const ask = (text: string) => Effect.mapError(link.query({ name: undefined, text, values: [] }), Failure.readFault)
    const encoding = yield* ask("SELECT current_setting('server_encoding')")
    if (cell(encoding) !== "UTF8") {
      return yield* Effect.fail(fault("failure", `the database is encoded in ${cell(encoding)}, and UTF8 is needed`))
    }
    if ((yield* recorded(ask, table)) === version) return
    yield* ask(`DO ${literal(migration(table))}`)
    yield* recorded(ask, table)
  })

/** The recorded layout; a newer one is a failure. */
const recorded = (ask: (text: string) => Effect.Effect<Rows, Fault>, table: Table): Effect.Effect<number, Fault> =>
  Effect.gen(function* () {
    const exists = yield* ask(`SELECT to_regclass(${literal(table.layout)})`)
    if (cell(exists) === null) return 0
    const found = Number(cell(yield* ask(`SELECT version FROM ${table.layout}`)) ?? 0)
    return found <= version
      ? found
      : yield* Effect.fail(
          fault("failure", `its table ${table.label} has layout ${found}; this version knows layouts up to ${version}`)
        )
  })

const cell = (rows: Rows): string | null => rows[0]?.[0] ?? null

/**
 * One statement, and so one transaction: it is there whole or not at all. The lock is the schema's: stores of different
 * tables may all find it missing, and of those who make it at once all but one would fail.
 */
const migration = (table: Table): string => `
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended(${literal(table.schema)}, 0));
  IF to_regnamespace(${literal(table.schema)}) IS NULL THEN
    CREATE SCHEMA ${table.schema};
  END IF;
  IF to_regclass(${literal(table.layout)}) IS NULL THEN
    CREATE TABLE ${table.layout} (version integer NOT NULL);
    CREATE SEQUENCE ${table.versions} INCREMENT ${Functions.versionsPerDraw};
    CREATE TABLE ${table.entries} (
      key text COLLATE "C" PRIMARY KEY,
      value json,
      bytes bytea,
      version bigint NOT NULL,
      created_at_ms bigint NOT NULL,
      updated_at_ms bigint NOT NULL,
      expires_at_ms bigint
    );
    CREATE INDEX ${table.expiryIndex} ON ${table.entries} (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
    ${Functions.definitions(table)};
    INSERT INTO ${table.layout} VALUES (${version});
  END IF;
END`
