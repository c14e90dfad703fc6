/**
 * How values are stored: as JSON text or as a structured clone, compressed or not, encrypted or not.
 *
 * A codec belongs to a namespace, and to those inside it that have none of their own: give it to `namespace`, to a
 * collection, to sessions, or to the layer of the store. Codecs compose from the inside out:
 *
 * ```ts
 * import { Codec, KeyRing, MemoryStore, StateStore } from "effect-state"
 * import { Effect, Redacted } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const key = { id: "2026-11", key: Redacted.make(crypto.getRandomValues(new Uint8Array(32))) }
 *   const keyRing = yield* KeyRing.make({ primary: key })
 *   const codec = Codec.encrypted(Codec.compressed(Codec.structured, { algorithm: "brotli" }), keyRing)
 *   const visits = (yield* StateStore.StateStore).namespace("visits", { codec })
 *   yield* visits.set("ada", { first: new Date(), pages: new Set(["/", "/about"]) })
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(MemoryStore.layer())))
 * ```
 *
 * Every stored value says how it is encoded. So the codec of a namespace may change at any time: what is there stays
 * readable, and is encoded anew when it is written next. Two things need a word: what is encrypted is read where the key is
 * ({@link decrypting}), and a namespace that encrypts reads nothing else unless told so ({@link EncryptedOptions}).
 *
 * Encoding happens in the caller's step: to compress a value of megabytes holds up the process for tens of milliseconds.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type { Codec as Contract, EncodeContext, EncodeFault } from "../../store/Codec.ts"
import * as Json from "../../store/Json.ts"
import * as PayloadHeader from "../../store/PayloadHeader.ts"
import * as Payloads from "../../store/Payloads.ts"
import * as Structured from "../../store/Structured.ts"
import type { KeyRing } from "./KeyRing.ts"
import * as Transform from "./Transform.ts"

export type { Context, EncodeContext, EncodeFault } from "../../store/Codec.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Codec extends Contract {
  /** What it is made of, so that others can be made of it. */
  readonly parts: Parts
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Parts {
  readonly base: PayloadHeader.Base
  /** In the order in which they are applied. */
  readonly transforms: ReadonlyArray<Transform.Transform>
  /** What opens encrypted values. */
  readonly rings: ReadonlyArray<KeyRing>
  /** Every value must be encrypted by a key of each of these. */
  readonly required: ReadonlyArray<KeyRing>
}

const make = (parts: Parts): Codec => {
  const open = parts.rings.length === 0 ? Payloads.openNone : Transform.openWith(parts.rings)
  return {
    parts,
    keyIds: parts.transforms.flatMap((transform) => (transform._tag === "Encrypt" ? [transform.keyRing.primary] : [])),
    encode: (value, context) => encode(parts, value, context),
    decode: (payload, context) =>
      parts.required.every((ring) => PayloadHeader.keyIds(payload).some((id) => ring.keys.has(id)))
        ? Payloads.decode(payload, context, open)
        : Either.left(refusal(payload))
  }
}

const refusal = (payload: string | Uint8Array): string => {
  const [keyId] = PayloadHeader.keyIds(payload)
  return keyId === undefined
    ? "it is not encrypted, and its namespace takes nothing else unless acceptPlain is set"
    : `it is encrypted by a key that is not in the ring: ${JSON.stringify(keyId.toWellFormed())}`
}

const encode = (
  { base, transforms }: Parts,
  value: unknown,
  context: EncodeContext
): Either.Either<string | Uint8Array, EncodeFault> => {
  const plain: Either.Either<string | Uint8Array, Json.Loss> =
    base === "json" ? Json.stringify(value) : Structured.serialize(value)
  if (Either.isLeft(plain)) return Either.left({ _tag: "Loss", ...plain.left })
  if (transforms.length === 0 && typeof plain.right === "string") return Either.right(plain.right)
  const body = typeof plain.right === "string" ? Buffer.from(plain.right) : plain.right
  // What is stored must be small enough to be read again, too.
  if (body.length > context.bytesMax) return Either.left({ _tag: "TooLarge", bytes: body.length })
  const draft = transforms.reduce<Transform.Draft>(
    (draft, transform) => Transform.apply(draft, transform, context.key),
    { header: { stamped: context.stamped, base, layers: [] }, body }
  )
  const isPlain = draft.header.layers.length === 0 && typeof plain.right === "string"
  return Either.right(isPlain ? plain.right : Payloads.seal(draft.header, draft.body))
}

