/**
 * The one place where customers are written: the customer's entry, what leaves it for the archive, and the index of active
 * sessions, in one commit.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as Modification from "../../store/Modification.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { EncodeError, InvalidKey, ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import type { Committed } from "../../store/Writes.ts"
import * as Archive from "./Archive.ts"
import type { Item } from "./Log.ts"
import { type Archived, create, type Message, nothingArchived, type State } from "./Model.ts"
import * as Overflow from "./Overflow.ts"
import * as Stored from "./Stored.ts"
import * as Updates from "./Updates.ts"

/**
 * What changing a customer can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ChangeError = Stored.GetError | WriteError | VersionConflict

/**
 * What must be known of a customer to remove all of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Removable {
  readonly key: string
  readonly version: Version
  readonly archiveId: string | undefined
  /** The ids of the active sessions. */
  readonly sessions: ReadonlyArray<string>
}

/**
 * A customer as written.
 *
 * @since 0.1.0
 * @category models
 */
export interface Written {
  readonly state: State
  readonly version: Version
}

/**
 * What a change makes of a customer: a result, and what to write, if anything.
 *
 * @since 0.1.0
 * @category models
 */
export type Change<A> = (current: Option.Option<State>, now: DateTime.Utc) => readonly [A, State | undefined]

type Commit<E> = (atomic: Atomic.Atomic<VersionConflict>) => Effect.Effect<Committed, E>

/**
 * @since 0.1.0
 * @category models
 */
