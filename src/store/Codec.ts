/**
 * How values become payloads: the contract that a namespace holds its codec to. The codecs themselves are made by
 * `Codec` of the typed state; a namespace without one writes JSON text.
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import type { Payload } from "./Backend.ts"

/**
 * Where a payload lies.
 *
 * @since 0.1.0
 * @category models
 */
export interface Context {
  /**
   * The full key: the namespace's path, a colon, the key. It has no prefix of a deployment (a table, a Redis prefix), so
   * that a copied store reads alike.
   */
  readonly key: string
  /** The most bytes a value may have, as it is stored and as it is once everything is undone. */
  readonly bytesMax: number
}

/**
 * Where a payload will lie. With `stamped`, the commit's version in 16 digits will follow the key.
 *
 * @since 0.1.0
 * @category models
 */
export interface EncodeContext extends Context {
  readonly stamped: boolean
}

/**
 * Why a value has no payload: a part of it would be lost, or it is larger than allowed.
 *
 * @since 0.1.0
 * @category models
 */
export type EncodeFault =
  | { readonly _tag: "Loss"; readonly path: ReadonlyArray<string | number>; readonly reason: string }
  | { readonly _tag: "TooLarge"; readonly bytes: number }

/**
 * Both directions between values and payloads. Both are synchronous and never throw; the reason of a `Left` quotes
 * neither value nor key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Codec {
  readonly encode: (value: unknown, context: EncodeContext) => Either.Either<Payload, EncodeFault>
  readonly decode: (payload: Payload, context: Context) => Either.Either<unknown, string>
  /** The ids of the keys that `encode` encrypts with, in order; none where it does not. */
  readonly keyIds: ReadonlyArray<string>
}
