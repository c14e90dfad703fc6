/**
 * What can be done to the bytes of a value before they are stored. Pure, but for the nonces.
 *
 * @since 0.1.0
 */
import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto"
import { brotliCompressSync, constants, gzipSync } from "node:zlib"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { nonceBytes, type PayloadHeader } from "../../store/PayloadHeader.ts"
import * as Payloads from "../../store/Payloads.ts"
import type { KeyRing } from "./KeyRing.ts"

/**
 * @since 0.1.0
 * @category models
 */
export type Transform =
  | { readonly _tag: "Compress"; readonly algorithm: "gzip" | "brotli"; readonly aboveBytes: number }
  | { readonly _tag: "Encrypt"; readonly keyRing: KeyRing }

/**
 * Bytes with the header that says what they are.
 *
 * @since 0.1.0
 * @category models
 */
export interface Draft {
  readonly header: PayloadHeader
  readonly body: Uint8Array
}

/**
 * @since 0.1.0
 * @category encoding
 */
export const apply = (draft: Draft, transform: Transform, key: string): Draft =>
  transform._tag === "Compress" ? compress(draft, transform) : encrypt(draft, transform.keyRing, key)

/** Only above a size, and only if it makes them smaller. */
const compress = (
  draft: Draft,
  { aboveBytes, algorithm }: Extract<Transform, { readonly _tag: "Compress" }>
): Draft => {
  if (!(draft.body.length > aboveBytes)) return draft
  const body =
    algorithm === "gzip"
      ? gzipSync(draft.body)
      : brotliCompressSync(draft.body, { params: { [constants.BROTLI_PARAM_QUALITY]: brotliQuality } })
  return body.length < draft.body.length ? { header: around(draft, { _tag: algorithm }), body } : draft
}

/** As fast as gzip, and smaller; the default of 11 takes fifty times as long. */
const brotliQuality = 5

const encrypt = (draft: Draft, { keys, primary }: KeyRing, key: string): Draft => {
  const secret = keys.get(primary)
  if (secret === undefined) return draft // A ring has its primary key.
  const nonce = randomFillSync(new Uint8Array(nonceBytes))
  const header = around(draft, { _tag: "aes-256-gcm", keyId: primary, nonce })
  const cipher = createCipheriv("aes-256-gcm", Redacted.value(secret), nonce)
  cipher.setAAD(Payloads.covered(header, key))
  return { header, body: Buffer.concat([cipher.update(draft.body), cipher.final(), cipher.getAuthTag()]) }
}

const around = ({ header }: Draft, layer: PayloadHeader["layers"][number]): PayloadHeader => ({
  ...header,
  layers: [...header.layers, layer]
})

/**
 * Opens what any of the rings has the key of.
 *
 * @since 0.1.0
 * @category decoding
 */
export const openWith =
  (rings: ReadonlyArray<KeyRing>): Payloads.Open =>
  ({ keyId, nonce }, bytes, covered) => {
    const secrets = rings.flatMap(({ keys }) => keys.get(keyId) ?? [])
    if (secrets.length === 0) return Either.left(`it is encrypted by a key that is not in the ring: ${shown(keyId)}`)
    for (const secret of secrets) {
      const opened = decrypt(Redacted.value(secret), nonce, bytes, covered)
      if (opened !== undefined) return Either.right(opened)
    }
    return Either.left("it was damaged, moved here from another key, or encrypted by another key of the same id")
  }

const tagBytes = 16

const decrypt = (
  key: Uint8Array,
  nonce: Uint8Array,
  bytes: Uint8Array,
  covered: Uint8Array
): Uint8Array | undefined => {
  const tagAt = bytes.length - tagBytes
  if (tagAt < 0) return undefined
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes })
    decipher.setAAD(covered).setAuthTag(bytes.subarray(tagAt))
    return Buffer.concat([decipher.update(bytes.subarray(0, tagAt)), decipher.final()])
  } catch {
    return undefined
  }
}

/** Whoever writes to the store has written the id: it may be anything. */
const shown = (keyId: string): string => JSON.stringify(keyId.toWellFormed())