export interface Changes {
  readonly find: (id: string) => Effect.Effect<Option.Option<Stored.Found>, Stored.GetError>
  /** Writes a customer who was read, if he still is as he was, by a commit of the caller's. */
  readonly write: <E>(
    id: string,
    found: Option.Option<Stored.Found>,
    next: State,
    options: Atomic.WriteOptions | undefined,
    commit: Commit<E>
  ) => Effect.Effect<Written, E | InvalidKey | EncodeError>
  /** Reads a customer and writes what follows from it, again if another writer was faster; gives what was written, too. */
  readonly change: <A>(
    id: string,
    f: Change<A>,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<readonly [A, State | undefined], ChangeError>
  /** Adds a message. The rest of a customer is not decoded for it. */
  readonly addMessage: (id: string, message: Message) => Effect.Effect<Item<Message>, ChangeError>
  /** Puts the active sessions of a customer into the index, whatever is there already. */
  readonly indexSessions: (id: string) => Effect.Effect<void, ChangeError>
  /** Removes a customer with the whole history, if the entry still is as it was. */
  readonly remove: (customer: Removable) => Effect.Effect<void, ReadError | WriteError | VersionConflict>
  /** What removing a stored customer takes, whether or not the entry can be decoded. */
  readonly removable: (entry: Entry) => Effect.Effect<Removable>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  store: StateStore.Service,
  stored: Stored.Stored,
  archive: Archive.Archive,
  sessions: StateStore.Service,
  keep: Overflow.Keep
): Changes => {
  const label = (id: string) => Namespace.label(store.key(id))

  const find: Changes["find"] = (id) =>
    Effect.flatMap(
      store.get(id),
      Option.match({
        onNone: () => Effect.succeedNone,
        onSome: (entry) => Effect.asSome(stored.decode(label(id), entry))
      })
    )

  /** The keys of sessions in the index; an id that was drawn elsewhere may live in another part of a cluster, and has none. */
  const indexed = (id: string, ids: ReadonlyArray<string>) =>
    ids
      .map((session) => sessions.key(session))
      .filter((key) => key.invalid === undefined && store.together([store.key(id), key]))

  /** The index follows the sessions that were started and ended; an older version had none. */
  const indexSteps = (id: string, found: Option.Option<Stored.Found>, next: State): ReadonlyArray<Atomic.Steps> => {
    const before = new Set(Option.isSome(found) && !found.value.isOld ? Stored.activeIds(found.value.entry.value) : [])
    const after = new Set(Stored.activeIds(next))
    const started = [...after].filter((session) => !before.has(session))
    const ended = [...before].filter((session) => !after.has(session))
    return [
      ...indexed(id, started).map((key) => Atomic.set(key, id)),
      ...indexed(id, ended).map((key) => Atomic.delete(key))
    ]
  }

  /** Writes a customer as encoded, and moves what is too much of the history. */
  const put = <E>(
    id: string,
    before: Before,
    { history: grown, ...rest }: Stored.Encoded,
    others: ReadonlyArray<Atomic.Steps>,
    options: Atomic.WriteOptions | undefined,
    commit: Commit<E>
  ): Effect.Effect<Put, E | InvalidKey> =>
    Effect.suspend((): Effect.Effect<Put, E | InvalidKey> => {
      const problem = archive.problem(id)
      if (problem !== undefined) return problem
      const { history, moved } = Overflow.split({ ...grown, archived: before.archived }, keep)
      const isNew = moved.length > 0 && before.archived.id === null
      const archived = isNew ? { ...history.archived, id: Archive.makeId() } : history.archived
      const value = Stored.envelope({ ...rest, customerId: id, history: { ...history, archived } })
      const steps = [
        Atomic.set(id, value, options),
        ...archive.steps({ key: id, id: archived.id ?? "" }, isNew, moved),
        ...others
      ]
      return Effect.map(commit(inOne(Atomic.make.pipe(Atomic.check(id, before.version)), steps)), ({ version }) => ({
        archived,
        version
      }))
    })

  const write: Changes["write"] = (id, found, next, options, commit) =>
    Effect.gen(function* () {
      const before = beforeOf(found)
      const state: State = { ...next, customerId: id, updatedAt: yield* DateTime.now }
      const encoded = yield* stored.encode(label(id), state)
      const { archived, version } = yield* put(id, before, encoded, indexSteps(id, found, state), options, commit)
      const { history } = Overflow.split({ ...state.history, archived: before.archived }, keep)
      return { state: { ...state, history: { ...history, archived } }, version }
    })

  /** Reads and commits, again if another writer was faster. */
  const again = <A, E>(id: string, attempt: Effect.Effect<A, E | VersionConflict>) =>
    Modification.untilCommitted(store.key(id), Modification.orConflict(attempt))

  return {
    find,
    write,
    change: <A>(id: string, f: Change<A>, options?: Atomic.WriteOptions) =>
      again<readonly [A, State | undefined], ChangeError>(
        id,
        Effect.gen(function* () {
          const found = yield* find(id)
          const current = Option.map(found, ({ entry }) => entry.value)
          const [result, next] = f(current, yield* DateTime.now)
          if (next === undefined) return [result, undefined] as const
          return [result, (yield* write(id, found, next, options, store.commit)).state] as const
        })
      ),
    addMessage: (id, message) =>
      Effect.gen(function* () {
        const encoded = yield* stored.encodeMessage(label(id), message)
        const position = yield* again<number, ChangeError>(
          id,
          Effect.gen(function* () {
            const now = yield* DateTime.now
            const entry = yield* store.get(id)
            const state = Option.flatMap(entry, Stored.current)
            if (Option.isNone(entry) || Option.isNone(state)) {
              const found = Option.isNone(entry)
                ? Option.none()
                : Option.some(yield* stored.decode(label(id), entry.value))
              const customer = Option.match(found, {
                onNone: () => create(id, now),
                onSome: ({ entry }) => entry.value
              })
              const next = Updates.addMessage(message)(customer)
              yield* write(id, found, next, undefined, store.commit)
              return lastPosition(next.history)
            }
            const { version } = entry.value
            const { history } = state.value
            const longer = { ...history, messages: [...history.messages, encoded] }
            const next = { ...state.value, updatedAt: DateTime.formatIso(now), history: longer }
            yield* put(id, { archived: history.archived, version }, next, [], undefined, store.commit)
            return lastPosition(longer)
          })
        )
        return { position, value: message }
      }),
    indexSessions: (id) =>
      again<void, ChangeError>(
        id,
        Effect.gen(function* () {
          const found = yield* find(id)
          if (Option.isNone(found)) return
          const { value, version } = found.value.entry
          const steps = indexed(id, Stored.activeIds(value)).map((key) => Atomic.set(key, id))
          if (steps.length > 0) yield* store.commit(inOne(Atomic.make.pipe(Atomic.check(id, version)), steps))
        })
      ),
    remove: ({ archiveId, key, sessions, version }) =>
      Effect.gen(function* () {
        const unchanged = Atomic.make.pipe(Atomic.check(key, version), Atomic.delete(key))
        yield* store.commit(
          inOne(
            unchanged,
            indexed(key, sessions).map((session) => Atomic.delete(session))
          )
        )
        if (archiveId !== undefined) yield* archive.remove({ key, id: archiveId })
      }),
    removable: (entry) =>
      Effect.map(Effect.option(stored.decode(label(entry.key), entry)), (found) => ({
        key: entry.key,
        version: entry.version,
        archiveId: Stored.archiveIdOf(entry),
        sessions: Option.match(found, { onNone: () => [], onSome: ({ entry }) => Stored.activeIds(entry.value) })
      }))
  }
}

/** What a write depends on: it is made if the customer's entry is at this version still. */
interface Before {
  readonly version: Version | "absent"
  readonly archived: Archived
}

interface Put {
  readonly version: Version
  readonly archived: Archived
}

const beforeOf = (found: Option.Option<Stored.Found>): Before =>
  Option.match(found, {
    onNone: () => ({ version: "absent", archived: nothingArchived }),
    onSome: ({ entry }) => ({ version: entry.version, archived: entry.value.history.archived })
  })

const inOne = (
  start: Atomic.Atomic<VersionConflict>,
  steps: ReadonlyArray<Atomic.Steps>
): Atomic.Atomic<VersionConflict> => steps.reduce((atomic, step) => step(atomic), start)

/** The position of the last message of a history that nothing has moved out of yet. */
const lastPosition = ({ archived, messages }: Overflow.Parts): number => archived.messages + messages.length - 1
