/**
 * Items in namespaces, over a store.
 *
 * @since 0.1.0
 */
import type {
  GetOperation,
  Item,
  ListNamespacesOperation,
  PutOperation,
  SearchOperation
} from "@langchain/langgraph-checkpoint"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Concurrent from "../../store/Concurrent.ts"
import type { Entry } from "../../store/Entry.ts"
import type { KeyRange } from "../../store/KeyRange.ts"
import type { PageCursor } from "../../store/PageCursor.ts"
import { type BatchError, DecodeError, type ReadError, Unsupported, type WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Filter from "./Filter.ts"
import * as ItemKeys from "./ItemKeys.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Items {
  /** The item of a key. */
  readonly get: (operation: GetOperation) => Effect.Effect<Item | null, ReadError | WriteError>
  /** Items below a namespace, in the order of their keys. */
  readonly search: (operation: SearchOperation) => Effect.Effect<Array<Item>, ReadError | WriteError | TypeError>
  /** Namespaces that have items, in the order of their items' keys. */
  readonly namespaces: (operation: Partial<ListNamespacesOperation>) => Effect.Effect<Array<Array<string>>, ReadError>
  /** Writes and removes items, each for itself; of two to one key the later counts. */
  readonly put: (operations: ReadonlyArray<PutOperation>) => Effect.Effect<void, WriteError>
}

/**
 * @since 0.1.0
 * @category options
 */
export interface Lifetime {
  readonly ttl: DurationInput | undefined
  readonly refreshOnRead: boolean
}

/** How many entries a search reads at once, at most. */
const pageLimitMax = 256

/**
 * The items of a namespace.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (store: StateStore.Service, { refreshOnRead, ttl }: Lifetime): Items => {
  const item = (entry: Entry): Effect.Effect<Item, DecodeError> =>
    Predicate.isRecord(entry.value)
      ? Effect.succeed({
          ...ItemKeys.parse(entry.key),
          value: entry.value,
          createdAt: new Date(entry.createdAtMs),
          updatedAt: new Date(entry.updatedAtMs)
        })
      : Effect.fail(new DecodeError({ key: entry.key, reason: "an item's value is a record" }))

  /** Lets what was read live on. */
  const refresh = (entries: ReadonlyArray<Entry>) =>
    refreshOnRead && ttl !== undefined
      ? Effect.asVoid(Concurrent.forEach(entries, 16, ({ key }) => store.expire(key, ttl)))
      : Effect.void

  const found = (range: KeyRange, pageLimit: number) =>
    Stream.paginateChunkEffect(undefined as PageCursor | undefined, (after) =>
      Effect.map(
        store.page(range, { after, limit: pageLimit }),
        ({ entries, next }) => [Chunk.unsafeFromArray(entries), next] as const
      )
    )

  const search: Items["search"] = ({ filter, limit = 10, namespacePrefix, offset = 0, query }) =>
    Effect.gen(function* () {
      if (query) return yield* semantic
      const isWanted = yield* Filter.make(filter)
      const pageLimit = filter === undefined ? Math.max(1, Math.min(offset + limit, pageLimitMax)) : pageLimitMax
      const entries = yield* found(ItemKeys.below(namespacePrefix), pageLimit).pipe(
        Stream.filter(({ value }) => Predicate.isRecord(value) && isWanted(value)),
        Stream.drop(offset),
        Stream.take(limit),
        Stream.runCollect,
        Effect.map(Chunk.toReadonlyArray)
      )
      yield* refresh(entries)
      return yield* Effect.forEach(entries, item)
    })

  const semantic = Effect.flatMap(store.stats, ({ backend }) =>
    Effect.fail(new Unsupported({ operation: "search", backend, reason: "it has no vectors to search by a query" }))
  )

  const namespaces: Items["namespaces"] = ({ limit, matchConditions = [], maxDepth, offset = 0 }) => {
    const root = ItemKeys.common(matchConditions)
    // What lies deeper is one with its namespace at that depth, unless a condition asks how it ends.
    const isWhole = (labels: ReadonlyArray<string>) =>
      maxDepth !== undefined &&
      labels.length >= Math.max(maxDepth, root.length) &&
      matchConditions.every(({ matchType, path }) => matchType === "prefix" && path.length <= maxDepth)
    return Stream.unfoldEffect(ItemKeys.below(root), (range) =>
      Effect.map(store.page(range, { limit: 1 }), ({ entries }) =>
        Option.map(Arr.head(entries), ({ key }) => {
          const { namespace } = ItemKeys.parse(key)
          const skips = isWhole(namespace)
          return [namespace, ItemKeys.behind(root, skips ? namespace.slice(0, maxDepth) : namespace, skips)] as const
        })
      )
    ).pipe(
      Stream.filter((labels) => matchConditions.every((condition) => ItemKeys.matches(condition)(labels))),
      Stream.map((labels) => labels.slice(0, maxDepth)),
      Stream.changesWith((a, b) => ItemKeys.make(a, "") === ItemKeys.make(b, "")),
      Stream.drop(offset),
      Stream.take(limit ?? Number.POSITIVE_INFINITY),
      Stream.runCollect,
      Effect.map((all) => Array.from(all))
    )
  }

  const put: Items["put"] = (operations) => {
    const last = new Map(operations.map(({ key, namespace, value }) => [ItemKeys.make(namespace, key), value]))
    const [removed, written] = Arr.partitionMap(Array.from(last), ([key, value]) =>
      value === null ? Either.left(key) : Either.right({ key, value, ttl })
    )
    return Effect.asVoid(Concurrent.both(each(store.setMany(written)), each(store.deleteMany(removed))))
  }

  return {
    get: ({ key, namespace }) =>
      Effect.flatMap(
        store.get(ItemKeys.make(namespace, key)),
        Option.match({
          onNone: () => Effect.succeed(null),
          onSome: (entry) => Effect.zipRight(refresh([entry]), item(entry))
        })
      ),
    search,
    namespaces,
    put
  }
}

/** Fails as the first that failed. */
const each = <A>(batch: Effect.Effect<A, BatchError<unknown>>): Effect.Effect<void, WriteError> =>
  Effect.catchTag(
    Effect.asVoid(batch),
    "BatchError",
    ({ results }) => Effect.failSync(() => Arr.getLefts(results)[0] as WriteError) // At least one.
  )
