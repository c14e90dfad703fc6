/**
 * Looking at the past of a collection's entries, and bringing it back.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import * as Concurrent from "../../store/Concurrent.ts"
import type { Entry } from "../../store/Entry.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import type { Page, PageOptions } from "../../store/Reads.ts"
import { DecodeError, type ReadError, type WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import type * as CollectionKeys from "../collection/Keys.ts"
import type * as SchemaCodec from "../SchemaCodec.ts"
import * as HistoryDiff from "./Diff.ts"
import type * as HistoryRecords from "./Records.ts"

/**
 * One write of the past.
 *
 * @since 0.1.0
 * @category models
 */
export interface Revision<out A> {
  /** The version that the entry had from this write on. */
  readonly version: Version
  /** When it was written: milliseconds since the epoch, by the store's clock. */
  readonly atMs: number
  /** The value written; `None` if the entry was deleted. */
  readonly value: Option.Option<A>
}

/**
 * The past of the entries of a collection. Ids of more than `idBytesMax` bytes have none: an `InvalidKey`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Past<A, K = string> {
  /** The namespace that the records lie in, undecoded: to rotate the keys they are encrypted by, say. */
  readonly store: StateStore.Service
  /** The writes of an entry, the newest first; also of one that was deleted or has expired. */
  readonly list: (
    id: K,
    options?: Omit<PageOptions<"fail" | "skip">, "reverse">
  ) => Effect.Effect<Page<Revision<A>>, ReadError>
  /** All writes of an entry that are kept, the newest first, read page by page. */
  readonly stream: (id: K) => Stream.Stream<Revision<A>, ReadError>
  /** The write that was the last one at a version: that of the version itself, or the one before. */
  readonly atVersion: (id: K, version: Version) => Effect.Effect<Option.Option<Revision<A>>, ReadError>
  /** The write that was the last one at a time, in milliseconds since the epoch by the store's clock. */
  readonly atTime: (id: K, timeMs: number) => Effect.Effect<Option.Option<Revision<A>>, ReadError>
  /**
   * What changed from one version to another, in the encoded values; where the entry was deleted there is no value. `None`
   * unless both are kept.
   */
  readonly diff: (
    id: K,
    from: Version,
    to: Version
  ) => Effect.Effect<Option.Option<ReadonlyArray<HistoryDiff.Difference>>, ReadError>
  /**
   * Writes the value that an entry had at a version, as a new version of it, which is given back. `None`, and nothing
   * changed, if that version is not kept, or the entry was deleted then.
   */
  readonly restore: (
    id: K,
    version: Version,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<Option.Option<Version>, ReadError | WriteError>
  /**
   * Forgets the past of an entry, batch by batch, and gives the number of writes forgotten. The entry stays as it is.
   */
  readonly purge: (id: K) => Effect.Effect<number, ReadError | WriteError>
}

