/**
 * A session: what users see of it, and what is stored.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Entry } from "../../store/Entry.ts"
import type { Version } from "../../store/Version.ts"
import * as Dictionary from "../Dictionary.ts"
import * as Properties from "../Properties.ts"

/**
 * A session as it was when it was read. It does not change; `update` gives a new one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session<D, M = Metadata> {
  /** Whoever knows it has the session: it is a secret. Where ids are hashed, lists have the hash here. */
  readonly id: string
  /** Whose it is, as `create` was told. */
  readonly owner: Option.Option<string>
  readonly data: D
  readonly metadata: M
  /** When the session was created, also under an earlier id. */
  readonly createdAt: DateTime.Utc
  /** When data or metadata were written last. */
  readonly updatedAt: DateTime.Utc
  /** When it ends unless it is used before. */
  readonly expiresAt: Option.Option<DateTime.Utc>
  readonly version: Version
}

/**
 * What sessions carry beside their data, where no other schema is given.
 *
 * @since 0.1.0
 * @category models
 */
export type Metadata = { readonly [key: string]: unknown }

/**
 * What is stored of a session.
 *
 * @since 0.1.0
 * @category storing
 */
export interface Envelope<D, M> {
  readonly data: D
  readonly metadata: M
  /** Milliseconds since the epoch; there once the session has moved to another id. */
  readonly createdAtMs?: number | undefined
  /** How long this session may be idle, if it is not as long as all; null means for ever. */
  readonly idleMs?: number | null | undefined
  /** Whose it is; it never changes. */
  readonly owner?: string | undefined
}

/**
 * The schema of what is stored, for data and metadata of these schemas.
 *
 * @since 0.1.0
 * @category storing
 */
export const envelope = <D, DI, R, M, MI, RM>(options: {
  readonly data: Schema.Schema<D, DI, R>
  readonly metadata?: Schema.Schema<M, MI, RM> | undefined
}): Schema.Schema<Envelope<D, M>, unknown, R | RM> => {
  const metadata: Schema.Schema.Any = options.metadata ?? Dictionary.anything
  const schema = Schema.Struct({
    data: options.data,
    metadata,
    createdAtMs: Schema.optional(Schema.Number),
    idleMs: Schema.optional(Schema.NullOr(Schema.Number)),
    owner: Schema.optional(Schema.String)
  })
  // Without a schema of its own, metadata is a record of anything, as the default of M says.
  return schema as unknown as Schema.Schema<Envelope<D, M>, unknown, R | RM>
}

/**
 * The session of an entry, under the id that its holder knows: where ids are hashed, it is not the entry's key.
 *
 * @since 0.1.0
 * @category storing
 */
export const fromEntry = <D, M>(entry: Entry<Envelope<D, M>>, id: string = entry.key): Session<D, M> => ({
  id,
  owner: Option.fromNullable(entry.value.owner),
  data: entry.value.data,
  metadata: entry.value.metadata,
  createdAt: DateTime.unsafeMake(startOf(entry)),
  updatedAt: entry.updatedAt,
  expiresAt: entry.expiresAt,
  version: entry.version
})

/**
 * When a session began, in milliseconds since the epoch, under whatever id.
 *
 * @since 0.1.0
 * @category storing
 */
export const startOf = <D, M>(entry: Entry<Envelope<D, M>>): number => entry.value.createdAtMs ?? entry.createdAtMs

/**
 * Properties laid over those of a record; what is no record, or of a class of its own (a whole), replaces what there is.
 *
 * @since 0.1.0
 * @category changing
 */
export const merge = <A>(current: A, changes: Partial<A> | undefined): A => {
  if (changes === undefined) return current
  const isPart = Predicate.isRecord(current) && Properties.isPlain(changes)
  return isPart ? Properties.over(current, changes) : (changes as A) // A whole.
}
