/**
 * Reading, derived from a backend's `read`, `scan` and `count`.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ReadResult, ScanOptions, Select } from "./Backend.ts"
import type { Entry } from "./Entry.ts"
import type { FullKey } from "./Key.ts"
import * as KeyRange from "./KeyRange.ts"
import * as Namespace from "./Namespace.ts"
import * as PageCursor from "./PageCursor.ts"
import * as Pattern from "./Pattern.ts"
import { type DecodeError, InvalidRange, type ReadError, type StoreError } from "./StateError.ts"
import * as View from "./View.ts"

/**
 * What to do with an entry that can't be decoded: fail with its `DecodeError`, leave it out (`get` and `getMany`: as if it
 * was absent), or hand over an `Either` for each.
 *
 * @since 0.1.0
 * @category models
 */
export type OnInvalid = "fail" | "skip" | "either"

/**
 * An item as `onInvalid` makes it.
 *
 * @since 0.1.0
 * @category models
 */
export type Item<A, Invalid extends OnInvalid> = Invalid extends "either" ? Either.Either<A, DecodeError> : A

/**
 * @since 0.1.0
 * @category models
 */
export interface PageOptions<Invalid extends OnInvalid = OnInvalid> {
  /** How many entries at most, 1 to {@link pageLimitMax}. Default 100. */
  readonly limit?: number | undefined
  /** The `next` of the page before. */
  readonly after?: PageCursor.PageCursor | undefined
  readonly reverse?: boolean | undefined
  readonly onInvalid?: Invalid | undefined
}

/**
 * Some entries of a range, in order; `next` is there unless the range ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Page<A> {
  readonly entries: ReadonlyArray<A>
  readonly next: Option.Option<PageCursor.PageCursor>
}

/**
 * The most entries of one page.
 *
 * @since 0.1.0
 * @category limits
 */
export const pageLimitMax = 1_000

/** How many entries a stream reads at once. */
const streamPageLimit = 256

/**
 * @since 0.1.0
 * @category reading
 */
export const get = (view: View.View, key: string | FullKey): Effect.Effect<Option.Option<Entry>, ReadError> =>
  read(view, "get", key, "entry", entryOf)

/**
 * @since 0.1.0
 * @category reading
 */
export const exists = (view: View.View, key: string | FullKey): Effect.Effect<boolean, ReadError> =>
  read(view, "exists", key, "meta", presenceOf)

/**
 * @since 0.1.0
 * @category reading
 */
export const getMany = <Invalid extends OnInvalid = "fail">(
  view: View.View,
  keys: ReadonlyArray<string | FullKey>,
  onInvalid: Invalid | undefined
): Effect.Effect<ReadonlyArray<Item<Option.Option<Entry>, Invalid>>, ReadError> =>
  Effect.gen(function* () {
    const fulls = keys.map((key) => View.fullKey(view, key))
    for (const full of fulls) {
      const problem = View.problem(view, "getMany", full)
      if (problem !== undefined) return yield* problem
    }
    const batches = Arr.chunksOf(fulls, view.backend.capabilities.batchReadsMax)
    const results = yield* View.reach(view, (backend) =>
      Effect.forEach(batches, (batch) => backend.read(batch, "entry"))
    )
    const items: Array<Either.Either<Option.Option<Entry>, DecodeError>> = []
    const found = results.flat()
    for (const [i, full] of fulls.entries()) {
      const result = found[i]
      if (result?._tag === "Fault") return yield* View.storeError(view, "getMany", result)
      const item = decodeOption(View.at(view, full), full.local, result)
      items.push(Either.isLeft(item) && onInvalid === "skip" ? absent : item)
    }
    return yield* settle(items, onInvalid)
  })

/**
 * @since 0.1.0
 * @category reading
 */
export const page = <Invalid extends OnInvalid = "fail">(
  view: View.View,
  range: KeyRange.KeyRange,
  options: PageOptions<Invalid> = {}
): Effect.Effect<Page<Item<Entry, Invalid>>, ReadError> =>
  Effect.gen(function* () {
    const full = yield* KeyRange.resolve(view.namespace, range)
    const limit = yield* checkLimit(options.limit ?? 100)
    const reverse = options.reverse ?? false
    const after = options.after === undefined ? undefined : yield* PageCursor.decode(full, reverse, options.after)
    const { items, more } = yield* scan(view, "page", full, { after, limit, reverse, select: "entry" })
    const decoded = items.map((item) => decode(view, Namespace.localKey(view.namespace, item.key), item))
    const kept = options.onInvalid === "skip" ? decoded.filter(Either.isRight) : decoded
    const last = items.at(-1)
    return {
      entries: yield* settle(kept, options.onInvalid),
      next: more && last ? Option.some(PageCursor.encode(full, reverse, last.key)) : Option.none()
    }
  })

/**
 * @since 0.1.0
 * @category reading
 */
export const entries = <Invalid extends OnInvalid = "fail">(
  view: View.View,
  range: KeyRange.KeyRange,
  options: Omit<PageOptions<Invalid>, "limit"> = {}
): Stream.Stream<Item<Entry, Invalid>, ReadError> =>
  Stream.paginateChunkEffect(Option.fromNullable(options.after), (after) =>
    Effect.map(
      page(view, range, { ...options, limit: streamPageLimit, after: Option.getOrUndefined(after) }),
      ({ entries, next }) => [Chunk.unsafeFromArray(entries), Option.map(next, Option.some)] as const
    )
  )

