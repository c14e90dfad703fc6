/**
 * A schema with its services, as the two directions between stored and typed values.
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { LazyArg } from "effect/Function"
import * as ParseResult from "effect/ParseResult"
import type * as Schema from "effect/Schema"
import { DecodeError, EncodeError } from "../store/StateError.ts"

/**
 * Both directions; `label` is the key as errors may show it, or makes it of need. Most schemas answer at once: an answer that
 * is an `Either` is one that needs no fiber.
 *
 * @since 0.1.0
 * @category models
 */
export interface SchemaCodec<A> {
  readonly decode: (label: Label, stored: unknown) => Effect.Effect<A, DecodeError>
  readonly encode: (label: Label, value: A) => Effect.Effect<unknown, EncodeError>
}

/**
 * @since 0.1.0
 * @category models
 */
export type Label = string | LazyArg<string>

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
        settle(decode(stored), services, (issue) => new DecodeError({ key: text(label), reason: refused, issue })),
      encode: (label, value) =>
        settle(
          encode(value),
          services,
          (issue) => new EncodeError({ key: text(label), path: [], reason: refused, issue })
        )
    }
  })

/**
 * `Effect.flatMap` that calls the function at once where the value is at hand.
 *
 * @since 0.1.0
 * @category sequencing
 */
export const flatMap = <A, E, B, E2, R2>(
  answer: Effect.Effect<A, E>,
  f: (value: A) => Effect.Effect<B, E2, R2>
): Effect.Effect<B, E | E2, R2> => {
  if (!isEither(answer)) return Effect.flatMap(answer, f)
  return Either.isRight(answer) ? f(answer.right) : Either.left(answer.left)
}

const settle = <A, R, E>(
  answer: Effect.Effect<A, ParseResult.ParseIssue, R>,
  services: Context.Context<R>,
  failure: (issue: ParseResult.ParseIssue) => E
): Effect.Effect<A, E> => {
  if (!isEither(answer)) return Effect.mapError(Effect.provide(answer, services), failure)
  return Either.isRight(answer) ? Either.right(answer.right) : Either.left(failure(answer.left))
}

/** An Either that is an Effect is one of its value and its error, and needs nothing. */
const isEither = Either.isEither as <A, E, R>(effect: Effect.Effect<A, E, R>) => effect is Either.Either<A, E>

const text = (label: Label): string => (typeof label === "string" ? label : label())

const refused = "its schema refuses it"
