/**
 * A collection of a versioned schema that writes back what a read upgraded.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import { Entry } from "../../store/Entry.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { DecodeError, ReadError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Collection from "../collection/Collection.ts"
import * as CollectionKeys from "../collection/Keys.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as Migration from "./Migration.ts"
import type { MigrationFailed, NewerVersion } from "./MigrationError.ts"
import * as Versioned from "./Versioned.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<A, R, P extends Versioned.Past, K = string, RK = never>
  extends Omit<Collection.Options<A, unknown, R, K, RK>, "schema"> {
  /** What the values are, and were. */
  readonly schema: Versioned.Versioned<A, R, P>
  /** Whether `get` writes back what it upgraded. Default `true`. */
  readonly writeBack?: boolean | undefined
}

/**
 * A collection that knows the versions of its values. What can be done with a collection can be done with it; the other reads
 * upgrade what they give, too, and tell a failed step or a newer version as a `DecodeError`: see `Versioned.failureOf`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Migrated<A, K = string> extends Omit<Collection.Collection<A, K>, "get"> {
  /**
   * The entry of an id, in the newest version. One that was upgraded is written back by compare-and-set, its deadline kept:
   * if another writer comes in between, what he wrote stays. A read does not fail because writing back does: that is a
   * warning in the log.
   */
  readonly get: (id: K) => Effect.Effect<Option.Option<Entry<A, K>>, ReadError | MigrationFailed | NewerVersion>
  /** Upgrades all entries: see `Migration.migrateAll`. */
  readonly migrateAll: (
    options?: Omit<Migration.Options, "at">
  ) => Effect.Effect<Migration.Report, Migration.MigrateError>
  /** Where `migrateAll` puts what no version takes. */
  readonly quarantine: Migration.Quarantine
}

/**
 * A collection of versions in a store; the services that its schemas need are taken from the context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, R, P extends Versioned.Past, K = string, RK = never>(
  id: string,
  options: Options<A, R, P, K, RK>
): Effect.Effect<Migrated<A, K>, never, StateStore.StateStore | R | RK> =>
  Effect.gen(function* () {
    const { schema, writeBack = true } = options
    const collection = yield* Collection.make(id, options)
    const services = yield* Effect.context<R>()
    const keys = yield* CollectionKeys.make(options.key)
    const values = yield* SchemaCodec.make(schema)
    const quarantine = yield* Migration.quarantine(collection.store)
    const { store } = collection
    const label = (key: string) => Namespace.label(store.key(key))

    /** Writes an upgraded value where the old one was, if it still is. */
    const replace = (id: K, { createdAtMs, expiresAtMs, key, version }: Entry, value: A) =>
      Effect.gen(function* () {
        const encoded = yield* values.encode(label(key), value)
        const replaced = Atomic.make.pipe(Atomic.check(key, version), Atomic.set(key, encoded, { ttl: "keep" }))
        const committed = yield* store.commit(replaced)
        return new Entry(id, value, committed.version, createdAtMs, committed.atMs, expiresAtMs)
      })

    const read = (id: K, entry: Entry): Effect.Effect<Entry<A, K>, DecodeError | MigrationFailed | NewerVersion> =>
      Effect.flatMap(
        Effect.mapError(values.decode(label(entry.key), entry.value), (error) =>
          Option.getOrElse(Versioned.failureOf(error), () => error)
        ),
        (value) => {
          const asRead = entry.as(id, value)
          if (!writeBack || schema.isCurrent(entry.value)) return Effect.succeed(asRead)
          return replace(id, entry, value).pipe(
            Effect.catchTag("VersionConflict", () => Effect.succeed(asRead)),
            Effect.catchAll((error) =>
              Effect.as(Effect.logWarning(`An upgraded value could not be written back: ${error.message}`), asRead)
            )
          )
        }
      )

    return {
      ...collection,
      get: (id) =>
        Effect.flatMap(keys.encode(id), (key) =>
          Effect.flatMap(
            store.get(key),
            Option.match({ onNone: () => Effect.succeedNone, onSome: (entry) => Effect.asSome(read(id, entry)) })
          )
        ),
      migrateAll: (options) => Effect.provide(Migration.migrateAll(store, schema, options), services),
      quarantine
    }
  })

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string, A, R, P extends Versioned.Past, K, RK>
  extends Context.TagClass<Self, Id, Migrated<A, K>> {
  readonly schema: Versioned.Versioned<A, R, P>
  readonly layer: Layer.Layer<Self, never, StateStore.StateStore | R | RK>
}

/**
 * A class that is the tag of a collection of versions, with its layer.
 *
 * ```ts
 * import { MemoryStore, Migrated, Versioned } from "effect-state"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const User = Versioned.make(Schema.Struct({ name: Schema.String }))
 *   .next(Schema.Struct({ name: Schema.String, visits: Schema.Number }), (user) => ({ ...user, visits: 0 }))
 *
 * class Users extends Migrated.Tag<Users>()("Users", { schema: User }) {}
 *
 * const program = Effect.gen(function* () {
 *   const users = yield* Users
 *   yield* users.store.set("ada", { "~v": "1", value: { name: "Ada" } })
 *   yield* users.get("ada") // upgraded, and written back
 *   return yield* users.migrateAll() // what nobody has read yet
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Users.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <const Id extends string, A, R, P extends Versioned.Past, K = string, RK = never>(
    id: Id,
    options: Options<A, R, P, K, RK>
  ): TagClass<Self, Id, A, R, P, K, RK> => {
    const base = Context.Tag(id)<Self, Migrated<A, K>>()
    return Object.assign(base, { schema: options.schema, layer: Layer.effect(base, make(id, options)) })
  }
