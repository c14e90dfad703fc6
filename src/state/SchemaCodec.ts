/**
 * A schema with its services, as the two directions between stored and typed values.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import { DecodeError, EncodeError } from "../store/StateError.ts"

/**
 * Both directions; `label` is the key as errors may show it.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchemaCodec<A> {
  readonly decode: (label: string, stored: unknown) => Effect.Effect<A, DecodeError>
  readonly encode: (label: string, value: A) => Effect.Effect<unknown, EncodeError>
}

/**
 * The codec of a schema, whose services are taken from the context once. The parsers are made here, not for each value.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, I, R>(schema: Schema.Schema<A, I, R>): Effect.Effect<SchemaCodec<A>, never, R> =>
  Effect.map(Effect.context<R>(), (services) => {
    const decode = ParseResult.decodeUnknown(schema)
    const encode = ParseResult.encodeUnknown(schema)
    return {
      decode: (label, stored) =>
        Effect.mapError(
          withServices(decode(stored), services),
          (issue) => new DecodeError({ key: label, reason: "its schema refuses it", issue })
        ),
      encode: (label, value) =>
        Effect.mapError(
          withServices(encode(value), services),
          (issue) => new EncodeError({ key: label, path: [], reason: "its schema refuses it", issue })
        )
    }
  })

/** Most schemas need no services and answer at once, with an `Either`, which is left as it is. */
const withServices = <A, E, R>(effect: Effect.Effect<A, E, R>, services: Context.Context<R>): Effect.Effect<A, E> =>
  Either.isEither(effect)
    ? (effect as Either.Either<A, E>) // An Either needs nothing.
    : Effect.provide(effect, services)
