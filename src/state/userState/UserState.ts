/**
 * What a program knows of each user: a dictionary per user, whose keys are set one by one.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Modification from "../../store/Modification.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import * as CollectionKeys from "../collection/Keys.ts"
import * as Dictionary from "../Dictionary.ts"

export type { Stored } from "../Dictionary.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<F extends Dictionary.Fields, K, RK> extends Namespace.Options {
  /** What the values are, by their keys. Default: anything that JSON keeps, under any key. */
  readonly fields?: F | undefined
  /** What the users' ids are, as the text of a key. Default: text. */
  readonly key?: Schema.Schema<K, string, RK> | undefined
  /** The segment of the namespace. Default: the tag's id. */
  readonly namespace?: string | undefined
}

/**
 * Dictionaries of users. Each lives for the `ttl`, 24 hours by default, after it was written last; reading does not prolong it.
 *
 * @since 0.1.0
 * @category models
 */
export interface UserState<D, K = string> {
  /** The user's dictionary: an empty one where none is stored. */
  readonly get: (user: K) => Effect.Effect<D, ReadError>
  /**
   * Sets one key of the user's dictionary, atomically: the others stay as they are, also when somebody else sets one of them
   * at the same time.
   */
  readonly update: <Name extends keyof D>(
    user: K,
    name: Name,
    value: Exclude<D[Name], undefined>
  ) => Effect.Effect<void, ReadError | WriteError | VersionConflict>
  /** Sets the whole dictionary. */
  readonly set: (user: K, state: D) => Effect.Effect<void, WriteError>
  /** Removes one key, atomically, and tells whether it was there. */
  readonly remove: (user: K, name: keyof D) => Effect.Effect<boolean, ReadError | WriteError | VersionConflict>
  /** Forgets the user, and tells whether anything was known. */
  readonly clear: (user: K) => Effect.Effect<boolean, WriteError>
  /** The namespace that the dictionaries lie in, undecoded. */
  readonly store: StateStore.Service
}

/**
 * Dictionaries of users in a store; the services that the schemas need are taken from the context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <F extends Dictionary.Fields = Dictionary.Fields, K = string, RK = never>(
  id: string,
  { fields, key, namespace, ttl = "24 hours", ...options }: Options<F, K, RK> = {}
): Effect.Effect<UserState<Dictionary.Dictionary<F>, K>, never, StateStore.StateStore | Dictionary.Services<F> | RK> =>
  Effect.gen(function* () {
    type D = Dictionary.Dictionary<F>
    const store = (yield* StateStore.StateStore).namespace(namespace ?? id, { ...options, ttl })
    const codec = yield* Dictionary.codec(Dictionary.schema(fields))
    const keys = yield* CollectionKeys.make(key)
    const label = (key: string) => Namespace.label(store.key(key))

    const self: UserState<D, K> = {
      get: (user) =>
        Effect.gen(function* () {
          const key = yield* keys.encode(user)
          const entry = yield* store.get(key)
          return yield* codec.decode(
            label(key),
            Option.map(entry, ({ value }) => value)
          )
        }),
      update: (user, name, value) =>
        Effect.gen(function* () {
          const key = yield* keys.encode(user)
          const one: object = { [name]: value }
          const encoded = yield* codec.encode(label(key), one)
          yield* store.modify(key, (entry) =>
            Effect.succeed([undefined, Modification.write(Dictionary.patched(entry, encoded), { ttl })])
          )
        }),
      set: (user, state) =>
        Effect.gen(function* () {
          const key = yield* keys.encode(user)
          yield* store.set(key, yield* codec.encode(label(key), state))
        }),
      remove: (user, name) =>
        Effect.flatMap(keys.encode(user), (key) =>
          store.modify(key, (entry) => {
            if (!Object.hasOwn(Dictionary.storedIn(entry), name)) return Effect.succeed([false, Modification.keep])
            const rest = Dictionary.without(entry, String(name))
            return Effect.succeed([true, Modification.write(rest, { ttl })])
          })
        ),
      clear: (user) => Effect.flatMap(keys.encode(user), (key) => store.delete(key)),
      store
    }
    return self
  })

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string, D, K, R> extends Context.TagClass<Self, Id, UserState<D, K>> {
  readonly layer: Layer.Layer<Self, never, StateStore.StateStore | R>
}

/**
 * A class that is the tag of an application's dictionaries of users, with its layer.
 *
 * ```ts
 * import { MemoryStore, UserState } from "effect-state"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class Users extends UserState.Tag<Users>()("Users", {
 *   fields: { lastMessage: Schema.String, language: Schema.Literal("de", "en") }
 * }) {}
 *
 * const program = Effect.gen(function* () {
 *   const users = yield* Users
 *   yield* users.update("ada", "lastMessage", "Hello")
 *   yield* users.update("ada", "language", "en")
 *   return yield* users.get("ada") // { lastMessage: "Hello", language: "en" }
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
  <const Id extends string, F extends Dictionary.Fields = Dictionary.Fields, K = string, RK = never>(
    id: Id,
    options: Options<F, K, RK> = {}
  ): TagClass<Self, Id, Dictionary.Dictionary<F>, K, Dictionary.Services<F> | RK> => {
    const base = Context.Tag(id)<Self, UserState<Dictionary.Dictionary<F>, K>>()
    return Object.assign(base, { layer: Layer.effect(base, make(id, options)) })
  }
