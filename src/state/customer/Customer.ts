/**
 * Customers: profile, conversation, open items, notes and sessions of each in one entry, and a history that grows beside it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Lock from "../../coordination/lock/Lock.ts"
import * as Atomic from "../../store/Atomic.ts"
import * as Modification from "../../store/Modification.ts"
import type * as Namespace from "../../store/Namespace.ts"
import { InvalidOption } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Migrated from "../migration/Migrated.ts"
import * as ActiveSessions from "./ActiveSessions.ts"
import * as Archive from "./Archive.ts"
import * as Changes from "./Changes.ts"
import * as Cleanup from "./Cleanup.ts"
import type { Customers } from "./Customers.ts"
import * as Document from "./Document.ts"
import * as Log from "./Log.ts"
import { create, type State } from "./Model.ts"
import type * as Overflow from "./Overflow.ts"
import * as Stored from "./Stored.ts"
import * as Updates from "./Updates.ts"

export type { ChangeError, Written } from "./Changes.ts"
export type { Customers, IfActive, StartOptions } from "./Customers.ts"
export { InvalidTime, Versions } from "./Document.ts"
export type { Item, Log, Order, Page, PageOptions } from "./Log.ts"
export {
  ActiveItems,
  Archived,
  ConversationContext,
  create,
  History,
  Message,
  Profile,
  SessionInfo,
  State
} from "./Model.ts"
export { SessionActive } from "./SessionActive.ts"
export type { GetError } from "./Stored.ts"
export * from "./Updates.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends Omit<Namespace.Options, "placement"> {
  /** The segment of the namespace. Default: the tag's id. */
  readonly namespace?: string | undefined
  /**
   * How much of the history stays in the customer's own entry, the newest: 1 to 1,000 of each, and up to nine more, because
   * what is more moves to entries of ten. Default 5 messages, 5 sessions, 5 attempts.
   */
  readonly keep?: { readonly [K in Overflow.Kind]?: number | undefined } | undefined
}

/**
 * Customers in a store. What can't be kept is an `InvalidOption`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  id: string,
  options: Options = {}
): Effect.Effect<Customers, InvalidOption, StateStore.StateStore> =>
  Effect.gen(function* () {
    const keep = yield* checkKeep(options.keep)
    const customers = yield* Migrated.make(id, { ...options, schema: Document.Versions })
    const { store } = customers
    const stored = yield* Stored.make
    const archive = yield* Archive.make(store)
    const index = store.namespace("sessions", { ttl: Number.POSITIVE_INFINITY })
    const changes = Changes.make(store, stored, archive, index, keep)
    const { change } = changes
    const state = (id: string) =>
      Effect.map(
        customers.get(id),
        Option.map(({ value }) => value)
      )

    /** Changes a customer, who is created if there is none, and gives him as written. */
    const update: Customers["update"] = (id, f, options) =>
      Effect.map(
        change(
          id,
          (current, now) => {
            const next = f(Option.getOrElse(current, () => create(id, now)))
            return [next, next]
          },
          options
        ),
        ([next, written]) => written ?? next
      )

    const cleanup: Customers["cleanup"] = Effect.all({
      archives: Cleanup.archives(archive, changes.find, customers.quarantine),
      sessions: Cleanup.sessions(index, changes.find, customers.quarantine)
    })

    const self: Customers = {
      ...pick(customers),
      migrateAll: (options) =>
        Effect.tap(customers.migrateAll(options), () =>
          customers.stream({ onInvalid: "skip" }).pipe(
            Stream.filter(({ value }) => Stored.activeIds(value).length > 0),
            Stream.runForEach(({ key }) => changes.indexSessions(key))
          )
        ),
      ...ActiveSessions.make(store, index, changes),
      get: (id) =>
        Effect.map(
          changes.find(id),
          Option.map(({ entry }) => entry)
        ),
      getOrCreate: (id, options) =>
        Effect.map(
          change(
            id,
            (current, now) =>
              Option.match(current, {
                onSome: (state) => [state, undefined],
                onNone: () => [create(id, now), create(id, now)]
              }),
            options
          ),
          ([state, written]) => written ?? state
        ),
      save: (state, { ifVersion, ...options } = {}) => {
        const id = state.customerId
        const attempt = Effect.gen(function* () {
          const found = yield* changes.find(id)
          const checked = ifVersion === undefined ? Atomic.make : Atomic.make.pipe(Atomic.check(id, ifVersion))
          return yield* changes.write(id, found, state, options, (atomic) =>
            store.commit({ ...atomic, steps: [...checked.steps, ...atomic.steps] })
          )
        })
        return ifVersion === undefined
          ? Modification.untilCommitted(store.key(id), Modification.orConflict(attempt))
          : attempt
      },
      update,
      withCustomer: (id, { lease, wait, ...options } = {}) => {
        const locked = Lock.withLockOn(store, id, { lease, wait })
        return (f) =>
          locked((lease) =>
            Effect.gen(function* () {
              const found = yield* changes.find(id)
              const now = yield* DateTime.now
              const current = Option.match(found, { onNone: () => create(id, now), onSome: ({ entry }) => entry.value })
              const [result, next] = yield* f(current, lease)
              yield* changes.write(id, found, next, options, (atomic) => Lock.commitOn(store, lease, atomic))
              return result
            })
          )
      },
      updateProfile: (id, updates) => update(id, Updates.updateProfile(updates)),
      addMessage: (id, { content, role, timestamp }) =>
        Effect.flatMap(DateTime.now, (now) => changes.addMessage(id, { role, content, timestamp: timestamp ?? now })),
      setTemp: (id, key, value) => update(id, Updates.setTemp(key, value)),
      getTemp: (id, key) => Effect.map(state(id), Option.flatMap(Updates.getTemp(key))),
      clearTemp: (id) => update(id, Updates.clearTemp),
      messages: Log.make("messages", archive, state),
      sessions: Log.make("sessions", archive, state),
      resolutionAttempts: Log.make("resolutionAttempts", archive, state),
      delete: (id) =>
        Modification.untilCommitted(
          store.key(id),
          Modification.orConflict(
            Effect.flatMap(
              store.get(id),
              Option.match({
                onNone: () => Effect.succeed(false),
                onSome: (entry) => Effect.as(Effect.flatMap(changes.removable(entry), changes.remove), true)
              })
            )
          )
        ),
      cleanupOlderThan: (age) =>
        Effect.gen(function* () {
          const before = DateTime.subtractDuration(yield* DateTime.now, age)
          const removed = yield* Cleanup.olderThan(customers.stream({ onInvalid: "skip" }), before, changes)
          yield* cleanup
          return removed
        }),
      cleanup
    }
    return self
  })

