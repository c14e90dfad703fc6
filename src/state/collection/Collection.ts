/**
 * Entries of one type, by schema, in a namespace of their own.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Lock from "../../coordination/lock/Lock.ts"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { Item, OnInvalid } from "../../store/Reads.ts"
import type { DecodeError } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as CollectionKeys from "./Keys.ts"
import type { Collection, Options } from "./Model.ts"
import * as CollectionUpdates from "./Updates.ts"

export type { Collection, Options } from "./Model.ts"

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
