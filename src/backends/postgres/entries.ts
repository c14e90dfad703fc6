/**
 * Rows as entries.
 *
 * @since 0.1.0
 */
import type { Payload, Stored, Unreadable } from "../../store/Backend.ts"
import { isVersion } from "../../store/Version.ts"
import type { Rows } from "./query.ts"

/**
 * The entry of a row, as `Statements` selects it: with or without the payload's two columns.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (row: Rows[number]): Stored | Unreadable => {
  // By index: taking an array apart goes through its iterator.
  const key = row[0]
  const version = Number(row[1])
  const expiresAtMs = row[4]
  if (!isVersion(version)) return unreadable(key, "its version is no positive safe integer")
  const payload = payloadOf(row[5], row[6])
  if (row.length > metaColumns && payload === undefined) return unreadable(key, "it has neither a value nor bytes")
  return {
    _tag: "Stored",
    key: key ?? "",
    version,
    createdAtMs: Number(row[2]),
    updatedAtMs: Number(row[3]),
    expiresAtMs: expiresAtMs === null || expiresAtMs === undefined ? undefined : Number(expiresAtMs),
    payload
  }
}

const metaColumns = 5

const payloadOf = (value: string | null | undefined, bytes: string | null | undefined): Payload | undefined => {
  if (typeof value === "string") return value
  return typeof bytes === "string" ? Buffer.from(bytes, "hex") : undefined
}

const unreadable = (key: string | null | undefined, reason: string): Unreadable => ({
  _tag: "Unreadable",
  key: key ?? "",
  reason
})
