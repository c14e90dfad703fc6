/**
 * What a cache keeps in the store, and how processes agree on who looks something up.
 *
 * All lies in one namespace, so that one round trip reads it. For a key `k` there are
 *
 * - `v:k`, the value, which lives for as long as it may be served in any way;
 * - `f:k` and `s:k`, which say by being there that the value of their version is fresh, or may be served while it is
 *   looked up again. What is stale is so by the store's clock and the store's expiry, as everything that ends: no process
 *   compares a time of the store with a clock of its own, and skewed clocks change nothing;
 * - `e:k`, a failure that is remembered;
 * - `l:k`, the lease of the process that looks up. Its version is the proof of it: what was looked up is written only
 *   while the lease is at that version. Taking the lease over, or invalidating the key, makes it another or none.
 *
 * And for a tag `t:<tag>`, a counter. A value carries the counters of its tags as they were read before its lookup began,
 * and counts as absent as soon as one has moved on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as SchemaCodec from "../../state/SchemaCodec.ts"
import * as Atomic from "../../store/Atomic.ts"
import type { Codec } from "../../store/Codec.ts"
import type { Entry } from "../../store/Entry.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { DecodeError, EncodeError, ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"

/**
 * What the store has for a key, all read at once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot<out A, out E> {
  /** The last good value, unless it expired or was invalidated. */
  readonly value: Option.Option<A>
  /** How the value may be served; `"ifError"` where nothing better can be had, or where there is none. */
  readonly freshness: "fresh" | "whileRevalidate" | "ifError"
  /** The failure that is remembered. */
  readonly failure: Option.Option<E>
  /** The lease of whoever looks up. */
  readonly lease: Version | undefined
  /** The counters of the key's tags. */
  readonly tags: Tags
  /** What lies under the value's and the failure's key, good or not; `undefined` where nobody can tell. */
  readonly valueVersion: Version | "absent" | undefined
  readonly failureVersion: Version | "absent" | undefined
}

/**
 * Tags and their counters.
 *
 * @since 0.1.0
 * @category models
 */
export type Tags = { readonly [tag: string]: number }

