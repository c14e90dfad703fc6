/**
 * Entries of one type, by schema, in a namespace of their own.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Lock from "../../coordination/lock/Lock.ts"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import type { KeyRange } from "../../store/KeyRange.ts"
import type * as Modification from "../../store/Modification.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { Item, OnInvalid, Page, PageOptions } from "../../store/Reads.ts"
import type {
  DecodeError,
  EncodeError,
  InvalidKey,
  ReadError,
  VersionConflict,
  WriteError
} from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import type { SetOptions } from "../../store/Writes.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as CollectionKeys from "./Keys.ts"
import * as CollectionUpdates from "./Updates.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<A, I, R, K = string, RK = never> extends Namespace.Options {
  /** What the values are. */
  readonly schema: Schema.Schema<A, I, R>
  /** What the ids are, as the text of a key. Default: text. */
  readonly key?: Schema.Schema<K, string, RK> | undefined
  /** The segment of the namespace. Default: the collection's id. */
  readonly namespace?: string | undefined
}

/**
 * Entries of one type. What is stored is what the schema encodes; what comes back was decoded by it, and a stored value
 * that it refuses is a `DecodeError` with the key and the schema's issue.
 *
 * @since 0.1.0
 * @category models
 */
export interface Collection<A, K = string> {
  /** The entry of an id. */
  readonly get: (id: K) => Effect.Effect<Option.Option<Entry<A, K>>, ReadError>
  /** The entries of some ids, in their order. `onInvalid` defaults to `"fail"`. */
  readonly getMany: <Invalid extends OnInvalid = "fail">(
    ids: ReadonlyArray<K>,
    options?: { readonly onInvalid?: Invalid | undefined }
  ) => Effect.Effect<ReadonlyArray<Item<Option.Option<Entry<A, K>>, Invalid>>, ReadError>
  /** Whether there is an entry. */
  readonly exists: (id: K) => Effect.Effect<boolean, ReadError>
  /** Writes a value; with `ifVersion` only if its entry is at that version, or absent. */
  readonly set: {
    (
      id: K,
      value: A,
      options?: Atomic.WriteOptions & { readonly ifVersion?: undefined }
    ): Effect.Effect<Version, WriteError>
    (id: K, value: A, options: SetOptions): Effect.Effect<Version, WriteError | VersionConflict>
  }
  /** The value of an id or, where there is none, the one that is made and written now; two callers get the same. */
  readonly getOrCreate: <E, R>(
    id: K,
    make: Effect.Effect<A, E, R>,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<A, E | ReadError | WriteError | VersionConflict, R>
  /** Changes a value by a function, atomically, and gives the new one; nothing where there is none. The deadline stays. */
  readonly update: (
    id: K,
    f: (current: A) => A,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<Option.Option<A>, ReadError | WriteError | VersionConflict>
  /** {@link Collection.update} of some properties: those not named stay as they are, also when another patch changes them. */
  readonly patch: (
    id: K,
    properties: Partial<A>,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<Option.Option<A>, ReadError | WriteError | VersionConflict>
  /** Shows the current value to a function, and does what it decides: see `StateStore`'s `modify`. */
  readonly modify: <B, E, R>(
    id: K,
    f: (current: Option.Option<Entry<A, K>>) => Effect.Effect<readonly [B, Modification.Modification<A>], E, R>
  ) => Effect.Effect<B, E | ReadError | WriteError | VersionConflict, R>
  /**
   * Locks an entry, shows it to a function, and does what it decides: as `modify`, for a function that takes long or must not
   * run twice. It waits up to 10 seconds for the lock unless told otherwise, and never reruns: a writer who did not
   * take the lock is a `VersionConflict`.
   */
  readonly withEntry: (
    id: K,
    options?: Lock.Options
  ) => <B, E, R>(
    f: (
      current: Option.Option<Entry<A, K>>,
      lease: Lock.Lease
    ) => Effect.Effect<readonly [B, Modification.Modification<A>], E, R>
  ) => Effect.Effect<B, E | Lock.AcquireError | Lock.LockLost | VersionConflict, R>
  /** Removes an entry, and tells whether there was one. */
  readonly delete: (id: K) => Effect.Effect<boolean, WriteError>
  /** Sets how long an entry lives from now, and tells whether there is one. */
  readonly expire: (id: K, ttl: DurationInput, options?: Atomic.ExpireOptions) => Effect.Effect<boolean, WriteError>
  /** Some entries, in the order of their keys. */
  readonly list: <Invalid extends OnInvalid = "fail">(
    options?: PageOptions<Invalid> & { readonly range?: KeyRange | undefined }
  ) => Effect.Effect<Page<Item<Entry<A, K>, Invalid>>, ReadError>
  /** All entries, or those of a range, read page by page. */
  readonly stream: <Invalid extends OnInvalid = "fail">(
    options?: Omit<PageOptions<Invalid>, "limit"> & { readonly range?: KeyRange | undefined }
  ) => Stream.Stream<Item<Entry<A, K>, Invalid>, ReadError>
  /** How many entries there are. */
  readonly count: Effect.Effect<number, ReadError>
  /** Removes all entries, batch by batch, and gives their number. */
  readonly clear: Effect.Effect<number, ReadError | WriteError>
  /** Writing a value, as a step of a commit. */
  readonly put: (
    id: K,
    value: A,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<Atomic.Steps, EncodeError | InvalidKey>
  /** The namespace that the collection lies in, undecoded. */
  readonly store: StateStore.Service
}

/**
 * A collection in a store; the services that its schemas need are taken from the context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, I, R, K = string, RK = never>(
  id: string,
  options: Options<A, I, R, K, RK>
): Effect.Effect<Collection<A, K>, never, StateStore.StateStore | R | RK> =>
  Effect.gen(function* () {
    const store = (yield* StateStore.StateStore).namespace(options.namespace ?? id, options)
    const values = yield* SchemaCodec.make(options.schema)
    const keys = yield* CollectionKeys.make(options.key)
    const label = (key: string) => Namespace.label(store.key(key))

    const decode = (entry: Entry): Effect.Effect<Entry<A, K>, DecodeError> => {
      const labelled = () => label(entry.key)
      return SchemaCodec.flatMap(keys.decode(labelled, entry.key), (key) =>
        SchemaCodec.flatMap(values.decode(labelled, entry.value), (value) => Either.right(entry.as(key, value)))
      )
    }
    const decodeOption = (found: Option.Option<Entry>): Effect.Effect<Option.Option<Entry<A, K>>, DecodeError> =>
      Option.isNone(found)
        ? none
        : SchemaCodec.flatMap(decode(found.value), (entry) => Either.right(Option.some(entry)))
    const encode = (key: string, value: A) => values.encode(() => label(key), value)

    const modify: Collection<A, K>["modify"] = (id, f) =>
      Effect.flatMap(keys.encode(id), (key) =>
        store.modify(key, (current) =>
          Effect.gen(function* () {
            const [result, decision] = yield* f(yield* decodeOption(current))
            if (decision._tag !== "Write") return [result, decision] as const
            return [result, { ...decision, value: yield* encode(key, decision.value) }] as const
          })
        )
      )

    const collection: Collection<A, K> = {
      get: (id) => SchemaCodec.flatMap(keys.encode(id), (key) => Effect.flatMap(store.get(key), decodeOption)),
      getMany: (ids, options) =>
        Effect.forEach(ids, keys.encode).pipe(
          Effect.flatMap((keys) => store.getMany(keys, { onInvalid: "either" })),
          Effect.flatMap((items) =>
            settle(items, decodeOption, options?.onInvalid, (items) =>
              items.map((item) => Either.getOrElse(item, Option.none))
            )
          )
        ),
      exists: (id) => Effect.flatMap(keys.encode(id), store.exists),
      // Without a check there is no conflict: the overloads say so.
      set: ((id, value, options) =>
        Effect.suspend(() =>
          SchemaCodec.flatMap(keys.encode(id), (key) =>
            SchemaCodec.flatMap(encode(key, value), (value) => store.set(key, value, options ?? {}))
          )
        )) as Collection<A, K>["set"],
      modify,
      ...CollectionUpdates.make(modify),
      withEntry: (id, options) => (f) =>
        Effect.flatMap(keys.encode(id), (key) => {
          const locked = Lock.withLockOn(store, key, options)
          return locked((lease) =>
            Effect.gen(function* () {
              const current = yield* store.get(key)
              const [result, decision] = yield* f(yield* decodeOption(current), lease)
              if (decision._tag === "Keep") return result
              const version = Option.match(current, {
                onNone: () => "absent" as const,
                onSome: ({ version }) => version
              })
              const change =
                decision._tag === "Delete"
                  ? Atomic.delete(key)
                  : Atomic.set(key, yield* encode(key, decision.value), decision.options)
              yield* Lock.commitOn(store, lease, Atomic.make.pipe(Atomic.check(key, version), change))
              return result
            })
          )
        }),
      delete: (id) => Effect.flatMap(keys.encode(id), (key) => store.delete(key)),
      expire: (id, ttl, options) => Effect.flatMap(keys.encode(id), (key) => store.expire(key, ttl, options)),
      list: ({ range, ...options } = {}) =>
        Effect.gen(function* () {
          const { entries, next } = yield* store.page(range ?? {}, { ...options, onInvalid: "either" })
          return { entries: yield* settle(entries, decode, options.onInvalid, Arr.getRights), next }
        }),
      stream: ({ range, ...options } = {}) =>
        Stream.mapChunksEffect(store.entries(range ?? {}, { ...options, onInvalid: "either" }), (entries) =>
          Effect.map(
            settle(Chunk.toReadonlyArray(entries), decode, options.onInvalid, Arr.getRights),
            Chunk.unsafeFromArray
          )
        ),
      count: store.count({}),
      clear: store.clear({}),
      put: (id, value, options) =>
        Effect.gen(function* () {
          const key = yield* keys.encode(id)
          return Atomic.set(store.key(key), yield* encode(key, value), options)
        }),
      store
    }
    return collection
  })

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string, A, I, R, K, RK>
  extends Context.TagClass<Self, Id, Collection<A, K>> {
  readonly schema: Schema.Schema<A, I, R>
  readonly layer: Layer.Layer<Self, never, StateStore.StateStore | R | RK>
}

/**
 * A class that is a collection's tag, with its layer.
 *
 * ```ts
 * import { Collection, MemoryStore } from "effect-state"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const User = Schema.Struct({ name: Schema.String, visits: Schema.Number })
 *
 * class Users extends Collection.Tag<Users>()("Users", { schema: User, ttl: "30 days" }) {}
 *
 * const program = Effect.gen(function* () {
 *   const users = yield* Users
 *   yield* users.set("ada", { name: "Ada", visits: 0 })
 *   return yield* users.update("ada", (user) => ({ ...user, visits: user.visits + 1 }))
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
  <const Id extends string, A, I, R, K = string, RK = never>(
    id: Id,
    options: Options<A, I, R, K, RK>
  ): TagClass<Self, Id, A, I, R, K, RK> => {
    const base = Context.Tag(id)<Self, Collection<A, K>>()
    return Object.assign(base, { schema: options.schema, layer: Layer.effect(base, make(id, options)) })
  }

const none = Effect.succeed(Option.none<never>())

/** Decodes what could be read, and deals with what can't be as `onInvalid` says; `skip` drops the failures. */
const settle = <A, B, Invalid extends OnInvalid>(
  items: ReadonlyArray<Either.Either<A, DecodeError>>,
  decode: (item: A) => Effect.Effect<B, DecodeError>,
  onInvalid: Invalid | undefined,
  skip: (items: ReadonlyArray<Either.Either<B, DecodeError>>) => ReadonlyArray<B>
): Effect.Effect<ReadonlyArray<Item<B, Invalid>>, DecodeError> => {
  const decoded = Effect.forEach(items, (item) => Effect.either(Effect.flatMap(item, decode)))
  const settled = Effect.flatMap(decoded, (items): Either.Either<ReadonlyArray<unknown>, DecodeError> => {
    if (onInvalid === "either") return Either.right(items)
    return onInvalid === "skip" ? Either.right(skip(items)) : Either.all(items)
  })
  // Item says the same: "either" hands over the items, anything else their values.
  return settled as Effect.Effect<ReadonlyArray<Item<B, Invalid>>, DecodeError>
}
