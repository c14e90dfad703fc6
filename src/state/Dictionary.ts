/**
 * Dictionaries: records that are filled in bit by bit, each field by a schema of its own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Entry } from "../store/Entry.ts"
import type { DecodeError, EncodeError } from "../store/StateError.ts"
import * as SchemaCodec from "./SchemaCodec.ts"

/**
 * The schemas of a dictionary's values, by their names.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = { readonly [name: string]: Schema.Schema.All }

/**
 * A dictionary of these fields, any of which may be missing; one of anything, where the fields are not known.
 *
 * @since 0.1.0
 * @category models
 */
export type Dictionary<F extends Fields> = string extends keyof F
  ? Stored
  : { readonly [K in keyof F]?: Schema.Schema.Type<F[K]> }

/**
 * The services that the schemas of fields need.
 *
 * @since 0.1.0
 * @category models
 */
export type Services<F extends Fields> = string extends keyof F ? never : Schema.Schema.Context<F[keyof F]>

/**
 * A dictionary as it is stored: anything that JSON keeps, under any name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored {
  readonly [name: string]: unknown
}

/**
 * The schema of dictionaries of these fields, or of anything. What is stored under other names than the fields' is left out
 * when it is read.
 *
 * @since 0.1.0
 * @category schemas
 */
export const schema = <F extends Fields>(fields: F | undefined): Schema.Schema<Dictionary<F>, Stored, Services<F>> => {
  const known = fields && Schema.partialWith(Schema.Struct<Schema.Struct.Fields>({ ...fields }), { exact: true })
  // Every field is there or not, and each is what its schema says; without fields, a dictionary is of anything.
  return (known ?? anything) as unknown as Schema.Schema<Dictionary<F>, Stored, Services<F>>
}

/**
 * The schema of dictionaries of anything. They are taken as they are: building one anew, as a record of strings, would lose the
 * name `__proto__`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const anything: Schema.Schema<Stored> = Schema.declare<Stored>(Predicate.isReadonlyRecord)

/**
 * A dictionary between the program and the store; `label` is the key as errors may show it.
 *
 * @since 0.1.0
 * @category codecs
 */
export interface DictionaryCodec<D> {
  /** The dictionary that was stored; an empty one if none was. */
  readonly decode: (label: string, stored: Option.Option<unknown>) => Effect.Effect<D, DecodeError>
  /** Some fields, or all, as they are stored. */
  readonly encode: (label: string, fields: Partial<D>) => Effect.Effect<Stored, EncodeError>
}

/**
 * The codec of a dictionary's schema, whose services are taken from the context once.
 *
 * @since 0.1.0
 * @category codecs
 */
export const codec = <D, R>(schema: Schema.Schema<D, Stored, R>): Effect.Effect<DictionaryCodec<D>, never, R> =>
  Effect.map(SchemaCodec.make(schema), ({ decode, encode }) => ({
    decode: (label, stored) =>
      decode(
        label,
        Option.getOrElse(stored, () => ({}))
      ),
    // All fields of a dictionary may be missing, and its schema encodes to what Stored says.
    encode: (label, fields) => encode(label, fields as D) as Effect.Effect<Stored, EncodeError>
  }))

/**
 * Lays encoded fields over those of an entry. What else is stored stays, though the schema may not know it: a newer program
 * may have written it.
 *
 * @since 0.1.0
 * @category changing
 */
export const patched = (entry: Option.Option<Entry>, fields: Stored): Stored => ({ ...storedIn(entry), ...fields })

/**
 * The dictionary of an entry without one of its fields.
 *
 * @since 0.1.0
 * @category changing
 */
export const without = (entry: Option.Option<Entry>, name: string): Stored =>
  Object.fromEntries(Object.entries(storedIn(entry)).filter(([other]) => other !== name))

/**
 * The dictionary of an entry, undecoded.
 *
 * @since 0.1.0
 * @category changing
 */
export const storedIn = (entry: Option.Option<Entry>): Stored =>
  Option.isSome(entry) && Predicate.isReadonlyRecord(entry.value.value) ? entry.value.value : {}
