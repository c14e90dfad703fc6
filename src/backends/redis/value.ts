/**
 * An entry's string on the server: one line of text, and the payload.
 *
 *     1 1732153000123456 1732153000123 1732153000123 1732156600123 json
 *     {"name":"Ada"}
 *
 * The line has the format's version, the entry's version, the times of its creation, last write and end in milliseconds
 * (`-` for never), and what the payload is: `json` or `bytes`. The key expires on the server one millisecond before its
 * deadline, because Redis still shows a key at the very millisecond of its expiry, and an entry is gone then.
 *
 * @since 0.1.0
 */
import type { Select, Stored, Unreadable } from "../../store/Backend.ts"
import { isVersion } from "../../store/Version.ts"

/**
 * Reads an entry's string, or no more of it than the first line where only metadata is selected.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (key: string, value: Buffer, select: Select): Stored | Unreadable => {
  if (value[0] !== one || value[1] !== space) return unreadable(key)
  position = 2
  const version = digits(value)
  const createdAtMs = digits(value)
  const updatedAtMs = digits(value)
  const expiresAtMs = value[position] === dash ? never() : digits(value)
  const kind = kindAt(value, position)
  if (kind === undefined || createdAtMs < 0 || updatedAtMs < 0 || expiresAtMs === -1) return unreadable(key)
  if (!isVersion(version)) return unreadable(key)
  const start = position + kind.length + 1
  return {
    _tag: "Stored",
    key,
    version,
    createdAtMs,
    updatedAtMs,
    expiresAtMs,
    payload:
      select === "meta"
        ? undefined
        : kind === "json"
          ? value.toString("utf8", start)
          : // A copy: the reply's buffer is a window on a larger one.
            Uint8Array.prototype.slice.call(value, start)
  }
}

/** Where the reading of a line has come to. Reading never pauses, so that one place does for all. */
let position = 0

/** A whole number and the space behind it; -1 if there is none. */
const digits = (value: Buffer): number => {
  let number = 0
  let at = position
  for (; ; at++) {
    // Behind the end there is no digit either.
    const digit = (value[at] ?? 0) - zero
    if (digit < 0 || digit > 9) break
    number = number * 10 + digit
  }
  if (at === position || value[at] !== space || number > Number.MAX_SAFE_INTEGER) return -1
  position = at + 1
  return number
}

const never = (): undefined => {
  position += 2
  return undefined
}

const kindAt = (value: Buffer, at: number): "json" | "bytes" | undefined =>
  isAt(value, at, jsonLine) ? "json" : isAt(value, at, bytesLine) ? "bytes" : undefined

const jsonLine = Buffer.from("json\n")
const bytesLine = Buffer.from("bytes\n")

/** Cheaper for so few bytes than any call of Buffer. */
const isAt = (value: Buffer, at: number, wanted: Buffer): boolean => {
  for (let i = 0; i < wanted.length; i++) if (value[at + i] !== wanted[i]) return false
  return true
}

const unreadable = (key: string): Unreadable => ({
  _tag: "Unreadable",
  key,
  reason: "what lies under the key was not written by this store"
})

const zero = 0x30
const one = 0x31
const space = 0x20
const dash = 0x2d
