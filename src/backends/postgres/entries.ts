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
  const [key, versionText, createdAtMs, updatedAtMs, expiresAtMs, value, bytes] = row
  const version = Number(versionText)
  if (!isVersion(version)) return unreadable(key, "its version is no positive safe integer")
  const payload = payloadOf(value, bytes)
  if (row.length > metaColumns && payload === undefined) return unreadable(key, "it has neither a value nor bytes")
  return {
    _tag: "Stored",
    key: key ?? "",
    version,
    createdAtMs: Number(createdAtMs),
    updatedAtMs: Number(updatedAtMs),
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