/** What a collection does is right for customers too, as far as it does not write them. */
const pick = ({ count, exists, expire, list, quarantine, store, stream }: Migrated.Migrated<State>) => ({
  ...{ count, exists, expire, list, quarantine, store, stream }
})

const kept = { messages: 5, sessions: 5, resolutionAttempts: 5 }
const keptMax = 1_000

const checkKeep = (keep: Options["keep"] = {}): Either.Either<Overflow.Keep, InvalidOption> => {
  const all = {
    messages: keep.messages ?? kept.messages,
    sessions: keep.sessions ?? kept.sessions,
    resolutionAttempts: keep.resolutionAttempts ?? kept.resolutionAttempts
  }
  const wrong = Object.entries(all).find(([, count]) => !(Number.isInteger(count) && count >= 1 && count <= keptMax))
  if (wrong === undefined) return Either.right(all)
  const [kind, count] = wrong
  const reason = `expected an integer from 1 to ${keptMax}, got ${count}`
  return Either.left(new InvalidOption({ option: `keep.${kind}`, reason }))
}

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string> extends Context.TagClass<Self, Id, Customers> {
  readonly layer: Layer.Layer<Self, InvalidOption, StateStore.StateStore>
}

/**
 * A class that is the tag of an application's customers, with its layer.
 *
 * ```ts
 * import { Customer, MemoryStore } from "effect-state"
 * import { Effect, Layer, pipe } from "effect"
 *
 * class Customers extends Customer.Tag<Customers>()("Customers", { ttl: "30 days" }) {}
 *
 * const program = Effect.gen(function* () {
 *   const customers = yield* Customers
 *   const session = yield* customers.startSession("ada", { type: "chat", ifActive: "join" })
 *   yield* customers.addMessage("ada", { role: "user", content: "Where is my order?" })
 *   yield* customers.update("ada", (state) =>
 *     pipe(state, Customer.addIntent("track_order"), Customer.setTemp("step", "ask for the number"))
 *   )
 *   yield* customers.endSession(session.sessionId)
 *   return yield* customers.messages.page("ada", { limit: 10 })
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Customers.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <const Id extends string>(id: Id, options?: Options): TagClass<Self, Id> => {
    const base = Context.Tag(id)<Self, Customers>()
    return Object.assign(base, { layer: Layer.effect(base, make(id, options)) })
  }
