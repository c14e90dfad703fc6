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
import type { KeyRing } from "./KeyRing.ts"
import { type Codec, make } from "./Pipeline.ts"
import type * as Transform from "./Transform.ts"

export type { Context, EncodeContext, EncodeFault } from "../../store/Codec.ts"
export { type Codec, json, type Parts } from "./Pipeline.ts"
export { countKeys, type Options as RotateOptions, type Report, rotateKeys } from "./Rotation.ts"

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
