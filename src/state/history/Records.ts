/**
 * Where the history of a collection lies: a record for each write, in a namespace inside the collection's.
 *
 * A record's key is the length of its subject's key, the subject's key, and the version of the commit that made both:
 * `3:ada:0000000000000042`. The length keeps records apart whatever their subjects are called, and in order: the records
 * of `a` are never taken for those of `a:` or of `a:0000000000000042`. A record lives in the placement of its subject, so
 * that the two are written in one commit.
 *
 * A write looks before it commits which records have become too many, and drops them in its commit: only records that
 * were too old before this write, so that writers who meet lose none, and leave at most one too many each, which the next
 * write drops.
 *
 * A record has no deadline while its value is the current one, or outlives it by what is kept. The commit that supersedes
 * it sets its deadline. Writers who meet may miss each other's records: the next write finds those, and sets the deadline
 * that they should have.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import { Entry } from "../../store/Entry.ts"
import * as Key from "../../store/Key.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { PageCursor } from "../../store/PageCursor.ts"
import {
  InvalidKey,
  InvalidOption,
  type InvalidTtl,
  type ReadError,
  type VersionConflict
} from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Ttl from "../../store/Ttl.ts"
import * as SubjectKey from "../SubjectKey.ts"

/**
 * What is kept of an entry's values. Where both are given, both bound it.
 *
 * @since 0.1.0
 * @category options
 */
export interface Keep {
  /** The last so many writes, the current value's included: 1 to {@link countMax}, which is the default. */
  readonly count?: number | undefined
  /** Each value for so long after it was superseded, deleted or expired. Default: for ever. */
  readonly duration?: DurationInput | undefined
}

/**
 * The most records of an entry. Each write counts them: keep tens rather than hundreds where writes must be fast.
 *
 * @since 0.1.0
 * @category limits
 */
export const countMax = 1_000

/**
 * The most UTF-8 bytes an id may take, so that the keys of its records are keys.
 *
 * @since 0.1.0
 * @category limits
 */
export const idBytesMax = Key.keyBytesMax - Atomic.stampLength - SubjectKey.prefixLengthMax

/**
 * What a record holds: the encoded value, or that the entry was deleted.
 *
 * @since 0.1.0
 * @category models
 */
export type Stored = { readonly value: unknown } | { readonly deleted: true }

/**
 * @since 0.1.0
 * @category models
 */
export interface HistoryRecords {
  /** The namespace of the records. */
  readonly store: StateStore.Service
  /** What the keys of a subject's records start with. */
  readonly prefix: (key: string) => Either.Either<string, InvalidKey>
  /** The steps that record a write, and drop what need not be kept any longer. They add no check. */
  readonly steps: (key: string, stored: Stored, options: Atomic.WriteOptions) => Effect.Effect<Atomic.Steps, ReadError>
  /** How long a record lives that is written with a value of these options; `current` is the entry it is written over. */
  readonly lifetime: (
    key: string,
    options: Atomic.WriteOptions,
    current: Option.Option<Entry<unknown, unknown>>
  ) => Atomic.WriteOptions
  /**
   * The deadline of a value that was read, as its record says it, and the check that it is that still: a deadline may change
   * without a new version of the value.
   */
  readonly kept: <A, K>(key: string, current: Entry<A, K>) => Effect.Effect<Kept<A, K>, ReadError>
  /** The steps that make the newest record outlive its value, whose deadline changes, and write it anew: see `kept`. */
  readonly follow: (
    key: string,
    ttl: DurationInput,
    options: Atomic.ExpireOptions
  ) => Effect.Effect<Atomic.Steps<VersionConflict>, ReadError>
}

type Kept<A, K> = readonly [current: Entry<A, K>, unchanged: Atomic.Steps<VersionConflict>]

