/**
 * The table a store lives in, and the names of what belongs to it.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { InvalidOption } from "../../store/StateError.ts"
import * as Utf8 from "../../store/Utf8.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** The schema of the table, made if it is missing. Default `public`. */
  readonly schema?: string | undefined
  /** The table, made if it is missing. Default `effect_state`. At most {@link tableBytesMax} bytes. */
  readonly table?: string | undefined
}

/**
 * Quoted names, ready for SQL text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Table {
  /** The bare names, as somebody who reads a log knows them. */
  readonly label: string
  readonly schema: string
  readonly entries: string
  /** The index on the deadlines; it takes its schema from the table. */
  readonly expiryIndex: string
  /** The sequence that versions come from. */
  readonly versions: string
  /** The one-row table that records how all this is laid out. */
  readonly layout: string
  readonly put: string
  readonly commit: string
  readonly attempt: string
}

/**
 * PostgreSQL cuts names at 63 bytes, and the names of what belongs to the table are longer than its own.
 *
 * @since 0.1.0
 * @category limits
 */
export const tableBytesMax = 48

const schemaBytesMax = 63

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Either.Either<Table, InvalidOption> =>
  Either.gen(function* () {
    const schema = yield* checkName("schema", options.schema ?? "public", schemaBytesMax)
    const table = yield* checkName("table", options.table ?? "effect_state", tableBytesMax)
    const qualified = (suffix: string) => `${quoted(schema)}.${quoted(table + suffix)}`
    return {
      label: `${schema}.${table}`,
      schema: quoted(schema),
      entries: qualified(""),
      expiryIndex: quoted(`${table}_expires_at`),
      versions: qualified("_version"),
      layout: qualified("_layout"),
      put: qualified("_put"),
      commit: qualified("_commit"),
      attempt: qualified("_attempt")
    }
  })

/**
 * Text as an SQL literal, whatever `standard_conforming_strings` is.
 *
 * @since 0.1.0
 * @category quoting
 */
export const literal = (text: string): string => {
  const quoted = `'${text.replaceAll("'", "''")}'`
  return quoted.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

const checkName = (option: string, name: string, bytesMax: number): Either.Either<string, InvalidOption> =>
  name !== "" && !name.includes("\0") && name.isWellFormed() && Utf8.byteLength(name) <= bytesMax
    ? Either.right(name)
    : Either.left(
        new InvalidOption({ option, reason: `expected a name of 1 to ${bytesMax} UTF-8 bytes without a NUL character` })
      )
