/**
 * The members of a machine's two unions, its states and its events: each a name with fields by schema.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type * as Types from "effect/Types"

/**
 * States or events by their names, each with the fields of its data. The name itself is its `_tag`.
 *
 * @since 0.1.0
 * @category models
 */
export type Members = { readonly [tag: string]: Schema.Struct.Fields & { readonly _tag?: never } }

/**
 * A value of one member.
 *
 * @since 0.1.0
 * @category models
 */
export type Member<M extends Members, T extends Tag<M>> = Types.Simplify<
  { readonly _tag: T } & Schema.Struct.Type<M[T]>
>

/**
 * The names of members.
 *
 * @since 0.1.0
 * @category models
 */
export type Tag<M extends Members> = keyof M & string

/**
 * A value of any member.
 *
 * @since 0.1.0
 * @category models
 */
export type Union<M extends Members> = Extract<{ readonly [T in Tag<M>]: Member<M, T> }[Tag<M>], Tagged>

/**
 * What has a name: a state or an event.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tagged {
  readonly _tag: string
}

/**
 * What makes a value of a member, besides its name: fields that have a default may be left out.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields<M extends Members, T extends Tag<M>> = Schema.Struct.Constructor<M[T]>

/**
 * The names of members that need no fields.
 *
 * @since 0.1.0
 * @category models
 */
export type Plain<M extends Members> = {
  readonly [T in Tag<M>]: Record<never, never> extends Fields<M, T> ? T : never
}[Tag<M>]

/**
 * The services that the schemas of members need.
 *
 * @since 0.1.0
 * @category models
 */
export type Services<M extends Members> = { readonly [T in Tag<M>]: Schema.Struct.Context<M[T]> }[Tag<M>]

/**
 * The schemas of members. Each has a `make`: `machine.events.Answer.make({ text: "Yes" })`.
 *
 * @since 0.1.0
 * @category schemas
 */
export type Schemas<M extends Members> = { readonly [T in Tag<M>]: Schema.TaggedStruct<T, M[T]> }

/**
 * @since 0.1.0
 * @category schemas
 */
export const schemas = <M extends Members>(members: M): Schemas<M> =>
  // One for each name, of that name's fields.
  Object.fromEntries(
    Object.entries(members).map(([tag, fields]) => [tag, Schema.TaggedStruct(tag, fields)])
  ) as Schemas<M>

/**
 * The schema of all members.
 *
 * @since 0.1.0
 * @category schemas
 */
export const union = <M extends Members>(schemas: Schemas<M>): Schema.Schema<Union<M>, unknown, Services<M>> =>
  // The union of the members is what Union says, and needs what each of them needs.
  Schema.Union(...Object.values<Schema.Schema.All>(schemas)) as unknown as Schema.Schema<Union<M>, unknown, Services<M>>

/**
 * The value of a member with these fields: defaults are filled in, and what is no field of it is left out. Nothing is
 * checked: what the schema refuses is refused when the value is stored.
 *
 * @since 0.1.0
 * @category values
 */
export const fill = <M extends Members>(schemas: Schemas<M>, tag: Tag<M>, fields: object): Union<M> => {
  const schema = schemas[tag]
  const named = Object.entries(fields).filter(([name]) => Object.hasOwn(schema.fields, name))
  const value: object = schema.make(Object.fromEntries(named) as never, { disableValidation: true })
  // The fields of a member under its name: whoever calls knows that none is missing.
  return { ...value, _tag: tag } as Union<M>
}
