/**
 * Sessions: data and metadata under an id that nobody can guess, which end when they are idle, or old, or deleted.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Lock from "../../coordination/lock/Lock.ts"
import * as Atomic from "../../store/Atomic.ts"
import type { Codec } from "../../store/Codec.ts"
import { Entry } from "../../store/Entry.ts"
import * as Modification from "../../store/Modification.ts"
import type { Placement } from "../../store/Namespace.ts"
import type { Page, PageOptions } from "../../store/Reads.ts"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Ttl from "../../store/Ttl.ts"
import * as Collection from "../collection/Collection.ts"
import {
  type Envelope,
  envelope,
  fromEntry,
  type Metadata,
  merge,
  notFound,
  type Session,
  SessionExists,
  type SessionNotFound,
  startOf
} from "./Session.ts"

export { type Metadata, type Session, SessionExists, SessionNotFound } from "./Session.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<D, DI, R, M, MI, RM> {
  /** What the data is. */
  readonly data: Schema.Schema<D, DI, R>
  /** What the metadata is. Default: a record of anything. */
  readonly metadata?: Schema.Schema<M, MI, RM> | undefined
  /** How long a session lives after it was created, updated, touched or rotated last. Default: for ever. */
  readonly ttl?: Duration.DurationInput | undefined
  /** How long a session lives after it was created, whatever happens to it. Default: for ever. */
  readonly absoluteTtl?: Duration.DurationInput | undefined
  /** The segment of the namespace. Default: the tag's id. */
  readonly namespace?: string | undefined
  /** Which sessions live together: see `Namespace`. Rotation stays within a placement. */
  readonly placement?: Placement | undefined
  /** How sessions are stored: see `Codec`. Default: as the store says. */
  readonly codec?: Codec | undefined
  /** Draws the ids. Default: 192 bits of the system's secure random source, in 32 URL-safe characters. */
  readonly makeId?: Effect.Effect<string> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CreateOptions<D, M> {
  readonly data: D
  /** Default: an empty record. */
  readonly metadata?: M | undefined
  /** An id of your own choice, as hard to guess as it must be. */
  readonly id?: string | undefined
  /** How long this session may be idle. Default: the `ttl` of all. */
  readonly ttl?: Duration.DurationInput | undefined
}

/**
 * What an update changes: the properties that are named, where data and metadata are merged, or all of data, all of
 * metadata, where they are replaced. What is left out stays.
 *
 * @since 0.1.0
 * @category models
 */
export type Changes<D, M> =
  | {
      readonly mode?: "merge" | undefined
      readonly data?: Partial<D> | undefined
      readonly metadata?: Partial<M> | undefined
    }
  | { readonly mode: "replace"; readonly data?: D | undefined; readonly metadata?: M | undefined }

/**
 * @since 0.1.0
 * @category errors
 */
export type UpdateError = ReadError | WriteError | VersionConflict | SessionNotFound

/**
 * @since 0.1.0
 * @category models
 */
export interface Sessions<D, M = Metadata> {
  /** Starts a session. An id of one's own that is taken is `SessionExists`. */
  readonly create: (
    options: CreateOptions<D, M>
  ) => Effect.Effect<Session<D, M>, ReadError | WriteError | SessionExists>
  /** The session, if there is one. Looking at it does not prolong it: `touch` does. */
  readonly get: (id: string) => Effect.Effect<Option.Option<Session<D, M>>, ReadError>
  /** The session, or `SessionNotFound`. */
  readonly require: (id: string) => Effect.Effect<Session<D, M>, ReadError | SessionNotFound>
  /**
   * Changes a session and prolongs it. Two updates of different properties at once both survive, and a session that was
   * deleted in between stays deleted.
   */
  readonly update: (id: string, changes: Changes<D, M>) => Effect.Effect<Session<D, M>, UpdateError>
  /** Changes a session by a function and prolongs it, atomically: the function may run again if another writer was faster. */
  readonly modify: (
    id: string,
    f: (session: Session<D, M>) => { readonly data: D; readonly metadata: M }
  ) => Effect.Effect<Session<D, M>, UpdateError>
  /**
   * Locks a session, shows it to a function that may take its time, then makes the changes it decides on, as `update`
   * does. It waits up to 10 seconds for the lock unless told otherwise. Updates that don't take the lock are not kept out: what
   * the function names wins over them, and the rest of theirs stays.
   */
  readonly withSession: (
    id: string,
    options?: Lock.Options
  ) => <A, E, R>(
    f: (session: Session<D, M>, lease: Lock.Lease) => Effect.Effect<readonly [A, Changes<D, M>], E, R>
  ) => Effect.Effect<A, E | UpdateError | Lock.AcquireError | Lock.LockLost, R>
  /** Prolongs a session by its idle time, or the one given here; tells whether there is one. */
  readonly touch: (
    id: string,
    options?: { readonly ttl?: Duration.DurationInput | undefined }
  ) => Effect.Effect<boolean, ReadError | WriteError | VersionConflict>
  /** Ends a session; tells whether there was one. */
  readonly delete: (id: string) => Effect.Effect<boolean, WriteError>
  /**
   * Moves a session to a new id, and kills the old one in the same commit: after a login, say. Its data, age and absolute
   * end stay.
   */
  readonly rotate: (id: string) => Effect.Effect<Session<D, M>, UpdateError>
  /** Some sessions, in the order of their ids. */
  readonly list: (options?: PageOptions<"fail" | "skip">) => Effect.Effect<Page<Session<D, M>>, ReadError>
  /** All sessions, read page by page. */
  readonly stream: Stream.Stream<Session<D, M>, ReadError>
  /** How many sessions there are. */
  readonly count: Effect.Effect<number, ReadError>
  /** Ends all sessions, and gives their number. */
  readonly clear: Effect.Effect<number, ReadError | WriteError>
  /** The namespace that the sessions lie in, undecoded. */
  readonly store: StateStore.Service
}

