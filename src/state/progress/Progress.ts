/**
 * The progress of jobs that many workers work at.
 *
 * Each job has counters that live together. Workers add to them, and never to a copy that they read: no item is lost, and no
 * worker has to try again because of another.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as Modification from "../../store/Modification.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { DecodeError, NotInteger, ReadError, WriteError } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as Counters from "./Counters.ts"
import { isFinished, type Snapshot } from "./Snapshot.ts"

export { done, elapsed, fraction, isFinished, ratePerSecond, remaining, type Snapshot } from "./Snapshot.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** How long the progress of a job is kept after it went on last. Default: as the store says, or for ever. */
  readonly ttl?: DurationInput | undefined
  /** The segment of the namespace. Default: the tag's id. */
  readonly namespace?: string | undefined
}

/**
 * What a worker has done.
 *
 * @since 0.1.0
 * @category models
 */
export interface Advance {
  /** Items that went well. */
  readonly processed?: number | undefined
  /** Items that failed. */
  readonly failed?: number | undefined
  /** Items that turned out to be there besides. */
  readonly total?: number | undefined
}

/**
 * The progress of jobs by their ids.
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  /** Starts a job anew: whatever was counted under its id is forgotten. */
  readonly start: (id: string, options: { readonly total: number }) => Effect.Effect<Snapshot, WriteError | NotInteger>
  /**
   * Counts what was done, all of it in one commit, and gives how far the job is then; nothing if it was not started. As long as
   * no more is counted than there is, one worker alone is told that it is finished: the last.
   */
  readonly advance: (id: string, by: Advance) => Effect.Effect<Option.Option<Snapshot>, WriteError | NotInteger>
  /** How far a job is, if it was started. */
  readonly get: (id: string) => Effect.Effect<Option.Option<Snapshot>, ReadError>
  /**
   * How far a job is, live: now, and whenever it has changed, as it is seen when it is looked at every `interval` (default one
   * second). It waits for a job that was not started, and ends when it is finished or gone.
   */
  readonly watch: (
    id: string,
    options?: { readonly interval?: DurationInput | undefined }
  ) => Stream.Stream<Snapshot, ReadError>
  /** How far all jobs are, in the order of their ids. */
  readonly stream: Stream.Stream<Snapshot, ReadError>
  /** Forgets a job, and tells whether it was started. */
  readonly remove: (id: string) => Effect.Effect<boolean, WriteError>
  /** The namespace that the counters lie in. */
  readonly store: StateStore.Service
}

/**
 * The progress of jobs in a store.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  id: string,
  { namespace, ttl }: Options = {}
): Effect.Effect<Progress, never, StateStore.StateStore> =>
  Effect.gen(function* () {
    const store = (yield* StateStore.StateStore)
      .namespace(namespace ?? id, { placement: "prefix", ttl })
      .withCodec(undefined) // Counters are plain text, whatever the codec: the store itself adds to them.
    const { decode } = yield* SchemaCodec.make(Schema.Int)
    /** Adding keeps a deadline: it is set anew, be it that of these jobs or of the store. */
    const prolong = (id: string): Atomic.Steps => {
      const lifetime = ttl ?? Either.getOrUndefined(store.key(id).namespace.ttlMs)
      return lifetime === undefined ? identity : Counters.expire(id, lifetime)
    }

    const fromEntries = (
      id: string,
      entries: ReadonlyArray<Entry>
    ): Effect.Effect<Option.Option<Snapshot>, DecodeError> =>
      Effect.gen(function* () {
        const numbers = { failed: 0, processed: 0, started: 0, total: 0 }
        for (const name of Counters.names) {
          const entry = entries.find(({ key }) => key === Counters.keyOf(id, name))
          if (entry !== undefined) numbers[name] = yield* decode(Namespace.label(store.key(entry.key)), entry.value)
        }
        return Counters.snapshot(id, numbers, Math.max(...entries.map(({ updatedAtMs }) => updatedAtMs)))
      })

    const self: Progress = {
      start: (id, { total }) =>
        Effect.gen(function* () {
          const { nowMs } = yield* store.stats
          const numbers = { failed: 0, processed: 0, started: Math.max(1, nowMs), total }
          const { atMs } = yield* store.commit(Atomic.make.pipe(Counters.remove(id), Counters.add(id, numbers)))
          return yield* Effect.orDie(Counters.snapshot(id, numbers, atMs)) // It is started.
        }),
      advance: (id, { failed = 0, processed = 0, total = 0 }) =>
        Effect.gen(function* () {
          const numbers = { failed, processed, started: 0, total }
          const { atMs, results, version } = yield* store.commit(
            Atomic.make.pipe(Counters.add(id, numbers), prolong(id))
          )
          const counted = Counters.snapshot(id, Counters.sums(results), atMs)
          if (Option.isNone(counted)) {
            // Nothing is left of this, unless somebody has come in between: then it is his.
            const unchanged = Atomic.make.pipe(Atomic.check(Counters.keyOf(id, "started"), version))
            yield* Modification.orConflict(store.commit(unchanged.pipe(Counters.remove(id))))
          }
          return counted
        }),
      get: (id) =>
        Effect.flatMap(store.getMany(Counters.keysOf(id)), (entries) => fromEntries(id, Arr.getSomes(entries))),
      watch: (id, { interval = "1 second" } = {}) =>
        Stream.repeatEffectWithSchedule(self.get(id), Schedule.spaced(interval)).pipe(
          Stream.dropWhile(Option.isNone),
          Stream.takeWhile(Option.isSome),
          Stream.map(({ value }) => value),
          Stream.takeUntil(isFinished),
          Stream.changesWith(isSame)
        ),
      stream: store.entries({}).pipe(
        Stream.groupAdjacentBy(({ key }) => Counters.idOf(key)),
        Stream.mapEffect(([id, entries]) => fromEntries(id, Chunk.toReadonlyArray(entries))),
        Stream.filterMap((snapshot) => snapshot)
      ),
      remove: (id) =>
        Effect.map(store.commit(Atomic.make.pipe(Counters.remove(id))), ({ results }) => results.includes(true)),
      store
    }
    return self
  })

const isSame = (a: Snapshot, b: Snapshot): boolean =>
  a.total === b.total &&
  a.processed === b.processed &&
  a.failed === b.failed &&
  DateTime.Equivalence(a.startedAt, b.startedAt)

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string> extends Context.TagClass<Self, Id, Progress> {
  readonly layer: Layer.Layer<Self, never, StateStore.StateStore>
}

/**
 * A class that is the tag of some jobs' progress, with its layer.
 *
 * ```ts
 * import { MemoryStore, Progress } from "effect-state"
 * import { Effect, Fiber, Layer, Stream } from "effect"
 *
 * class Imports extends Progress.Tag<Imports>()("Imports", { ttl: "7 days" }) {}
 *
 * const program = Effect.gen(function* () {
 *   const imports = yield* Imports
 *   yield* imports.start("users.csv", { total: 3 })
 *   const live = yield* Effect.fork(
 *     Stream.runLast(Stream.map(imports.watch("users.csv", { interval: "10 millis" }), Progress.fraction))
 *   )
 *   yield* imports.advance("users.csv", { processed: 2 })
 *   yield* imports.advance("users.csv", { failed: 1 })
 *   return yield* Fiber.join(live) // all of it
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Imports.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <const Id extends string>(id: Id, options?: Options): TagClass<Self, Id> => {
    const base = Context.Tag(id)<Self, Progress>()
    return Object.assign(base, { layer: Layer.effect(base, make(id, options)) })
  }