/**
 * JSON text: what a namespace without codec has, and what one writes `codec: Codec.json` for inside a namespace with another.
 * Anything that JSON would lose is an `EncodeError`.
 *
 * @since 0.1.0
 * @category codecs
 */
export const json: Codec = make({ base: "json", transforms: [], rings: [], required: [] })

/**
 * The structured clone of `node:v8`: what JSON has, and `undefined`, every number, BigInt, Date, RegExp, Map, Set,
 * ArrayBuffer, typed arrays, Buffer, cycles, and one object in many places. Reading it runs no code. What it would lose
 * (functions, symbols, instances of classes, errors) is an `EncodeError`.
 *
 * @since 0.1.0
 * @category codecs
 */
export const structured: Codec = make({ base: "structured", transforms: [], rings: [], required: [] })

/**
 * @since 0.1.0
 * @category options
 */
export interface CompressedOptions {
  /** Default `"gzip"`. Brotli makes values smaller in about the same time. */
  readonly algorithm?: "gzip" | "brotli" | undefined
  /** Values of at most so many bytes are left as they are. Default 1,024. */
  readonly aboveBytes?: number | undefined
}

/**
 * What another codec writes, compressed where that makes it smaller. A value that would be larger than the store's
 * `valueBytesMax` once it is decompressed is refused when it is written, and its decompression stops there when it is read.
 *
 * @since 0.1.0
 * @category codecs
 */
export const compressed = (inner: Codec, options: CompressedOptions = {}): Codec =>
  withTransform(inner, {
    _tag: "Compress",
    algorithm: options.algorithm ?? "gzip",
    aboveBytes: options.aboveBytes ?? 1_024
  })

/**
 * @since 0.1.0
 * @category options
 */
export interface EncryptedOptions {
  /**
   * Read values that are not encrypted, too: counters, and what was there before. Whoever can write to the store can then
   * give the program any value. Set it while a namespace moves to encryption, until `rotateKeys` reports no plain ones,
   * or for a namespace of counters. Default `false`: they are a `DecodeError`.
   */
  readonly acceptPlain?: boolean | undefined
}

/**
 * What another codec writes, encrypted by the primary key of a ring: AES-256-GCM, with a random nonce for each write. It is
 * bound to its full key: moved to another key it does not open, copied with its key to another store it does. What was
 * changed or cut, and what the ring has no key for, is a `DecodeError`.
 *
 * Keys, versions, times and sizes are not hidden, nor are counters, which the store itself adds up. An old value that is put
 * back under its own key can't be told from the current one.
 *
 * @since 0.1.0
 * @category codecs
 */
export const encrypted = (inner: Codec, keyRing: KeyRing, options: EncryptedOptions = {}): Codec => {
  const { parts } = decrypting(inner, keyRing)
  return make({
    ...parts,
    transforms: [...parts.transforms, { _tag: "Encrypt", keyRing }],
    required: options.acceptPlain === true ? parts.required : [...parts.required, keyRing]
  })
}

/**
 * Another codec that also reads what was encrypted by a key of a ring: to give encryption up.
 *
 * @since 0.1.0
 * @category codecs
 */
export const decrypting = (inner: Codec, keyRing: KeyRing): Codec =>
  make({ ...inner.parts, rings: [...inner.parts.rings, keyRing] })

const withTransform = (inner: Codec, transform: Transform.Transform): Codec =>
  make({ ...inner.parts, transforms: [...inner.parts.transforms, transform] })
