/**
 * Reading threads of checkpoints, and all of what is done with them in one place.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SchemaCodec from "../../state/SchemaCodec.ts"
import * as Concurrent from "../../store/Concurrent.ts"
import type { Entry } from "../../store/Entry.ts"
import { all as allKeys, type KeyRange } from "../../store/KeyRange.ts"
import type { PageCursor } from "../../store/PageCursor.ts"
import { DecodeError, type ReadError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Keys from "./Keys.ts"
import { type Checkpoint, type Selection, StoredCheckpoint, StoredWrite, type Threads } from "./Model.ts"
import * as Serialized from "./Serialized.ts"
import * as ThreadWrites from "./ThreadWrites.ts"

/**
 * The threads of a namespace, whose placement must be `"prefix"`. With a `ttl`, an entry lives for that long after it was
 * written, or after a checkpoint was written that shares it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (store: StateStore.Service, ttl: DurationInput | undefined): Effect.Effect<Threads> =>
  Effect.gen(function* () {
    const checkpoints = yield* SchemaCodec.make(StoredCheckpoint)
    const values = yield* SchemaCodec.make(Serialized.Stored)
    const writeCodec = yield* SchemaCodec.make(StoredWrite)

    const decode = (entry: Entry): Effect.Effect<Checkpoint, DecodeError> =>
      Effect.map(checkpoints.decode(entry.key, entry.value), ({ channels, parent, ...stored }) => {
        const [thread = "", , namespace = "", id = ""] = Keys.parse(entry.key)
        return {
          place: { thread, namespace },
          id,
          version: entry.version,
          parent,
          checkpoint: Serialized.fromStored(stored.checkpoint),
          metadata: Serialized.fromStored(stored.metadata),
          channels
        }
      })

    const first = (range: KeyRange, reverse: boolean) =>
      Effect.map(store.page(range, { limit: 1, reverse }), ({ entries }) => Arr.head(entries))

    const find: Threads["find"] = (place, id) =>
      Effect.flatMap(
        id === undefined ? first(Keys.checkpoints(place, undefined), true) : store.get(Keys.checkpoint(place, id)),
        Option.match({ onNone: () => Effect.succeedNone, onSome: (entry) => Effect.asSome(decode(entry)) })
      )

    const valuesOf = ({ channels, place }: Checkpoint) =>
      Effect.gen(function* () {
        const found = yield* store.getMany(channels.map((channel) => Keys.channel(place, ...channel)))
        return yield* Effect.forEach(channels, ([name], i) =>
          Option.match(found[i] ?? Option.none(), {
            onNone: () => Effect.succeedNone,
            onSome: (entry) =>
              Effect.map(values.decode(entry.key, entry.value), (value) =>
                Option.some([name, Serialized.fromStored(value)] as const)
              )
          })
        )
      })

    const writes: Threads["writes"] = (place, checkpoint) =>
      store.entries(Keys.writes(place, checkpoint)).pipe(
        Stream.mapEffect((entry) =>
          Effect.map(writeCodec.decode(entry.key, entry.value), (stored) =>
            Chunk.map(Chunk.fromIterable(Arr.ensure(stored)), ({ value, ...write }) => ({
              ...Keys.parseWrite(entry.key),
              ...write,
              value: Serialized.fromStored(value)
            }))
          )
        ),
        Stream.flattenChunks,
        Stream.runCollect,
        Effect.map(Chunk.toReadonlyArray)
      )

    const details: Threads["details"] = (checkpoint) =>
      Effect.gen(function* () {
        const { id, place, version } = checkpoint
        const [found, pending] = yield* Concurrent.both(valuesOf(checkpoint), writes(place, id))
        const present = Arr.getSomes(found)
        if (present.length === found.length) return Option.some({ values: present, writes: pending })
        // It may have been removed while it was read.
        const now = yield* store.get(Keys.checkpoint(place, id))
        if (Option.isNone(now) || now.value.version !== version) return Option.none()
        return yield* new DecodeError({ key: now.value.key, reason: "the value of a channel is missing" })
      })

    /** A part of a range's first key. */
    const nextPart = (part: number) => (range: KeyRange) =>
      Effect.map(
        first(range, false),
        Option.map(({ key }) => Keys.parse(key)[part] ?? "")
      )

    /** The graphs that have checkpoints: from each the next one is looked up, so that their checkpoints aren't read. */
    const places = ({
      namespace,
      thread
    }: Pick<Selection, "namespace" | "thread">): Stream.Stream<Keys.Place, ReadError> => {
      if (thread === undefined) {
        const threads = unfold(allKeys, nextPart(0), Keys.threadsAfter)
        return Stream.flatMap(threads, (thread) => places({ namespace, thread }))
      }
      if (namespace !== undefined) return Stream.succeed({ thread, namespace })
      const behind = (namespace: string | undefined) => Keys.namespacesAfter(thread, namespace)
      return Stream.map(unfold(behind(undefined), nextPart(2), behind), (namespace) => ({ thread, namespace }))
    }

    const list: Threads["list"] = (selection) =>
      Stream.flatMap(places(selection), (place) =>
        Stream.paginateChunkEffect(undefined as PageCursor | undefined, (after) =>
          Effect.gen(function* () {
            const range = Keys.checkpoints(place, selection.before)
            const { entries, next } = yield* store.page(range, { after, limit: selection.pageLimit, reverse: true })
            return [Chunk.unsafeFromArray(yield* Effect.forEach(entries, decode)), next] as const
          })
        )
      )
    return { find, details, writes, list, ...ThreadWrites.make(store, ttl, { find, writes }) }
  })

/** Everything that `next` finds in a range, then in the range behind that, and so on. */
const unfold = <A, E>(
  range: KeyRange,
  next: (range: KeyRange) => Effect.Effect<Option.Option<A>, E>,
  behind: (found: A) => KeyRange
): Stream.Stream<A, E> =>
  Stream.unfoldEffect(range, (range) =>
    Effect.map(
      next(range),
      Option.map((found) => [found, behind(found)] as const)
    )
  )
