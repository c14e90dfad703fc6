/**
 * A collection that remembers: each write through it is recorded in the same commit, so that old values can be looked at,
 * compared and restored.
 *
 * Only writes through it are recorded; expiry is none. Its commits do what a collection's do, with a look at the records
 * before: see `HistoryRecords`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as Modification from "../../store/Modification.ts"
import * as Namespace from "../../store/Namespace.ts"
import type {
  EncodeError,
  InvalidKey,
  InvalidOption,
  InvalidTtl,
  ReadError,
  VersionConflict,
  WriteError
} from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import type { SetOptions } from "../../store/Writes.ts"
import * as Collection from "../collection/Collection.ts"
import * as CollectionKeys from "../collection/Keys.ts"
import * as CollectionUpdates from "../collection/Updates.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as HistoryPast from "./Past.ts"
import * as HistoryRecords from "./Records.ts"

export type { Difference, Path } from "./Diff.ts"
export type { Past, Revision } from "./Past.ts"
export { countMax, idBytesMax, type Keep } from "./Records.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<A, I, R, K = string, RK = never> extends Collection.Options<A, I, R, K, RK> {
  /** How many old values are kept, or for how long. */
  readonly keep: HistoryRecords.Keep
}

/**
 * A collection whose writes are recorded.
 *
 * @since 0.1.0
 * @category models
 */
export interface History<A, K = string>
  extends Pick<
    Collection.Collection<A, K>,
    "get" | "getMany" | "exists" | "getOrCreate" | "update" | "patch" | "modify" | "list" | "stream" | "count" | "store"
  > {
  /** Writes a value; with `ifVersion` only if its entry is at that version, or absent. */
  readonly set: {
    (
      id: K,
      value: A,
      options?: Atomic.WriteOptions & { readonly ifVersion?: undefined }
    ): Effect.Effect<Version, ReadError | WriteError>
    (id: K, value: A, options: SetOptions): Effect.Effect<Version, ReadError | WriteError | VersionConflict>
  }
  /** Removes an entry, and tells whether there was one. Its past is kept, with the deletion. */
  readonly delete: (id: K) => Effect.Effect<boolean, ReadError | WriteError | VersionConflict>
  /** Sets how long an entry lives from now, and tells whether there is one. This is no write. */
  readonly expire: (
    id: K,
    ttl: DurationInput,
    options?: Atomic.ExpireOptions
  ) => Effect.Effect<boolean, ReadError | WriteError | VersionConflict>
  /** Removes all entries, one by one, and gives their number. Their past is kept. */
  readonly clear: Effect.Effect<number, ReadError | WriteError | VersionConflict>
  /** Writing a value and recording it, as steps of a commit; to be committed soon. */
  readonly put: (
    id: K,
    value: A,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<Atomic.Steps, ReadError | EncodeError | InvalidKey>
  /** What was written before. */
  readonly history: HistoryPast.Past<A, K>
}

/**
 * A collection with history in a store; the services that its schemas need are taken from the context. What can't be kept
 * is an `InvalidOption` or an `InvalidTtl`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, I, R, K = string, RK = never>(
  id: string,
  options: Options<A, I, R, K, RK>
): Effect.Effect<History<A, K>, InvalidOption | InvalidTtl, StateStore.StateStore | R | RK> =>
  Effect.gen(function* () {
    const collection = yield* Collection.make(id, options)
    const keys = yield* CollectionKeys.make(options.key)
    const values = yield* SchemaCodec.make(options.schema)
    const { store } = collection
    const records = yield* HistoryRecords.make(store, options.keep)
    const label = (key: string) => Namespace.label(store.key(key))

    /** Writes a value over an entry, if there is one, and records it. */
    const write = (
      key: string,
      value: A,
      options: Atomic.WriteOptions,
      current: Option.Option<Entry<unknown, unknown>>
    ) =>
      Effect.gen(function* () {
        const encoded = yield* values.encode(label(key), value)
        const record = yield* records.steps(key, { value: encoded }, records.lifetime(key, options, current))
        const steps: Atomic.Steps = (atomic) => atomic.pipe(Atomic.set(store.key(key), encoded, options), record)
        return steps
      })

    const put = (key: string, value: A, options: Atomic.WriteOptions = {}) =>
      Effect.flatMap(options.ttl === "keep" ? store.get(key) : absent, (current) => write(key, value, options, current))

    /** Writes a value over an entry that is checked, and whose deadline is if it stays. */
    const rewrite = (key: string, value: A, options: Atomic.WriteOptions, current: Option.Option<Entry>) =>
      Effect.gen(function* () {
        if (options.ttl !== "keep" || Option.isNone(current)) return yield* write(key, value, options, current)
        const [kept, unchanged] = yield* records.kept(key, current.value)
        const steps = yield* write(key, value, options, Option.some(kept))
        const both: Atomic.Steps<VersionConflict> = (atomic) => atomic.pipe(unchanged, steps)
        return both
      })

    /** Removes an entry that was read, and records that. */
    const remove = (key: string, options: Atomic.WriteOptions) =>
      Effect.map(
        records.steps(key, { deleted: true }, options),
        (record): Atomic.Steps =>
          (atomic) =>
            atomic.pipe(Atomic.delete(store.key(key)), record)
      )

    /** Reads an entry and commits what follows from it, again if another writer was faster. */
    const change = <B, E, R>(
      key: string,
      attempt: (
        current: Option.Option<Entry>
      ) => Effect.Effect<readonly [B, Atomic.Steps<VersionConflict> | undefined], E, R>
    ) =>
      Modification.untilCommitted(
        store.key(key),
        Effect.gen(function* () {
          const current = yield* store.get(key)
          const [result, steps] = yield* attempt(current)
          if (steps === undefined) return Either.right(result)
          const version = Option.match(current, { onNone: () => "absent" as const, onSome: (entry) => entry.version })
          const unchanged = Atomic.make.pipe(Atomic.check(key, version))
          return yield* Modification.orConflict(Effect.as(store.commit(steps(unchanged)), result))
        })
      )

    const modify: History<A, K>["modify"] = (id, f) =>
      Effect.flatMap(keys.encode(id), (key) =>
        change(key, (current) =>
          Effect.gen(function* () {
            const typed = Option.isNone(current)
              ? Option.none()
              : Option.some(current.value.as(id, yield* values.decode(label(key), current.value.value)))
            const [result, decision] = yield* f(typed)
            if (decision._tag === "Write") {
              return [result, yield* rewrite(key, decision.value, decision.options, current)] as const
            }
            const removes = decision._tag === "Delete" && Option.isSome(current)
            return [result, removes ? yield* remove(key, tombstone) : undefined] as const
          })
        )
      )

    const delete_ = (key: string) =>
      change(key, (current) =>
        Option.isNone(current)
          ? Effect.succeed([false, undefined] as const)
          : Effect.map(remove(key, tombstone), (steps) => [true, steps] as const)
      )

    const tombstone: Atomic.WriteOptions = { ttl: options.keep.duration ?? Number.POSITIVE_INFINITY }

    const self: History<A, K> = {
      ...collection,
      // Without a check there is no conflict: the overloads say so.
      set: ((id, value, { ifVersion, ...options }: SetOptions = {}) =>
        Effect.gen(function* () {
          const key = yield* keys.encode(id)
          const steps = yield* put(key, value, options)
          const checks = ifVersion === undefined ? Atomic.make : Atomic.make.pipe(Atomic.check(key, ifVersion))
          return (yield* store.commit(steps(checks))).version
        })) as History<A, K>["set"],
      modify,
      ...CollectionUpdates.make(modify),
      delete: (id) => Effect.flatMap(keys.encode(id), delete_),
      expire: (id, ttl, options = {}) =>
        Effect.flatMap(keys.encode(id), (key) =>
          change(key, (current) =>
            Option.isNone(current)
              ? Effect.succeed([false, undefined] as const)
              : Effect.map(records.follow(key, ttl, options), (follow) => {
                  const steps: Atomic.Steps<VersionConflict> = (atomic) =>
                    atomic.pipe(Atomic.expire(key, ttl, options), follow)
                  return [true, steps] as const
                })
          )
        ),
      clear: store.keys("*").pipe(
        Stream.mapEffect(delete_, { concurrency: 16 }),
        Stream.runFold(0, (removed, wasThere) => removed + (wasThere ? 1 : 0))
      ),
      put: (id, value, options) => Effect.flatMap(keys.encode(id), (key) => put(key, value, options)),
      history: HistoryPast.make(keys, values, records, label, (id, value, options) =>
        self.set(id, value, options ?? {})
      )
    }
    return self
  })