/**
 * Sessions in a store; the services that the schemas need are taken from the context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <D, DI, R, M = Metadata, MI = Metadata, RM = never>(
  id: string,
  options: Options<D, DI, R, M, MI, RM>
): Effect.Effect<Sessions<D, M>, never, StateStore.StateStore | R | RM> =>
  Effect.gen(function* () {
    const { codec, namespace, placement, makeId = secureId } = options
    const schema = envelope(options)
    const sessions = yield* Collection.make(id, { schema, namespace, placement, codec, secretKeys: true })
    const { store } = sessions
    const idle = ttlOf(options.ttl)
    const absolute = ttlOf(options.absoluteTtl)

    /** How long a session lives that is written or touched now; a new one has no age yet. */
    const lifetime = (idleMs: number | null | undefined, createdAtMs: number | undefined) =>
      Effect.zipWith(idle, absolute, (idleDefaultMs, absoluteMs) => {
        const ttl = idleMs === undefined ? idleDefaultMs : (idleMs ?? Number.POSITIVE_INFINITY)
        if (createdAtMs === undefined) return { ttl: Math.min(ttl, absoluteMs), notAfterMs: undefined }
        return { ttl, notAfterMs: Number.isFinite(absoluteMs) ? createdAtMs + absoluteMs : undefined }
      })

    /** Reads a session and commits what follows from it, again if another writer was faster. */
    const change = <A, E = never>(
      id: string,
      f: (entry: Entry<Envelope<D, M>>) => Effect.Effect<A, E | UpdateError>
    ): Effect.Effect<A, E | UpdateError> =>
      Modification.untilCommitted(
        store.key(id),
        Effect.flatMap(sessions.get(id), (entry) =>
          Option.isNone(entry) ? Effect.fail(notFound(id)) : Modification.orConflict(f(entry.value))
        )
      )

    /** Writes a session under an id, along with the steps that make it right to do so. */
    const write = (
      id: string,
      value: Envelope<D, M>,
      createdAtMs: number | undefined,
      steps: Atomic.Atomic<VersionConflict>
    ) =>
      Effect.gen(function* () {
        const { notAfterMs, ttl } = yield* lifetime(value.idleMs, createdAtMs)
        const put = yield* sessions.put(id, value, { notAfterMs, ttl })
        const { atMs, version } = yield* store.commit(steps.pipe(put))
        const ttlMs = Number.isFinite(ttl) ? ttl : undefined
        const expiresAtMs = Ttl.expiresAtMs({ keep: false, notAfterMs, ttlMs }, atMs, "absent")
        return fromEntry(new Entry(id, value, version, createdAtMs ?? atMs, atMs, expiresAtMs))
      })

    /** Writes what becomes of a session that was read, if it is still as it was. */
    const rewrite = (
      entry: Entry<Envelope<D, M>>,
      changes: Partial<Envelope<D, M>>,
      checks: Atomic.Atomic<VersionConflict> = Atomic.make
    ) => {
      const unchanged = checks.pipe(Atomic.check(entry.key, entry.version))
      return write(entry.key, { ...entry.value, ...changes }, startOf(entry), unchanged)
    }

    /** {@link rewrite}, as an update says. */
    const apply = (entry: Entry<Envelope<D, M>>, changes: Changes<D, M>, checks?: Atomic.Atomic<VersionConflict>) => {
      const { data, metadata } = entry.value
      return changes.mode === "replace"
        ? rewrite(entry, { data: changes.data ?? data, metadata: changes.metadata ?? metadata }, checks)
        : rewrite(entry, { data: merge(data, changes.data), metadata: merge(metadata, changes.metadata) }, checks)
    }

    /** A new id that lives where the old one does. */
    const idBeside = (old: string): Effect.Effect<string> =>
      Effect.repeat(makeId, { until: (id) => store.together([store.key(old), store.key(id)]) })

    const self: Sessions<D, M> = {
      create: ({ data, id, metadata, ttl }) =>
        Effect.gen(function* () {
          const newId = id ?? (yield* makeId)
          const idleMs = ttl === undefined ? undefined : yield* ttlOf(ttl)
          const value = {
            data,
            metadata: metadata ?? ({} as M), // As the documentation says; a schema of another kind refuses it.
            idleMs: idleMs === Number.POSITIVE_INFINITY ? null : idleMs
          }
          return yield* write(newId, value, undefined, Atomic.make.pipe(Atomic.check(newId, "absent"))).pipe(
            Effect.catchTag("VersionConflict", () => Effect.fail(new SessionExists({ id: Redacted.make(newId) })))
          )
        }),
      get: (id) => Effect.map(sessions.get(id), Option.map(fromEntry)),
      require: (id) =>
        Effect.flatMap(
          sessions.get(id),
          Option.match({ onNone: () => Effect.fail(notFound(id)), onSome: (entry) => Effect.succeed(fromEntry(entry)) })
        ),
      update: (id, changes) => change(id, (entry) => apply(entry, changes)),
      modify: (id, f) => change(id, (entry) => Effect.suspend(() => rewrite(entry, f(fromEntry(entry))))),
      withSession: (id, options) => (f) => {
        const locked = Lock.withLockOn(store, id, options)
        return locked((lease) =>
          Effect.gen(function* () {
            const [result, changes] = yield* f(yield* self.require(id), lease)
            const fence = Atomic.make.pipe(Atomic.fencedBy(lease))
            // The lock may be what a conflict is about: then there is no sense in another attempt.
            yield* change(id, (entry) => Effect.zipRight(lease.verify, apply(entry, changes, fence)))
            return result
          })
        )
      },
      touch: (id, options) =>
        change(id, (entry) =>
          Effect.gen(function* () {
            const idleMs = options?.ttl === undefined ? entry.value.idleMs : yield* ttlOf(options.ttl)
            const { notAfterMs, ttl } = yield* lifetime(idleMs, startOf(entry))
            const expire = Atomic.expire(id, ttl, { notAfterMs })
            yield* store.commit(Atomic.make.pipe(Atomic.check(id, entry.version), expire))
            return true
          })
        ).pipe(Effect.catchTag("SessionNotFound", () => Effect.succeed(false))),
      delete: sessions.delete,
      rotate: (id) =>
        change(id, (entry) =>
          Effect.flatMap(idBeside(id), (newId) => {
            const createdAtMs = startOf(entry)
            const moved = Atomic.make.pipe(
              Atomic.check(id, entry.version),
              Atomic.check(newId, "absent"),
              Atomic.delete(id)
            )
            return write(newId, { ...entry.value, createdAtMs }, createdAtMs, moved)
          })
        ),
      list: (options) =>
        Effect.map(sessions.list(options), ({ entries, next }) => ({ entries: entries.map(fromEntry), next })),
      stream: Stream.map(sessions.stream(), fromEntry),
      count: sessions.count,
      clear: sessions.clear,
      store
    }
    return self
  })

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string, D, R, M, RM> extends Context.TagClass<Self, Id, Sessions<D, M>> {
  readonly layer: Layer.Layer<Self, never, StateStore.StateStore | R | RM>
}

