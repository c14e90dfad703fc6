/**
 * What bytes of a payload say about themselves. Pure.
 *
 *     ef 53      every payload of bytes starts so
 *     01         the version of this format
 *     00 | 01    01: the key goes on with the commit's version, which the writer could not know
 *     01 | 02    what the value was made of: JSON text, or the structured clone of `node:v8`
 *     nn         how many layers lie around it, the innermost first; of each
 *       01 | 02    gzip, brotli
 *       03         AES-256-GCM, with the length and the text of the key's id, and 12 bytes of nonce
 *
 * The body follows. Behind it lies what tells that no bit was changed: the 16 bytes of GCM's tag if the last layer is
 * encryption, else the first 8 bytes of the SHA-256 of all before them.
 *
 * @since 0.1.0
 */

/**
 * What the value itself was made of.
 *
 * @since 0.1.0
 * @category models
 */
export type Base = "json" | "structured"

/**
 * What was done to the bytes.
 *
 * @since 0.1.0
 * @category models
 */
export type Layer =
  | { readonly _tag: "gzip" | "brotli" }
  | { readonly _tag: "aes-256-gcm"; readonly keyId: string; readonly nonce: Uint8Array }

/**
 * @since 0.1.0
 * @category models
 */
export interface PayloadHeader {
  /** The key ends with a commit's version, which the encryption does not cover. */
  readonly stamped: boolean
  readonly base: Base
  /** The innermost first. */
  readonly layers: ReadonlyArray<Layer>
}

/**
 * The most layers of a payload.
 *
 * @since 0.1.0
 * @category limits
 */
export const layersMax = 8

/**
 * The most UTF-8 bytes of a key's id.
 *
 * @since 0.1.0
 * @category limits
 */
export const keyIdBytesMax = 64

/**
 * How many bytes a nonce has.
 *
 * @since 0.1.0
 * @category limits
 */
export const nonceBytes = 12

/**
 * @since 0.1.0
 * @category encoding
 */
export const encode = ({ base, layers, stamped }: PayloadHeader): Uint8Array => {
  const start = [magic0, magic1, formatVersion, stamped ? 1 : 0, base === "json" ? 1 : 2, layers.length]
  return Buffer.concat([Buffer.from(start), ...layers.map(encodeLayer)])
}

/**
 * The header of a payload and where its body starts, or what is wrong with it.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (
  payload: Uint8Array
): { readonly header: PayloadHeader; readonly bodyAt: number } | { readonly problem: string } => {
  const [first, second, version, stamped, base, count] = payload
  if (first !== magic0 || second !== magic1) return { problem: "its bytes were written by no codec of this library" }
  if (version !== formatVersion)
    return { problem: `its format has the version ${version}, and ${formatVersion} is known` }
  if (stamped === undefined || stamped > 1 || (base !== 1 && base !== 2)) return damaged
  if (count === undefined || count > layersMax) return damaged
  const layers: Array<Layer> = []
  let at = headBytes
  for (let i = 0; i < count; i++) {
    const next = decodeLayer(payload, at)
    if (next === undefined) return damaged
    layers.push(next.layer)
    at = next.end
  }
  return { header: { stamped: stamped === 1, base: base === 1 ? "json" : "structured", layers }, bodyAt: at }
}

/**
 * The ids of the keys that a payload is encrypted with, in order, as far as it says so.
 *
 * @since 0.1.0
 * @category decoding
 */
export const keyIds = (payload: string | Uint8Array): ReadonlyArray<string> => {
  const decoded = typeof payload === "string" ? damaged : decode(payload)
  if ("problem" in decoded) return []
  return decoded.header.layers.flatMap((layer) => (layer._tag === "aes-256-gcm" ? [layer.keyId] : []))
}

const magic0 = 0xef
const magic1 = 0x53
const formatVersion = 1
const headBytes = 6
const tags = { gzip: 1, brotli: 2, "aes-256-gcm": 3 } as const

const damaged = { problem: "its header is damaged" }

const encodeLayer = (layer: Layer): Uint8Array => {
  if (layer._tag !== "aes-256-gcm") return Buffer.from([tags[layer._tag]])
  const keyId = Buffer.from(layer.keyId)
  return Buffer.concat([Buffer.from([tags[layer._tag], keyId.length]), keyId, layer.nonce])
}

const decodeLayer = (payload: Uint8Array, at: number): { readonly layer: Layer; readonly end: number } | undefined => {
  switch (payload[at]) {
    case tags.gzip:
      return { layer: { _tag: "gzip" }, end: at + 1 }
    case tags.brotli:
      return { layer: { _tag: "brotli" }, end: at + 1 }
    case tags["aes-256-gcm"]: {
      const keyIdAt = at + 2
      const nonceAt = keyIdAt + (payload[at + 1] ?? 0)
      const end = nonceAt + nonceBytes
      if (payload[at + 1] === 0 || end > payload.length) return undefined
      const keyId = Buffer.from(payload.subarray(keyIdAt, nonceAt)).toString()
      return { layer: { _tag: "aes-256-gcm", keyId, nonce: payload.subarray(nonceAt, end) }, end }
    }
    default:
      return undefined
  }
}
