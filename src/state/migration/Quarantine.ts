/**
 * Where values go that no version of their schema takes: out of the way, listed, and never lost.
 *
 * A quarantined value lies in the namespace `~quarantine` inside its own, under its own key and in its own placement, so that
 * it moves there and back in one commit.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { Page, PageOptions } from "../../store/Reads.ts"
import type { DecodeError, ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as SchemaCodec from "../SchemaCodec.ts"

/**
 * A value in quarantine.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quarantined {
  readonly key: string
  /** What was stored, as it was. */
  readonly value: unknown
  /** Why it could not be decoded. It quotes the value: not for logs. */
  readonly reason: string
  /** When it was put here: milliseconds since the epoch, by the store's clock. */
  readonly atMs: number
}

/**
 * The quarantine of a namespace. A value that has a deadline keeps it here.
 *
 * @since 0.1.0
 * @category models
 */
export interface Quarantine {
  /** The value under a key, if one is here. */
  readonly get: (key: string) => Effect.Effect<Option.Option<Quarantined>, ReadError>
  /** Some values, in the order of their keys. */
  readonly list: (
    options?: Omit<PageOptions<"fail" | "skip">, "onInvalid">
  ) => Effect.Effect<Page<Quarantined>, ReadError>
  /** All values, read page by page. */
  readonly stream: Stream.Stream<Quarantined, ReadError>
  /** How many there are. */
  readonly count: Effect.Effect<number, ReadError>
  /**
   * Puts a value back where it was, or a mended one in its place, and tells whether there was one. It fails with
   * `VersionConflict`, and changes nothing, if something was written there meanwhile.
   */
  readonly restore: (
    key: string,
    mended?: { readonly value: unknown }
  ) => Effect.Effect<boolean, ReadError | WriteError | VersionConflict>
  /** Removes a value for good, and tells whether there was one. */
  readonly discard: (key: string) => Effect.Effect<boolean, WriteError>
  /**
   * Moves an entry here, if it is still as it was read; else it is a `VersionConflict`, and so it is if there is one of its
   * key here already.
   */
  readonly put: (entry: Entry, error: DecodeError) => Effect.Effect<void, WriteError | VersionConflict>
}

const Stored = Schema.Struct({ value: Schema.Unknown, reason: Schema.String })

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (subjects: StateStore.Service): Effect.Effect<Quarantine> =>
  Effect.map(SchemaCodec.make(Stored), (stored) => {
    const store = subjects.namespace(Namespace.inner("quarantine"), {
      placement: subjects.key,
      ttl: Number.POSITIVE_INFINITY
    })

    const decode = (entry: Entry): Effect.Effect<Quarantined, DecodeError> =>
      Effect.map(stored.decode(Namespace.label(store.key(entry.key)), entry.value), ({ reason, value }) => ({
        key: entry.key,
        value,
        reason,
        atMs: entry.createdAtMs
      }))

    const get = (key: string) =>
      Effect.flatMap(
        store.get(key),
        Option.match({ onNone: () => none, onSome: (entry) => Effect.asSome(decode(entry)) })
      )

    return {
      get,
      list: (options) =>
        Effect.gen(function* () {
          const { entries, next } = yield* store.page(KeyRange.all, options)
          return { entries: yield* Effect.forEach(entries, decode), next }
        }),
      stream: Stream.mapEffect(store.entries(KeyRange.all), decode),
      count: store.count(KeyRange.all),
      restore: (key, mended) =>
        Effect.gen(function* () {
          const entry = yield* store.get(key)
          if (Option.isNone(entry)) return false
          const { value } = mended ?? (yield* decode(entry.value))
          const moved = Atomic.make.pipe(
            Atomic.check(store.key(key), entry.value.version),
            Atomic.check(key, "absent"),
            Atomic.delete(store.key(key)),
            Atomic.set(key, value, lifetime(entry.value))
          )
          yield* subjects.commit(moved)
          return true
        }),
      discard: (key) => store.delete(key),
      put: (entry, error) => {
        const moved = Atomic.make.pipe(
          Atomic.check(entry.key, entry.version),
          Atomic.check(store.key(entry.key), "absent"),
          Atomic.delete(entry.key),
          Atomic.set(
            store.key(entry.key),
            { value: entry.value, reason: error.details.slice(0, reasonLengthMax).toWellFormed() },
            lifetime(entry)
          )
        )
        return Effect.asVoid(subjects.commit(moved))
      }
    }
  })

const none = Effect.succeed(Option.none<never>())

/** An issue quotes the value as often as it has unions. */
const reasonLengthMax = 2_000

/** Until when an entry lives, wherever it lies. */
const lifetime = ({ expiresAtMs }: Entry): Atomic.WriteOptions => ({
  ttl: Number.POSITIVE_INFINITY,
  notAfterMs: expiresAtMs
})
