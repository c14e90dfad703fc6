/**
 * Sessions: data and metadata under an id that nobody can guess, which end when they are idle, or old, or deleted, or when
 * their owner has too many or ends them all.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Lock from "../../coordination/lock/Lock.ts"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Collection from "../collection/Collection.ts"
import * as Admission from "./Admission.ts"
import * as Creation from "./Creation.ts"
import * as Ids from "./Ids.ts"
import * as Lifetime from "./Lifetime.ts"
import * as Owners from "./Owners.ts"
import type { Options, Sessions } from "./Service.ts"
import { type Envelope, envelope, fromEntry, type Metadata, startOf } from "./Session.ts"
import { notFound } from "./SessionError.ts"
import * as Writer from "./Writer.ts"

export type { MaxConcurrent } from "./Admission.ts"
export type { Changes, CreateError, CreateOptions, Options, Sessions, UpdateError } from "./Service.ts"
export type { Metadata, Session } from "./Session.ts"
export { SessionExists, SessionNotFound, TooManySessions } from "./SessionError.ts"

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
    const { codec, makeId = Ids.secure, maxConcurrent, namespace, placement } = options
    const keyOf = Ids.keyOf(options.hashIds === true)
    const schema = envelope(options)
    const sessions = yield* Collection.make(id, { schema, namespace, placement, codec, secretKeys: true })
    const { store } = sessions
    const owners = Owners.make(sessions, placement)
    const writer = Writer.make(sessions, owners, Lifetime.make(options), keyOf)
    const { apply, change, enter, prolong } = writer
    const listed = (entry: Entry<Envelope<D, M>>) => fromEntry(entry)

    const self: Sessions<D, M> = {
      create: Creation.make(store, owners, writer, { keyOf, makeId, maxConcurrent }),
      get: (id) =>
        Effect.map(
          sessions.get(keyOf(id)),
          Option.map((entry) => fromEntry(entry, id))
        ),
      require: (id) =>
        Effect.flatMap(
          sessions.get(keyOf(id)),
          Option.match({
            onNone: () => Effect.fail(notFound(id)),
            onSome: (entry) => Effect.succeed(fromEntry(entry, id))
          })
        ),
      update: (id, changes) =>
        change(id, (entry) => Effect.map(apply(entry, changes), (entry) => fromEntry(entry, id))),
      modify: (id, f) =>
        change(id, (entry) =>
          Effect.suspend(() => {
            const { data, metadata } = f(fromEntry(entry, id))
            return Effect.map(apply(entry, { mode: "replace", data, metadata }), (entry) => fromEntry(entry, id))
          })
        ),
      withSession: (id, options) => (f) => {
        const locked = Lock.withLockOn(store, keyOf(id), options)
        return locked((lease) =>
          Effect.gen(function* () {
            const shown = yield* self.require(id)
            const [result, changes] = yield* f(shown, lease)
            const fence = Atomic.make.pipe(Atomic.fencedBy(lease))
            yield* change(id, (entry) =>
              // One that began under this id since is another session.
              startOf(entry) === shown.createdAt.epochMillis
                ? // The lock may be what a conflict is about: then there is no sense in another attempt.
                  Effect.zipRight(lease.verify, apply(entry, changes, fence))
                : Effect.fail(notFound(id))
            )
            return result
          })
        )
      },
      touch: (id, options) =>
        change(id, (entry) =>
          Effect.gen(function* () {
            const idleMs = options?.ttl === undefined ? entry.value.idleMs : yield* Lifetime.idleOf(options.ttl)
            yield* prolong(entry, idleMs)
            return true
          })
        ).pipe(Effect.catchTag("SessionNotFound", () => Effect.succeed(false))),
      delete: (id, options) => {
        const key = options?.listed === true ? id : keyOf(id)
        const remove = ({ value, version }: Entry<Envelope<D, M>>) => {
          const unchanged = Atomic.make.pipe(Atomic.check(key, version), Atomic.delete(key))
          return Effect.as(store.commit(unchanged.pipe(owners.leave(value.owner, key))), true)
        }
        return Effect.catchTags(change(id, remove, key), {
          SessionNotFound: () => Effect.succeed(false),
          // Nobody can tell whose it is; without it, its place in the index counts for nothing.
          DecodeError: () => sessions.delete(key)
        })
      },
      rotate: (id) =>
        change(id, (entry) =>
          Effect.flatMap(Ids.beside(store, keyOf, makeId, store.key(entry.key)), (newId) => {
            const { key, value, version } = entry
            const createdAtMs = startOf(entry)
            const moved = Atomic.make.pipe(
              Atomic.check(key, version),
              Atomic.check(keyOf(newId), "absent"),
              Atomic.delete(key),
              owners.leave(value.owner, key),
              Admission.passing(owners, value.owner)
            )
            return Effect.map(enter(keyOf(newId), { ...value, createdAtMs }, createdAtMs, moved), (entry) =>
              fromEntry(entry, newId)
            )
          })
        ),
      list: (options) =>
        Effect.map(sessions.list(options), ({ entries, next }) => ({ entries: entries.map(listed), next })),
      stream: Stream.map(sessions.stream(), listed),
      listByOwner: (owner, options) =>
        Effect.map(owners.page(owner, options), ({ entries, next }) => ({ entries: entries.map(listed), next })),
      endAllForOwner: (owner, options) =>
        owners.endAll(owner, options?.except === undefined ? undefined : keyOf(options.except)),
      count: sessions.count,
      clear: Effect.zipLeft(sessions.clear, owners.prune),
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