const absent = Effect.succeed(Option.none<Entry>())

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string, A, I, R, K, RK> extends Context.TagClass<Self, Id, History<A, K>> {
  readonly schema: Schema.Schema<A, I, R>
  readonly layer: Layer.Layer<Self, InvalidOption | InvalidTtl, StateStore.StateStore | R | RK>
}

/**
 * A class that is the tag of a collection with history, with its layer.
 *
 * ```ts
 * import { History, MemoryStore } from "effect-state"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const Page = Schema.Struct({ title: Schema.String, text: Schema.String })
 *
 * class Pages extends History.Tag<Pages>()("Pages", { schema: Page, keep: { count: 20, duration: "90 days" } }) {}
 *
 * const program = Effect.gen(function* () {
 *   const pages = yield* Pages
 *   const first = yield* pages.set("home", { title: "Home", text: "Hello" })
 *   const second = yield* pages.set("home", { title: "Home", text: "" })
 *   yield* pages.history.diff("home", first, second) // text changed from "Hello" to ""
 *   yield* pages.history.restore("home", first)
 *   return yield* pages.history.list("home") // three revisions, the newest first
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Pages.layer.pipe(Layer.provide(MemoryStore.layer())))))
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
    const base = Context.Tag(id)<Self, History<A, K>>()
    return Object.assign(base, { schema: options.schema, layer: Layer.effect(base, make(id, options)) })
  }
