/**
 * Reading payloads: what any codec wrote can be read by every namespace, as long as it has the keys.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import { brotliDecompressSync, gunzipSync } from "node:zlib"
import * as Either from "effect/Either"
import { stampLength } from "./Atomic.ts"
import type { Payload } from "./Backend.ts"
import type { Context } from "./Codec.ts"
import * as Json from "./Json.ts"
import * as PayloadHeader from "./PayloadHeader.ts"
import * as Structured from "./Structured.ts"

/**
 * The layer of encryption.
 *
 * @since 0.1.0
 * @category models
 */
export type Encryption = Extract<PayloadHeader.Layer, { readonly _tag: "aes-256-gcm" }>

/**
 * Undoes a layer of encryption: its bytes, with the tag at their end, and what the tag covers besides. A `Left` says why
 * it can't be done.
 *
 * @since 0.1.0
 * @category models
 */
export type Open = (layer: Encryption, bytes: Uint8Array, covered: Uint8Array) => Either.Either<Uint8Array, string>

/**
 * The value of a payload.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (payload: Payload, context: Context, open: Open): Either.Either<unknown, string> => {
  if (typeof payload === "string") return Json.parse(payload)
  const decoded = PayloadHeader.decode(payload)
  if ("problem" in decoded) return Either.left(decoded.problem)
  const { bodyAt, header } = decoded
  const body = isEncrypted(header) ? Either.right(payload.subarray(bodyAt)) : unsealed(payload, bodyAt)
  return Either.flatMap(
    Either.flatMap(body, (body) => undo(header, header.layers.length, body, context, open)),
    header.base === "json" ? (bytes) => Json.parse(textOf(bytes)) : Structured.deserialize
  )
}

/**
 * A payload of a header and a body; an encrypted body has its tag at its end.
 *
 * @since 0.1.0
 * @category encoding
 */
export const seal = (header: PayloadHeader.PayloadHeader, body: Uint8Array): Uint8Array => {
  const head = PayloadHeader.encode(header)
  return isEncrypted(header) ? Buffer.concat([head, body]) : Buffer.concat([head, body, checksum(head, body)])
}

/**
 * What the tag of a layer of encryption covers besides its bytes: the header up to this layer, and the key, without the
 * version that was appended to it. The header has its own length within, so that the two can't run into each other.
 *
 * @since 0.1.0
 * @category encoding
 */
export const covered = (header: PayloadHeader.PayloadHeader, key: string): Uint8Array =>
  Buffer.concat([PayloadHeader.encode(header), Buffer.from(key)])

/**
 * Reads what is not encrypted.
 *
 * @since 0.1.0
 * @category decoding
 */
export const openNone: Open = () => Either.left("it is encrypted, and its namespace has no key")

const undo = (
  header: PayloadHeader.PayloadHeader,
  depth: number,
  body: Uint8Array,
  context: Context,
  open: Open
): Either.Either<Uint8Array, string> => {
  const layer = header.layers[depth - 1]
  if (layer === undefined) return Either.right(body)
  return Either.flatMap(undoOne(header, depth, layer, body, context, open), (inner) =>
    undo(header, depth - 1, inner, context, open)
  )
}

const undoOne = (
  header: PayloadHeader.PayloadHeader,
  depth: number,
  layer: PayloadHeader.Layer,
  body: Uint8Array,
  context: Context,
  open: Open
): Either.Either<Uint8Array, string> => {
  if (layer._tag !== "aes-256-gcm") return decompress(layer._tag, body, context.bytesMax)
  const key = header.stamped ? context.key.replace(stamp, "") : context.key
  if (header.stamped && key === context.key) return Either.left("it was moved here from another key")
  return open(layer, body, covered({ ...header, layers: header.layers.slice(0, depth) }, key))
}

/** The commit's version, which `append` writes behind a key. */
const stamp = new RegExp(`\\d{${stampLength}}$`)

const decompress = (
  algorithm: "gzip" | "brotli",
  bytes: Uint8Array,
  bytesMax: number
): Either.Either<Uint8Array, string> => {
  try {
    const undone = algorithm === "gzip" ? gunzipSync : brotliDecompressSync
    return Either.right(undone(bytes, { maxOutputLength: bytesMax }))
  } catch (error) {
    return Either.left(
      error instanceof RangeError
        ? `it is larger than ${bytesMax} bytes once it is decompressed`
        : `its ${algorithm} is damaged`
    )
  }
}

const isEncrypted = ({ layers }: PayloadHeader.PayloadHeader): boolean => layers.at(-1)?._tag === "aes-256-gcm"

const checksumBytes = 8

const checksum = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const hash = createHash("sha256")
  for (const part of parts) hash.update(part)
  return hash.digest().subarray(0, checksumBytes)
}

const unsealed = (payload: Uint8Array, bodyAt: number): Either.Either<Uint8Array, string> => {
  const end = payload.length - checksumBytes
  return end >= bodyAt && checksum(payload.subarray(0, end)).every((byte, i) => byte === payload[end + i])
    ? Either.right(payload.subarray(bodyAt, end))
    : Either.left("it was damaged: its checksum is another one")
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
