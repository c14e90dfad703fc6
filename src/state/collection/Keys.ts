/**
 * The ids of a collection, as the text of keys.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Schema from "effect/Schema"
import { type DecodeError, InvalidKey } from "../../store/StateError.ts"
import * as SchemaCodec from "../SchemaCodec.ts"

/**
 * Both directions between ids and keys; `label` is the key as errors may show it.
 *
 * @since 0.1.0
 * @category models
 */
export interface CollectionKeys<K> {
  readonly encode: (id: K) => Effect.Effect<string, InvalidKey>
  readonly decode: (label: SchemaCodec.Label, key: string) => Effect.Effect<K, DecodeError>
}

/**
 * The keys of a schema, whose services are taken from the context; without one, ids are keys.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <K, R>(
  schema: Schema.Schema<K, string, R> | undefined
): Effect.Effect<CollectionKeys<K>, never, R> => {
  if (schema === undefined) return Effect.succeed(plain as unknown as CollectionKeys<K>) // Without a schema, K is string.
  return Effect.map(SchemaCodec.make(schema), ({ decode, encode }) => ({
    decode,
    encode: (id) =>
      Effect.mapBoth(encode("", id), {
        onSuccess: (key) => key as string, // It is what the schema encodes to.
        onFailure: () => new InvalidKey({ key: "", reason: "the schema of the collection's keys refuses it" })
      })
  }))
}

const plain: CollectionKeys<string> = { encode: Either.right, decode: (_, key) => Either.right(key) }