/**
 * How long a value lives, in milliseconds; infinite is for ever.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lifetime {
  readonly freshMs: number
  readonly whileRevalidateMs: number
  readonly ifErrorMs: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CachedEntries<A, E> {
  readonly read: (key: string, tags: ReadonlyArray<string>) => Effect.Effect<Snapshot<A, E>, ReadError>
  /** Takes the lease, if nobody has it and nothing else has changed since the snapshot. */
  readonly acquire: (
    key: string,
    seen: Snapshot<A, E>,
    leaseMs: number
  ) => Effect.Effect<Option.Option<Version>, WriteError>
  /** Tells whether the lease is still held, and then for how long from now it is. */
  readonly renew: (key: string, lease: Version, leaseMs: number) => Effect.Effect<boolean, WriteError>
  /** Ends a lease, if it is still held. */
  readonly release: (key: string, lease: Version) => Effect.Effect<void, WriteError>
  /** Writes a value and ends the lease; nothing is written unless it was held, and `false` says so. */
  readonly save: (
    key: string,
    lease: Version,
    value: A,
    lifetime: Lifetime,
    tags: Tags
  ) => Effect.Effect<boolean, EncodeError | WriteError>
  /** Writes a failure and ends the lease, likewise. */
  readonly saveFailure: (
    key: string,
    lease: Version,
    error: E,
    ttlMs: number,
    tags: Tags
  ) => Effect.Effect<boolean, EncodeError | WriteError>
  /** Forgets what there is for a key, the lease included, if that is held; `false` says that it was not. */
  readonly forget: (key: string, lease: Version) => Effect.Effect<boolean, WriteError>
  /** Forgets all that, whoever has the lease. */
  readonly invalidate: (key: string) => Effect.Effect<void, WriteError>
  readonly invalidateTag: (tag: string) => Effect.Effect<void, WriteError>
  /** Removes everything but the counters: without them, old values could come to life. */
  readonly clear: Effect.Effect<void, ReadError | WriteError>
  /** A key as errors may show it. */
  readonly label: (key: string) => string
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E>(
  store: StateStore.Service,
  segment: string,
  options: {
    readonly values: SchemaCodec.SchemaCodec<A>
    /** Where failures are remembered. */
    readonly failures: SchemaCodec.SchemaCodec<E> | undefined
    /** Whether values are served while they are looked up again. */
    readonly revalidates: boolean
    readonly codec: Codec | undefined
    readonly secretKeys: boolean | undefined
  }
): CachedEntries<A, E> => {
  const anchor = store.namespace(segment, { secretKeys: options.secretKeys })
  const entries = store.namespace(segment, {
    placement: (key) => anchor.key(key.slice(2)),
    codec: options.codec,
    secretKeys: options.secretKeys,
    ttl: Number.POSITIVE_INFINITY
  })
  // Counters are plain text, whatever the codec: the store itself adds to them.
  const counters = entries.withCodec(undefined)
  const label = (key: string) => Namespace.label(anchor.key(key))

  /** Whether a commit happened: `false` if one of its checks did not hold. */
  const commit = (atomic: Atomic.Atomic<VersionConflict>): Effect.Effect<boolean, WriteError> =>
    entries.commit(atomic).pipe(
      Effect.as(true),
      Effect.catchTag("VersionConflict", () => Effect.succeed(false))
    )

  // What the options rule out need not be read.
  const kinds = ["v", "f", "l", ...(options.revalidates ? ["s"] : []), ...(options.failures ? ["e"] : [])]

  const ifHeld = (key: string, lease: Version) => Atomic.make.pipe(Atomic.check(`l:${key}`, lease))

  const withoutAll =
    (key: string): Atomic.Steps =>
    (atomic) =>
      ["v", "f", "s", "e", "l"].reduce((atomic, kind) => atomic.pipe(Atomic.delete(`${kind}:${key}`)), atomic)

  /** The value of an entry whose tags are as they were; what can't be decoded is looked up again. */
  const valid = <B>(
    found: Found,
    codec: SchemaCodec.SchemaCodec<B> | undefined,
    key: string,
    tags: Tags
  ): Effect.Effect<Option.Option<B>> => {
    const entry = entryOf(found)
    if (entry === undefined || codec === undefined || !isEnvelope(entry.value) || !sameTags(tags, entry.value.tags)) {
      return Effect.succeedNone
    }
    return Effect.option(codec.decode(label(key), entry.value.value))
  }

  return {
    label,
    read: (key, tagNames) =>
      Effect.gen(function* () {
        const names = kinds.map((kind) => `${kind}:${key}`)
        const found = yield* entries.getMany([...names, ...tagNames.map((tag) => counters.key(`t:${tag}`))], {
          onInvalid: "either"
        })
        const foundOf = (kind: string): Found => found[kinds.indexOf(kind)]
        const value = foundOf("v")
        const failure = foundOf("e")
        const counts = found.slice(names.length).map((counter) => Number(entryOf(counter)?.value ?? 0))
        const tags = Object.fromEntries(tagNames.map((tag, i) => [tag, counts[i] ?? 0]))
        const version = versionOf(value)
        const marks = (marker: Found) => version !== undefined && entryOf(marker)?.version === version
        return {
          value: yield* valid(value, options.values, key, tags),
          freshness: marks(foundOf("f")) ? "fresh" : marks(foundOf("s")) ? "whileRevalidate" : "ifError",
          failure: yield* valid(failure, options.failures, key, tags),
          lease: entryOf(foundOf("l"))?.version,
          tags,
          valueVersion: version,
          failureVersion: versionOf(failure)
        }
      }),
    acquire: (key, { failureVersion, valueVersion }, leaseMs) => {
      const unchanged =
        (kind: string, version: Version | "absent" | undefined): Atomic.Steps<VersionConflict> =>
        (atomic) =>
          version === undefined ? atomic : atomic.pipe(Atomic.check(`${kind}:${key}`, version))
      return entries
        .commit(
          Atomic.make.pipe(
            Atomic.check(`l:${key}`, "absent"),
            unchanged("v", valueVersion),
            unchanged("e", failureVersion),
            Atomic.set(`l:${key}`, true, { ttl: leaseMs })
          )
        )
        .pipe(
          Effect.map(({ version }) => Option.some(version)),
          Effect.catchTag("VersionConflict", () => Effect.succeedNone)
        )
    },
    renew: (key, lease, leaseMs) => commit(ifHeld(key, lease).pipe(Atomic.expire(`l:${key}`, leaseMs))),
    release: (key, lease) => Effect.asVoid(commit(ifHeld(key, lease).pipe(Atomic.delete(`l:${key}`)))),
    save: (key, lease, value, { freshMs, ifErrorMs, whileRevalidateMs }, tags) =>
      Effect.flatMap(options.values.encode(label(key), value), (encoded) =>
        commit(
          ifHeld(key, lease).pipe(
            Atomic.set(`v:${key}`, { value: encoded, tags }, { ttl: Math.max(freshMs, whileRevalidateMs, ifErrorMs) }),
            Atomic.set(`f:${key}`, true, { ttl: freshMs }),
            whileRevalidateMs > freshMs
              ? Atomic.set(`s:${key}`, true, { ttl: whileRevalidateMs })
              : Atomic.delete(`s:${key}`),
            Atomic.delete(`e:${key}`),
            Atomic.delete(`l:${key}`)
          )
        )
      ),
    saveFailure: (key, lease, error, ttlMs, tags) =>
      options.failures === undefined
        ? Effect.succeed(false)
        : Effect.flatMap(options.failures.encode(label(key), error), (encoded) =>
            commit(
              ifHeld(key, lease).pipe(
                Atomic.set(`e:${key}`, { value: encoded, tags }, { ttl: ttlMs }),
                Atomic.delete(`l:${key}`)
              )
            )
          ),
    forget: (key, lease) => commit(withoutAll(key)(ifHeld(key, lease))),
    invalidate: (key) => Effect.asVoid(commit(withoutAll(key)(Atomic.make))),
    invalidateTag: (tag) => Effect.asVoid(Effect.catchTag(entries.add(`t:${tag}`, 1), "NotInteger", Effect.die)), // Ours alone.
    // The values first: without its marks, one would seem stale.
    clear: Effect.forEach(["v", "f", "s", "e", "l"], (kind) => entries.clear(KeyRange.prefix(`${kind}:`)), {
      discard: true
    })
  }
}

/**
 * Whether a value that carries some tags is still good where the tags are these.
 *
 * @since 0.1.0
 * @category tags
 */
export const sameTags = (now: Tags, then: Tags): boolean => Object.keys(now).every((tag) => now[tag] === then[tag])

type Found = Either.Either<Option.Option<Entry>, DecodeError> | undefined

const entryOf = (found: Found): Entry | undefined =>
  found !== undefined && Either.isRight(found) ? Option.getOrUndefined(found.right) : undefined

const versionOf = (found: Found): Version | "absent" | undefined =>
  found === undefined || Either.isLeft(found) ? undefined : (entryOf(found)?.version ?? "absent")

const isEnvelope = (value: unknown): value is { readonly value: unknown; readonly tags: Tags } =>
  Predicate.hasProperty(value, "value") && Predicate.hasProperty(value, "tags") && Predicate.isRecord(value.tags)
