/**
 * Dictionaries: records that are filled in bit by bit, each field by a schema of its own.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The schemas of a dictionary's values, by their names.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = { readonly [name: string]: Schema.Schema.All }

/**
 * A dictionary of these fields, any of which may be missing.
 *
 * @since 0.1.0
 * @category models
 */
export type Dictionary<F extends Fields> = { readonly [K in keyof F]?: Schema.Schema.Type<F[K]> }

/**
 * The services that the schemas of fields need.
 *
 * @since 0.1.0
 * @category models
 */
export type Services<F extends Fields> = Schema.Schema.Context<F[keyof F]>

/**
 * A dictionary without fields of its own: anything that JSON keeps, under any name.
 *
 * @since 0.1.0
 * @category models
 */
export interface Untyped {
  readonly [name: string]: unknown
}

/**
 * The schema of dictionaries of these fields. What is stored under other names is left out when it is read.
 *
 * @since 0.1.0
 * @category schemas
 */
export const schema = <F extends Fields>(
  fields: F
): Schema.Schema<Dictionary<F>, { readonly [name: string]: unknown }, Services<F>> =>
  // Every field is there or not, and each is what its schema says.
  Schema.partialWith(Schema.Struct(fields), { exact: true }) as unknown as Schema.Schema<
    Dictionary<F>,
    { readonly [name: string]: unknown },
    Services<F>
  >

/**
 * The schema of dictionaries of anything.
 *
 * @since 0.1.0
 * @category schemas
 */
export const untyped: Schema.Schema<Untyped> = Schema.Record({ key: Schema.String, value: Schema.Unknown })
