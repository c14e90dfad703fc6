/**
 * Rows as entries.
 *
 * @since 0.1.0
 */
import type { Select, Stored, Unreadable } from "../../store/Backend.ts"
import { isVersion } from "../../store/Version.ts"
import type { Row } from "./connection.ts"

/**
 * The entry of a row of version, creation, update, end and payload; `Unreadable` if another program wrote it.
 *
 * @since 0.1.0
 * @category decoding
 */
export const item = (key: string, row: Row, select: Select): Stored | Unreadable => {
  const entry = stored(key, row)
  if (entry === undefined) return { _tag: "Unreadable", key, reason: "its row has no version or no times" }
  return entry.payload === undefined && select === "entry" && row[4] !== null
    ? { _tag: "Unreadable", key, reason: "its payload is neither text nor bytes" }
    : entry
}

/** The same, whatever its payload is; `undefined` without a version and times. */
const stored = (key: string, row: Row): Stored | undefined => {
  // By index: taking an array apart goes through its iterator.
  const version = row[0]
  const createdAtMs = row[1]
  const updatedAtMs = row[2]
  const expiresAtMs = row[3]
  const payload = row[4]
  return isVersion(version) &&
    typeof createdAtMs === "number" &&
    typeof updatedAtMs === "number" &&
    (expiresAtMs === null || typeof expiresAtMs === "number")
    ? {
        _tag: "Stored",
        key,
        version,
        createdAtMs,
        updatedAtMs,
        expiresAtMs: expiresAtMs ?? undefined,
        payload: typeof payload === "string" ? payload : payload instanceof Uint8Array ? bytes(payload) : undefined
      }
    : undefined
}

/** The driver gives a Buffer, which calls itself and compares otherwise than what was stored. */
const bytes = (buffer: Uint8Array): Uint8Array => new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)

/**
 * The columns of a row as one text, in SQL: the driver hands it over in less time than five columns. NULL where a column
 * is, or the payload is no text.
 *
 * @since 0.1.0
 * @category decoding
 */
export const packed = (payload: string): string => `CASE typeof(${payload}) WHEN 'text' THEN
  version || ' ' || created_at_ms || ' ' || updated_at_ms || ' ' || ifnull(expires_at_ms, '') || ' ' || ${payload} END`

/**
 * The same with the key before it, which has no NUL, and alone where the rest would be NULL.
 *
 * @since 0.1.0
 * @category decoding
 */
export const packedWithKey = (payload: string): string => `key || char(0) || ifnull(${packed(payload)}, '')`

/**
 * The same, but what has expired at the time that is the statement's parameter comes without its payload, to be left out.
 *
 * @since 0.1.0
 * @category decoding
 */
export const packedWithExpired = (payload: string): string =>
  `key || char(0) || CASE WHEN expires_at_ms <= ? THEN ${packed("''")} ELSE ifnull(${packed(payload)}, '') END`

/**
 * The entry of a packed row, behind a key or not; `undefined` for one that has to be read column by column.
 *
 * @since 0.1.0
 * @category decoding
 */
export const unpack = (key: string, row: unknown, select: Select, start = 0): Stored | undefined => {
  if (typeof row !== "string") return undefined
  const created = row.indexOf(" ", start) + 1
  const updated = row.indexOf(" ", created) + 1
  const expires = row.indexOf(" ", updated) + 1
  const payload = row.indexOf(" ", expires) + 1
  const version = digits(row, start, created - 1)
  const createdAtMs = digits(row, created, updated - 1)
  const updatedAtMs = digits(row, updated, expires - 1)
  const expiresAtMs = expires === payload - 1 ? undefined : digits(row, expires, payload - 1)
  return isVersion(version) && createdAtMs >= 0 && updatedAtMs >= 0 && (expiresAtMs === undefined || expiresAtMs >= 0)
    ? {
        _tag: "Stored",
        key,
        version,
        createdAtMs,
        updatedAtMs,
        expiresAtMs,
        payload: select === "entry" ? row.slice(payload) : undefined
      }
    : undefined
}

/**
 * The entries of rows that were packed with their keys; `undefined` if there is one that has to be read column by column.
 *
 * @since 0.1.0
 * @category decoding
 */
export const unpackAll = (rows: ReadonlyArray<unknown>, select: Select): ReadonlyArray<Stored> | undefined => {
  const entries: Array<Stored> = []
  for (const row of rows) {
    const key = String(row).slice(0, String(row).indexOf("\0"))
    const entry = unpack(key, row, select, key.length + 1)
    if (entry === undefined) return undefined
    entries.push(entry)
  }
  return entries
}

/** NaN unless all are digits. */
const digits = (text: string, start: number, end: number): number => {
  let n = 0
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return Number.NaN
    n = n * 10 + digit
  }
  return n
}
