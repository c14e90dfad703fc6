/**
 * A part of a customer's history as one sequence, wherever it lies: the archived part first, then what the customer's entry
 * has.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { pageLimitMax } from "../../store/Reads.ts"
import { InvalidRange, type ReadError } from "../../store/StateError.ts"
import type * as Archive from "./Archive.ts"
import type { History, State } from "./Model.ts"
import type { Kind } from "./Overflow.ts"

/**
 * @since 0.1.0
 * @category models
 */
export type Order = "newest first" | "oldest first"

/**
 * @since 0.1.0
 * @category options
 */
export interface PageOptions {
  /** How many at most, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined
  /** Default `"newest first"`. */
  readonly order?: Order | undefined
  /** The `next` of the page before. */
  readonly after?: number | undefined
}

/**
 * Something of the history with its position, counted from zero, the oldest first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Item<out A> {
  readonly position: number
  readonly value: A
}

/**
 * Some items; `next` is there unless it was the last page.
 *
 * @since 0.1.0
 * @category models
 */
export interface Page<out A> {
  readonly items: ReadonlyArray<Item<A>>
  readonly next: Option.Option<number>
}

/**
 * A part of a history. Messages and attempts keep their positions for ever, so that pages neither skip nor repeat one while
 * others are added. A session finds its last position when it is archived; until then it counts behind those that are.
 *
 * @since 0.1.0
 * @category models
 */
export interface Log<out A, out E> {
  /** Some items. Of a customer who is not there, it is empty. */
  readonly page: (id: string, options?: PageOptions) => Effect.Effect<Page<A>, E>
  /** All items, read page by page. */
  readonly stream: (id: string, options?: Pick<PageOptions, "order" | "after">) => Stream.Stream<Item<A>, E>
  /** How many there are, archived or not. */
  readonly count: (id: string) => Effect.Effect<number, E>
}

/**
 * The log of one kind.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <K extends Kind, E>(
  kind: K,
  archive: Archive.Archive,
  get: (id: string) => Effect.Effect<Option.Option<State>, E>
): Log<History[K][number], E | ReadError> => {
  const page = (id: string, { after, limit = 100, order = "newest first" }: PageOptions = {}) =>
    Effect.gen(function* () {
      yield* checkLimit(limit)
      const state = yield* get(id)
      if (Option.isNone(state)) return { items: [], next: Option.none() }
      const { history } = state.value
      const archived = history.archived[kind]
      const total = archived + history[kind].length
      const newest = order === "newest first"
      const from = newest ? Math.max(0, (after ?? total) - limit) : after === undefined ? 0 : after + 1
      const to = Math.min(total, newest ? (after ?? total) : from + limit)
      const subject = { key: id, id: history.archived.id ?? "" }
      const old = yield* archive.read(subject, kind, from, Math.min(to, archived))
      const recent = history[kind].slice(Math.max(0, from - archived), Math.max(0, to - archived))
      const start = Math.max(from, archived)
      const items = [...old, ...recent.map((value, i) => ({ position: start + i, value }))]
      const next = newest
        ? from > 0
          ? Option.some(from)
          : Option.none()
        : to < total
          ? Option.some(to - 1)
          : Option.none()
      return { items: newest ? items.reverse() : items, next }
    })
  return {
    page,
    stream: (id, options = {}) =>
      Stream.paginateChunkEffect(options.after, (after) =>
        Effect.map(page(id, { order: options.order, after, limit: streamLimit }), ({ items, next }) => [
          Chunk.unsafeFromArray(items),
          next
        ])
      ),
    count: (id) =>
      Effect.map(
        get(id),
        Option.match({
          onNone: () => 0,
          onSome: ({ history }) => history.archived[kind] + history[kind].length
        })
      )
  }
}

const streamLimit = 256

const checkLimit = (limit: number): Either.Either<void, InvalidRange> =>
  Number.isInteger(limit) && limit >= 1 && limit <= pageLimitMax
    ? Either.void
    : Either.left(
        new InvalidRange({ part: "limit", reason: `expected an integer from 1 to ${pageLimitMax}, got ${limit}` })
      )
