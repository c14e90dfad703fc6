/**
 * A base and what is done to its bytes, as a codec.
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

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (parts: Parts): Codec => {
  const open = parts.rings.length === 0 ? Payloads.openNone : Transform.openWith(parts.rings)
  return {
    parts,
    keyIds: parts.transforms.flatMap((transform) => (transform._tag === "Encrypt" ? [transform.keyRing.primary] : [])),
    encode: (value, context) => encode(parts, value, context),
    decode: (payload, context) =>
      parts.required.every((ring) => PayloadHeader.keyIds(payload).some((id) => ring.keys.has(id)))
        ? Payloads.decode(payload, context, open)
        : Either.left(refusal(parts, payload))
  }
}

const refusal = ({ rings }: Parts, payload: string | Uint8Array): string => {
  const keyIds = PayloadHeader.keyIds(payload)
  if (keyIds.length === 0) return "it is not encrypted, and its namespace takes nothing else unless acceptPlain is set"
  const keyId = keyIds.find((id) => !rings.some(({ keys }) => keys.has(id)))
  return keyId === undefined
    ? "it is not encrypted by a key of each ring, and its namespace takes nothing else unless acceptPlain is set"
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
  const { layersMax } = PayloadHeader
  if (draft.header.layers.length > layersMax) {
    return Either.left({ _tag: "Loss", path: [], reason: `its codec puts more than ${layersMax} layers around it` })
  }
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
