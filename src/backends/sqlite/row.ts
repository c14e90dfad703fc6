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

/**
 * The same, with what can't be read as if it was not there: a write may replace it.
 *
 * @since 0.1.0
 * @category decoding
 */
export const stored = (key: string, row: Row): Stored | undefined => {
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