/**
 * A class that is the tag of an application's sessions, with its layer.
 *
 * ```ts
 * import { MemoryStore, Sessions } from "effect-state"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const ConversationData = Schema.Struct({ userId: Schema.String, messages: Schema.Array(Schema.String) })
 *
 * class Conversations extends Sessions.Tag<Conversations>()("Conversations", { data: ConversationData, ttl: "1 hour" }) {}
 *
 * const program = Effect.gen(function* () {
 *   const conversations = yield* Conversations
 *   const { id } = yield* conversations.create({ data: { userId: "user123", messages: [] }, metadata: { channel: "voice" } })
 *   yield* conversations.update(id, { data: { messages: ["Hello"] } })
 *   return yield* conversations.require(id)
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Conversations.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <const Id extends string, D, DI, R, M = Metadata, MI = Metadata, RM = never>(
    id: Id,
    options: Options<D, DI, R, M, MI, RM>
  ): TagClass<Self, Id, D, R, M, RM> => {
    const base = Context.Tag(id)<Self, Sessions<D, M>>()
    return Object.assign(base, { layer: Layer.effect(base, make(id, options)) })
  }

/** Milliseconds; infinite means never. */
const ttlOf = (ttl: Duration.DurationInput | undefined) =>
  ttl === undefined
    ? Effect.succeed(Number.POSITIVE_INFINITY)
    : Effect.map(Ttl.decode(ttl), (ttlMs) => ttlMs ?? Number.POSITIVE_INFINITY)

const secureId = Effect.sync(() => Encoding.encodeBase64Url(crypto.getRandomValues(new Uint8Array(24))))