/**
 * The past of a collection, from its records; `set` writes anew.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, K>(
  keys: CollectionKeys.CollectionKeys<K>,
  values: SchemaCodec.SchemaCodec<A>,
  { prefix, store }: HistoryRecords.HistoryRecords,
  label: (key: string) => string,
  set: (
    id: K,
    value: A,
    options: (Atomic.WriteOptions & { readonly ifVersion?: undefined }) | undefined
  ) => Effect.Effect<Version, ReadError | WriteError>
): Past<A, K> => {
  /** The revision of a record, encoded as it is. */
  const revision = (
    key: string,
    { key: recordKey, value, createdAtMs }: Entry
  ): Effect.Effect<Revision<unknown>, DecodeError> =>
    isStored(value)
      ? Effect.succeed({
          // The record may have been written anew since: its key tells the version of its write.
          version: Atomic.stampOf(recordKey),
          atMs: createdAtMs,
          value: "value" in value ? Option.some(value.value) : Option.none()
        })
      : Effect.fail(new DecodeError({ key: label(key), reason: "it is no record of a history" }))

  const decode = (key: string, revision: Revision<unknown>): Effect.Effect<Revision<A>, DecodeError> =>
    Option.match(revision.value, {
      onNone: () => Effect.succeed({ ...revision, value: Option.none() }),
      onSome: (value) =>
        Effect.map(values.decode(label(key), value), (value) => ({ ...revision, value: Option.some(value) }))
    })

  const decodeEntry = (key: string) => (entry: Entry) =>
    Effect.flatMap(revision(key, entry), (revision) => decode(key, revision))

  const keyAndPrefix = (id: K) =>
    Effect.flatMap(keys.encode(id), (key) => Either.map(prefix(key), (prefix) => ({ key, prefix })))

  const newestFirst = (prefix: string) => store.entries(KeyRange.prefix(prefix), { reverse: true })

  const rawAtVersion = ({ key, prefix }: { readonly key: string; readonly prefix: string }, version: Version) =>
    Effect.gen(function* () {
      const behind = Atomic.stamped(prefix, (version + 1) as Version) // It only ends the range.
      const { entries } = yield* store.page(KeyRange.between(prefix, behind), { limit: 1, reverse: true })
      const [entry] = entries
      return entry === undefined ? Option.none() : Option.some(yield* revision(key, entry))
    })

  const atVersion = (id: K, version: Version) =>
    Effect.gen(function* () {
      const subject = yield* keyAndPrefix(id)
      const raw = yield* rawAtVersion(subject, version)
      return Option.isNone(raw) ? Option.none() : Option.some(yield* decode(subject.key, raw.value))
    })

  return {
    store,
    list: (id, { onInvalid = "fail", ...options } = {}) =>
      Effect.gen(function* () {
        const { key, prefix } = yield* keyAndPrefix(id)
        const page = yield* store.page(KeyRange.prefix(prefix), { ...options, reverse: true, onInvalid })
        const revisions = yield* onInvalid === "skip"
          ? Effect.map(Effect.partition(page.entries, decodeEntry(key)), ([, revisions]) => revisions)
          : Effect.forEach(page.entries, decodeEntry(key))
        return { entries: revisions, next: page.next }
      }),
    stream: (id) =>
      Stream.unwrap(
        Effect.map(keyAndPrefix(id), ({ key, prefix }) => Stream.mapEffect(newestFirst(prefix), decodeEntry(key)))
      ),
    atVersion,
    atTime: (id, timeMs) =>
      Effect.gen(function* () {
        const { key, prefix } = yield* keyAndPrefix(id)
        const entry = yield* Stream.runHead(Stream.filter(newestFirst(prefix), (entry) => entry.createdAtMs <= timeMs))
        return Option.isNone(entry) ? Option.none() : Option.some(yield* decodeEntry(key)(entry.value))
      }),
    diff: (id, from, to) =>
      Effect.gen(function* () {
        const subject = yield* keyAndPrefix(id)
        const [before, after] = yield* Concurrent.all([rawAtVersion(subject, from), rawAtVersion(subject, to)])
        // One for each.
        return Option.zipWith(before ?? Option.none(), after ?? Option.none(), (before, after) =>
          HistoryDiff.diff(Option.getOrUndefined(before.value), Option.getOrUndefined(after.value))
        )
      }),
    restore: (id, version, options) =>
      Effect.gen(function* () {
        const value = Option.flatMap(yield* atVersion(id, version), ({ value }) => value)
        return Option.isNone(value) ? Option.none() : Option.some(yield* set(id, value.value, options))
      }),
    purge: (id) => Effect.flatMap(keyAndPrefix(id), ({ prefix }) => store.clear(KeyRange.prefix(prefix)))
  }
}

const isStored = (value: unknown): value is HistoryRecords.Stored =>
  Predicate.hasProperty(value, "value") || Predicate.hasProperty(value, "deleted")
