/**
 * What LangGraph's serializer makes of a value, as it is stored: bytes of some type, which are text where they can be.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * A value as a serializer gives and takes it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Serialized {
  readonly type: string
  readonly bytes: Uint8Array
}

/**
 * A value as it is stored. JSON stays readable in the store; what is no UTF-8 text (encrypted, say) becomes base64.
 *
 * @since 0.1.0
 * @category models
 */
export const Stored = Schema.Union(
  Schema.Struct({ type: Schema.String, text: Schema.String }),
  Schema.Struct({ type: Schema.String, base64: Schema.String })
)

/**
 * @since 0.1.0
 * @category models
 */
export type Stored = typeof Stored.Type

/**
 * @since 0.1.0
 * @category encoding
 */
export const toStored = ({ bytes, type }: Serialized): Stored =>
  Option.match(textOf(bytes), {
    onNone: () => ({ type, base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") }),
    onSome: (text) => ({ type, text })
  })

/**
 * The bytes that were stored, one for one.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromStored = (stored: Stored): Serialized => ({
  type: stored.type,
  bytes: "text" in stored ? encoder.encode(stored.text) : new Uint8Array(Buffer.from(stored.base64, "base64"))
})

/** A byte order mark is a character like any other: encoding the text gives the same bytes again. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

const textOf = Option.liftThrowable((bytes: Uint8Array) => decoder.decode(bytes))
