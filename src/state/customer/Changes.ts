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
import * as Chain from "../migration/Chain.ts"
import * as Versioned from "../migration/Versioned.ts"
import type * as SchemaCodec from "../SchemaCodec.ts"
import * as Archive from "./Archive.ts"
import * as Document from "./Document.ts"
import { nothingArchived, type State } from "./Model.ts"
import * as Overflow from "./Overflow.ts"
import { activeSessions } from "./Updates.ts"

/**
 * What reading a customer can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type GetError = ReadError | Versioned.MigrationFailed | Versioned.NewerVersion

/**
 * What changing a customer can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ChangeError = GetError | WriteError | VersionConflict

/**
 * A customer as read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found {
  readonly entry: Entry<State>
  /** Whether its entry is of an earlier version. */
  readonly isOld: boolean
}

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

/**
 * @since 0.1.0
 * @category models
 */
export interface Changes {
  readonly find: (id: string) => Effect.Effect<Option.Option<Found>, GetError>
  /** Writes a customer who was read, if he still is as he was, by a commit of the caller's. */
  readonly write: <E>(
    id: string,
    found: Option.Option<Found>,
    next: State,
    options: Atomic.WriteOptions | undefined,
    commit: (atomic: Atomic.Atomic) => Effect.Effect<Committed, E>
  ) => Effect.Effect<Written, E | InvalidKey | EncodeError>
  /** {@link write}, by a commit to the store. */
  readonly commit: (atomic: Atomic.Atomic) => Effect.Effect<Committed, WriteError | VersionConflict>
  /** Reads a customer and writes what follows from it, again if another writer was faster; gives what was written, too. */
  readonly change: <A>(
    id: string,
    f: Change<A>,
    options?: Atomic.WriteOptions
  ) => Effect.Effect<readonly [A, State | undefined], ChangeError>
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
  values: SchemaCodec.SchemaCodec<State>,
  archive: Archive.Archive,
  sessions: StateStore.Service,
  keep: Overflow.Keep
): Changes => {
  const label = (id: string) => Namespace.label(store.key(id))
  const commit = (atomic: Atomic.Atomic) => Effect.catchTag(store.commit(atomic), "NotInteger", Effect.die) // It adds nothing.

  const decode = (entry: Entry): Effect.Effect<Found, GetError> =>
    Effect.mapBoth(values.decode(label(entry.key), entry.value), {
      onSuccess: (state) => ({ entry: entry.as(entry.key, state), isOld: !Document.Versions.isCurrent(entry.value) }),
      onFailure: (error) => Option.getOrElse(Versioned.failureOf(error), () => error)
    })

  const find: Changes["find"] = (id) =>
    Effect.flatMap(
      store.get(id),
      Option.match({ onNone: () => Effect.succeedNone, onSome: (entry) => Effect.asSome(decode(entry)) })
    )

  /** The key of a session in the index; an id that was drawn elsewhere may live in another part of a cluster, and has none. */
  const indexed = (id: string, ids: ReadonlyArray<string>) =>
    ids
      .map((session) => sessions.key(session))
      .filter((key) => key.invalid === undefined && store.together([store.key(id), key]))

  /** The index follows the sessions that were started and ended; an older version had none. */
  const indexSteps = (id: string, found: Option.Option<Found>, next: State): ReadonlyArray<Step> => {
    const before = new Set(Option.isSome(found) && !found.value.isOld ? activeIds(found.value.entry.value) : [])
    const after = new Set(activeIds(next))
    const started = [...after].filter((session) => !before.has(session))
    const ended = [...before].filter((session) => !after.has(session))
    return [
      ...indexed(id, started).map((key) => Atomic.set(key, id)),
      ...indexed(id, ended).map((key) => Atomic.delete(key))
    ]
  }

  const write: Changes["write"] = (id, found, next, options, commit) =>
    Effect.gen(function* () {
      const problem = archive.problem(id)
      if (problem !== undefined) return yield* problem
      const archived = Option.match(found, {
        onNone: () => nothingArchived,
        onSome: ({ entry }) => entry.value.history.archived
      })
      const { history, moved } = Overflow.split({ ...next.history, archived }, keep)
      const isNew = moved.length > 0 && archived.id === null
      const archiveId = isNew ? yield* Archive.makeId : archived.id
      const state: State = {
        ...next,
        customerId: id,
        updatedAt: yield* DateTime.now,
        history: isNew ? { ...history, archived: { ...history.archived, id: archiveId } } : history
      }
      const version = Option.match(found, { onNone: () => "absent" as const, onSome: ({ entry }) => entry.version })
      const put = Atomic.set(id, yield* values.encode(label(id), state), options)
      const move = yield* archive.steps({ key: id, id: archiveId ?? "" }, isNew, moved)
      const unchanged = Atomic.make.pipe(Atomic.check(id, version))
      const committed = yield* commit(together(unchanged, [put, ...move, ...indexSteps(id, found, state)]))
      return { state, version: committed.version }
    })

  return {
    find,
    write,
    commit,
    change: (id, f, options) =>
      Modification.untilCommitted(
        store.key(id),
        Modification.orConflict(
          Effect.gen(function* () {
            const found = yield* find(id)
            const current = Option.map(found, ({ entry }) => entry.value)
            const [result, next] = f(current, yield* DateTime.now)
            if (next === undefined) return [result, undefined] as const
            return [result, (yield* write(id, found, next, options, commit)).state] as const
          })
        )
      ),
    remove: ({ archiveId, key, sessions, version }) =>
      Effect.gen(function* () {
        const unchanged = Atomic.make.pipe(Atomic.check(key, version), Atomic.delete(key))
        yield* commit(
          together(
            unchanged,
            indexed(key, sessions).map((session) => Atomic.delete(session))
          )
        )
        if (archiveId !== undefined) yield* archive.remove({ key, id: archiveId })
      }),
    removable: (entry) =>
      Effect.map(Effect.option(decode(entry)), (found) => ({
        key: entry.key,
        version: entry.version,
        archiveId: archiveIdOf(entry),
        sessions: Option.match(found, { onNone: () => [], onSome: ({ entry }) => activeIds(entry.value) })
      }))
  }
}

/**
 * The archive of a stored customer, if there is one.
 *
 * @since 0.1.0
 * @category archives
 */
export const archiveIdOf = ({ value }: Entry): string | undefined => {
  const id = Chain.partAt(value, ["value", "history", "archived", "id"])
  return typeof id === "string" ? id : undefined
}

type Step = (self: Atomic.Atomic) => Atomic.Atomic

const together = (start: Atomic.Atomic, steps: ReadonlyArray<Step>): Atomic.Atomic =>
  steps.reduce((atomic, step) => step(atomic), start)

/**
 * The ids of the active sessions.
 *
 * @since 0.1.0
 * @category sessions
 */
export const activeIds = (state: State): ReadonlyArray<string> =>
  activeSessions()(state).map(({ sessionId }) => sessionId)