/**
 * The records of a collection's entries, inside its namespace.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  subjects: StateStore.Service,
  keep: Keep
): Either.Either<HistoryRecords, InvalidOption | InvalidTtl> =>
  Either.gen(function* () {
    const count = yield* checkCount(keep.count ?? countMax)
    const keptMs = keep.duration === undefined ? undefined : yield* Ttl.decode(keep.duration)
    const store = subjects.namespace(Namespace.inner("history"), {
      placement: (key) => subjects.key(SubjectKey.of(key)),
      ttl: Number.POSITIVE_INFINITY
    })

    const prefix = (key: string): Either.Either<string, InvalidKey> => {
      const problem = Key.problemOfPart(key, idBytesMax)
      return problem === undefined
        ? Either.right(SubjectKey.prefix(key))
        : Either.left(
            new InvalidKey({
              key: Namespace.label(subjects.key(key)).slice(0, 64).toWellFormed(),
              reason: `${problem.reason} in a collection with history`
            })
          )
    }

    /**
     * Drops the oldest of those that are more than what is kept besides the one that is written now. They are counted after
     * they were looked up: those that others drop or write in between can only make fewer of them too many.
     */
    const excess = (prefix: string, limit = 2): Effect.Effect<ReadonlyArray<Atomic.Steps>, ReadError> =>
      Effect.gen(function* () {
        const range = KeyRange.prefix(prefix)
        const { entries } = yield* store.page(range, { limit, onInvalid: "either" })
        const tooMany = (yield* store.count(range)) - (count - 1)
        if (tooMany > limit && limit < repairsMax) return yield* excess(prefix, repairsMax)
        const oldest = entries.slice(0, Math.max(0, tooMany))
        const keys = oldest.every(Either.isRight)
          ? oldest.map(({ right }) => right.key)
          : yield* oldestKeys(prefix, oldest.length)
        return keys.map((key) => Atomic.delete(store.key(key)))
      })

    /** The keys alone, which takes longer: some records can't be read. */
    const oldestKeys = (prefix: string, count: number) =>
      store
        .keys(`${prefix.replace(/[*?[\\]/g, "\\$&")}*`)
        .pipe(Stream.take(count), Stream.runCollect, Effect.map(Chunk.toReadonlyArray))

    /** Sets the deadlines of those that this write supersedes, or that an earlier one did and missed. */
    const superseded = (
      prefix: string,
      keptMs: number,
      from: { readonly newer?: Entry; readonly after?: PageCursor; readonly limit: number }
    ): Effect.Effect<ReadonlyArray<Atomic.Steps>, ReadError> =>
      Effect.flatMap(
        store.page(KeyRange.prefix(prefix), { ...from, reverse: true, onInvalid: "skip" }),
        ({ entries, next }) => {
          const steps: Array<Atomic.Steps> = []
          let newer = from.newer
          for (const entry of entries) {
            const endsMs = entry.expiresAtMs ?? Number.POSITIVE_INFINITY
            const endMs = newer === undefined ? endsMs : newer.createdAtMs + keptMs
            // It has its deadline, and then all that are older have theirs.
            if (newer !== undefined && endsMs <= endMs) return Effect.succeed(steps)
            const notAfterMs = Math.min(endsMs, endMs)
            const ttl = newer === undefined ? keptMs : Number.POSITIVE_INFINITY
            steps.push(Atomic.expire(store.key(entry.key), ttl, Number.isFinite(notAfterMs) ? { notAfterMs } : {}))
            newer = entry
          }
          if (Option.isNone(next) || newer === undefined) return Effect.succeed(steps)
          const rest = superseded(prefix, keptMs, { newer, after: next.value, limit: 16 })
          return Effect.map(rest, (older) => [...steps, ...older])
        }
      )

    const plusKept = (ms: number | undefined): number | undefined =>
      ms === undefined || keptMs === undefined ? undefined : Math.min(ms + keptMs, Ttl.ttlMsMax)

    const newestOf = (key: string): Effect.Effect<Entry | undefined, ReadError> =>
      Effect.flatMap(prefix(key), (prefix) =>
        Effect.map(
          store.page(KeyRange.prefix(prefix), { reverse: true, limit: 1, onInvalid: "skip" }),
          ({ entries }) => entries[0]
        )
      )

    const self: HistoryRecords = {
      store,
      prefix,
      steps: (key, stored, options) =>
        Effect.flatMap(prefix(key), (prefix) => {
          const deadlines = keptMs === undefined ? none : superseded(prefix, keptMs, { limit: 2 })
          return Effect.zipWith(
            excess(prefix),
            deadlines,
            (drop, expire): Atomic.Steps =>
              (atomic) =>
                // The oldest first: no record may outlive a newer one.
                [...drop, ...expire.slice(-repairsMax), Atomic.append(store.key(prefix), stored, options)].reduce(
                  (atomic, step) => step(atomic),
                  atomic
                )
          )
        }),
      lifetime: (key, options, current) => {
        if (keptMs === undefined) return forEver
        const notAfterMs = options.notAfterMs === undefined ? undefined : options.notAfterMs + keptMs
        if (options.ttl === "keep" && Option.isSome(current)) {
          const { expiresAtMs } = current.value
          const endMs = expiresAtMs === undefined ? notAfterMs : Math.min(expiresAtMs + keptMs, notAfterMs ?? Infinity)
          return { ...forEver, notAfterMs: endMs }
        }
        const { ttlMs } = subjects.key(key).namespace
        const wanted = options.ttl === undefined || options.ttl === "keep" ? ttlMs : Ttl.decode(options.ttl)
        // The commit fails with what is wrong with the value's own time to live.
        const lifeMs = plusKept(Either.getOrUndefined(wanted))
        return { ttl: lifeMs ?? Number.POSITIVE_INFINITY, notAfterMs }
      },
      kept: (key, current) =>
        keptMs === undefined
          ? Effect.succeed([current, identity])
          : Effect.map(newestOf(key), (newest) => {
              if (newest === undefined || Atomic.stampOf(newest.key) !== current.version) return [current, identity]
              const endMs = newest.expiresAtMs === undefined ? undefined : newest.expiresAtMs - keptMs
              const { createdAtMs, updatedAtMs, value, version } = current
              return [
                new Entry(current.key, value, version, createdAtMs, updatedAtMs, endMs),
                Atomic.check(store.key(newest.key), newest.version)
              ]
            }),
      follow: (key, ttl, options) => {
        if (keptMs === undefined) return Effect.succeed(identity)
        return Effect.gen(function* () {
          const newest = yield* newestOf(key)
          if (newest === undefined) return identity
          const lifetime = self.lifetime(key, { ...options, ttl }, Option.none())
          const lifeMs = lifetime.ttl === undefined || lifetime.ttl === "keep" ? Number.POSITIVE_INFINITY : lifetime.ttl
          const record = store.key(newest.key)
          const life = { ttl: lifeMs, notAfterMs: lifetime.notAfterMs }
          const steps: Atomic.Steps<VersionConflict> = (atomic) =>
            atomic.pipe(Atomic.check(record, newest.version), Atomic.set(record, newest.value, life))
          return steps
        })
      }
    }
    return self
  })

/** How many old records of each kind one write sees to: what is left over is left to the next. */
const repairsMax = 16

const forEver: Atomic.WriteOptions = { ttl: Number.POSITIVE_INFINITY }

const none = Effect.succeed<ReadonlyArray<Atomic.Steps>>([])

const checkCount = (count: number): Either.Either<number, InvalidOption> =>
  Number.isInteger(count) && count >= 1 && count <= countMax
    ? Either.right(count)
    : Either.left(
        new InvalidOption({
          option: "keep.count",
          reason: `expected an integer from 1 to ${countMax}, got ${count}`
        })
      )