/**
 * @since 0.1.0
 * @category reading
 */
export const keys = (view: View.View, pattern: string): Stream.Stream<string, ReadError> =>
  Either.match(
    Either.bindTo(Pattern.parse(pattern), "pattern").pipe(
      Either.bind("range", ({ pattern }) => KeyRange.resolve(view.namespace, KeyRange.prefix(pattern.prefix)))
    ),
    {
      onLeft: Stream.fail,
      onRight: ({ pattern, range }) => Stream.filter(fullKeys(view, "keys", range, pageLimitMax), pattern.matches)
    }
  )

/**
 * The keys of a range of full keys, page by page.
 *
 * @since 0.1.0
 * @category reading
 */
export const fullKeys = (
  view: View.View,
  operation: string,
  range: KeyRange.FullRange,
  limit: number
): Stream.Stream<string, StoreError> =>
  Stream.paginateChunkEffect(undefined as string | undefined, (after) =>
    Effect.map(scan(view, operation, range, { after, limit, reverse: false, select: "meta" }), ({ items, more }) => [
      Chunk.map(Chunk.unsafeFromArray(items), (item) => Namespace.localKey(view.namespace, item.key)),
      more ? Option.map(Arr.last(items), (item) => item.key) : Option.none()
    ])
  )

/**
 * @since 0.1.0
 * @category reading
 */
export const count = (view: View.View, range: KeyRange.KeyRange): Effect.Effect<number, ReadError> =>
  Effect.flatMap(KeyRange.resolve(view.namespace, range), (full) =>
    Effect.mapError(
      View.reach(view, (backend) => backend.count(full)),
      (fault) => View.storeError(view, "count", fault)
    )
  )

const scan = (view: View.View, operation: string, range: KeyRange.FullRange, options: ScanOptions) =>
  Effect.mapError(
    View.reach(view, (backend) => backend.scan(range, options)),
    (fault) => View.storeError(view, operation, fault)
  )

/** Reads one key; `settle` makes of what lies there what the caller gets. */
const read = <A>(
  view: View.View,
  operation: string,
  key: string | FullKey,
  select: Select,
  settle: Settle<A>
): Effect.Effect<A, ReadError> => {
  const full = View.fullKey(view, key)
  const problem = View.problem(view, operation, full)
  if (problem !== undefined) return Effect.fail(problem)
  const { now } = view.access
  if (now === undefined) return readLater(view, full, select, settle)
  return Effect.suspend(() => {
    const result = now.read(full, select)
    return result === "later" ? readLater(view, full, select, settle) : settle(view, full, result)
  })
}

type Settle<A> = (view: View.View, full: FullKey, result: ReadResult) => Effect.Effect<A, ReadError>

const readLater = <A>(view: View.View, full: FullKey, select: Select, settle: Settle<A>) =>
  View.reach(view, (_, access) => access.read(full, select, (result) => settle(view, full, result)))

const entryOf: Settle<Option.Option<Entry>> = (view, full, result) => {
  if (result === undefined) return Effect.succeedNone
  if (result._tag === "Fault") return Effect.fail(View.storeError(view, "get", result))
  const entry = View.decode(View.at(view, full), full.local, result)
  return entry instanceof Error ? Effect.fail(entry) : Effect.succeed(Option.some(entry))
}

const presenceOf: Settle<boolean> = (view, _full, result) =>
  result?._tag === "Fault" ? Effect.fail(View.storeError(view, "exists", result)) : Effect.succeed(result !== undefined)

const decodeOption = (
  view: View.View,
  key: string,
  result: Exclude<ReadResult, { readonly _tag: "Fault" }>
): Either.Either<Option.Option<Entry>, DecodeError> =>
  result === undefined ? absent : Either.map(decode(view, key, result), Option.some)

const decode = (...args: Parameters<typeof View.decode>): Either.Either<Entry, DecodeError> => {
  const entry = View.decode(...args)
  return entry instanceof Error ? Either.left(entry) : Either.right(entry)
}

const absent = Either.right(Option.none<Entry>())

/** Fails with the first that can't be decoded, or hands over what each became. */
const settle = <A, Invalid extends OnInvalid>(
  items: ReadonlyArray<Either.Either<A, DecodeError>>,
  onInvalid: Invalid | undefined
): Either.Either<ReadonlyArray<Item<A, Invalid>>, DecodeError> => {
  // Item says the same: "either" hands over the items, anything else their values.
  const settled: Either.Either<ReadonlyArray<unknown>, DecodeError> = onInvalid === "either"
    ? Either.right(items)
    : Either.all(items)
  return settled as Either.Either<ReadonlyArray<Item<A, Invalid>>, DecodeError>
}

const checkLimit = (limit: number): Either.Either<number, InvalidRange> =>
  Number.isInteger(limit) && limit >= 1 && limit <= pageLimitMax
    ? Either.right(limit)
    : Either.left(
        new InvalidRange({ part: "limit", reason: `expected an integer from 1 to ${pageLimitMax}, got ${limit}` })
      )
