/**
 * The index that tells which sessions an owner has.
 *
 * It has an entry for each session that has an owner, under the owner and the session's key. The entry is written, prolonged
 * and deleted in the very commits that do so to the session, and has its deadline: so there is no session without its
 * entry, whatever crashes. An entry without its session is possible (somebody deleted the session past this module), and
 * does no harm, as the sessions are read before they count or end.
 *
 * What commits together lives together: the entries of an owner live in one place, and the ids of his sessions are drawn until
 * they live there.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import * as Concurrent from "../../store/Concurrent.ts"
import type { Entry } from "../../store/Entry.ts"
import * as Key from "../../store/Key.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { OnInvalid, Page, PageOptions } from "../../store/Reads.ts"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type { Version } from "../../store/Version.ts"
import type { Collection } from "../collection/Collection.ts"
import type { Lifetime } from "./Lifetime.ts"
import type { Envelope } from "./Session.ts"

/**
 * A session's entry in the index of its owner.
 *
 * @since 0.1.0
 * @category models
 */
export interface Member {
  readonly owner: string
  /** The session's key. */
  readonly key: string
  /** It stays as long as the session has this key. */
  readonly version: Version
  /** When the session was created, under whatever id, in milliseconds since the epoch. */
  readonly createdAtMs: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Owners<D, M> {
  /** An entry that lives where all of an owner's do; it is there for a while after a session of his came or moved. */
  readonly gate: (owner: string) => Key.FullKey
  /** Puts a session into the index. */
  readonly enter: (
    owner: string | undefined,
    key: string,
    createdAtMs: number | undefined,
    life: Lifetime
  ) => Atomic.Steps
  /** Gives a session's place in the index the session's deadline. */
  readonly stay: (owner: string | undefined, key: string, life: Lifetime) => Atomic.Steps
  /** Takes a session out of the index. */
  readonly leave: (owner: string | undefined, key: string) => Atomic.Steps
  /** The sessions of an owner, in the order of their keys. */
  readonly page: (
    owner: string,
    options?: PageOptions<Exclude<OnInvalid, "either">>
  ) => Effect.Effect<Page<Entry<Envelope<D, M>>>, ReadError>
  /** All members of an owner, the oldest first. */
  readonly members: (owner: string) => Effect.Effect<ReadonlyArray<Member>, ReadError>
  /** Those members whose sessions are there; one that can't be decoded is. */
  readonly live: (members: ReadonlyArray<Member>) => Effect.Effect<ReadonlyArray<Member>, ReadError>
  /** Ends a session that still has its key. */
  readonly remove: (member: Member) => Atomic.Steps<VersionConflict>
  /** Ends sessions that are still there under their keys, and gives their number. */
  readonly end: (members: ReadonlyArray<Member>) => Effect.Effect<number, WriteError>
  /** Ends all sessions of an owner but one, and gives their number. */
  readonly endAll: (owner: string, exceptKey: string | undefined) => Effect.Effect<number, ReadError | WriteError>
  /** Takes out of the index what has no session. */
  readonly prune: Effect.Effect<void, ReadError | WriteError>
}

/**
 * The index of some sessions; `placement` is theirs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <D, M>(
  sessions: Collection<Envelope<D, M>>,
  placement: Namespace.Placement | undefined
): Owners<D, M> => {
  const { store } = sessions
  const index = store.namespace(Namespace.inner("owners"), {
    // Where all sessions live together, their owners do, too.
    placement: placement === "namespace" ? () => store.key("owners") : "prefix",
    secretKeys: true
  })
  const place = (owner: string, key: string) => index.key(startOf(owner) + key)

  const ifUnchanged = (atomic: Atomic.Atomic<VersionConflict>) =>
    Effect.catchTag(Effect.asVoid(store.commit(atomic)), "VersionConflict", () => Effect.void)

  const remove = ({ key, owner, version }: Member): Atomic.Steps<VersionConflict> => {
    // Unchecked, it could end a session of somebody else who has got the id since.
    const isTheirs = Atomic.check(place(owner, key), version)
    return (steps) => steps.pipe(isTheirs, Atomic.delete(store.key(key)), Atomic.delete(place(owner, key)))
  }

  const end = (members: ReadonlyArray<Member>) =>
    Concurrent.forEach(members, endingMax, (member) =>
      store.commit(Atomic.make.pipe(remove(member))).pipe(
        Effect.map(({ results }) => (results[0] === true ? 1 : 0)),
        Effect.catchTag("VersionConflict", () => Effect.succeed(0))
      )
    ).pipe(Effect.map((ended) => ended.reduce<number>((sum, n) => sum + n, 0)))

  /** Takes an entry out whose session is gone, or is somebody else's now. */
  const forget = ({ key, owner, version }: Member) =>
    ifUnchanged(Atomic.make.pipe(Atomic.check(place(owner, key), version), Atomic.delete(place(owner, key))))

  const live: Owners<D, M>["live"] = (members) =>
    Effect.map(
      sessions.getMany(
        members.map(({ key }) => key),
        { onInvalid: "either" }
      ),
      (found) => members.filter(({ owner }, i) => isThere(owner, found[i]))
    )

  const endAll = (owner: string, exceptKey: string | undefined): Effect.Effect<number, ReadError | WriteError> =>
    // From the start each time: a session that moves to another id meanwhile may come to lie before those that were read.
    Effect.flatMap(index.page(KeyRange.prefix(startOf(owner)), { limit: endingMax }), ({ entries }) => {
      const members = entries.map((entry) => memberOf(owner, entry)).filter(({ key }) => key !== exceptKey)
      if (members.length === 0) return Effect.succeed(0)
      return Effect.gen(function* () {
        const theirs = yield* live(members)
        const ended = yield* end(theirs)
        const others = members.filter((member) => !theirs.includes(member))
        yield* Concurrent.forEach(others, endingMax, forget)
        return ended + (yield* endAll(owner, exceptKey))
      })
    })

  /** Takes an entry out that has no session, if it is one. */
  const pruneOne = ({ key, version }: Entry) => {
    const session = sessionOf(key)
    if (session === undefined) return Effect.void
    const gone = Atomic.make.pipe(Atomic.check(store.key(session), "absent"), Atomic.check(index.key(key), version))
    return ifUnchanged(gone.pipe(Atomic.delete(index.key(key))))
  }
  const prune = index
    .entries(KeyRange.all)
    .pipe(Stream.mapEffect(pruneOne, { concurrency: endingMax, unordered: true }), Stream.runDrain)

  return {
    gate: (owner) => index.key(`${Key.escapeSegment(owner)}:gate`),
    enter: (owner, key, createdAtMs, life) =>
      owner === undefined ? identity : Atomic.set(place(owner, key), { createdAtMs }, life),
    stay: (owner, key, life) => (owner === undefined ? identity : Atomic.expire(place(owner, key), life.ttl, life)),
    leave: (owner, key) => (owner === undefined ? identity : Atomic.delete(place(owner, key))),
    page: (owner, { onInvalid, ...options } = {}) =>
      Effect.gen(function* () {
        const { entries, next } = yield* index.page(KeyRange.prefix(startOf(owner)), options)
        const found = yield* sessions.getMany(
          entries.map((entry) => keyOf(owner, entry)),
          { onInvalid }
        )
        const theirs = found.flatMap(Option.toArray).filter(({ value }) => value.owner === owner)
        return { isComplete: theirs.length === entries.length, page: { entries: theirs, next } }
      }).pipe(
        // A session may have moved to another id between the two reads.
        Effect.repeat({ times: rereadsMax, until: ({ isComplete }) => isComplete }),
        Effect.map(({ page }) => page)
      ),
    members: (owner) =>
      Effect.map(Stream.runCollect(index.entries(KeyRange.prefix(startOf(owner)))), (entries) =>
        Array.from(entries, (entry) => memberOf(owner, entry)).sort(
          (a, b) => a.createdAtMs - b.createdAtMs || a.version - b.version
        )
      ),
    live,
    remove,
    end,
    endAll,
    prune
  }
}

/** How many sessions are ended at once, and how many members are read for it. At least 2: one may have to stay. */
const endingMax = 256

const rereadsMax = 3

/** What the keys of an owner's members start with: no owner's is the start of another's. */
const startOf = (owner: string): string => `${Key.escapeSegment(owner)}:${sessionPrefix}`

const sessionPrefix = "session:"

const keyOf = (owner: string, { key }: Entry): string => key.slice(startOf(owner).length)

const isThere = <D, M, E>(
  owner: string,
  session: Either.Either<Option.Option<Entry<Envelope<D, M>>>, E> | undefined
): boolean =>
  session !== undefined &&
  (Either.isLeft(session) || (Option.isSome(session.right) && session.right.value.value.owner === owner))

/** The key of the session that an entry of the index is for; nothing for a gate. */
const sessionOf = (key: string): string | undefined => {
  const rest = key.slice(key.indexOf(":") + 1)
  return rest.startsWith(sessionPrefix) ? rest.slice(sessionPrefix.length) : undefined
}

const memberOf = (owner: string, entry: Entry): Member => ({
  owner,
  key: keyOf(owner, entry),
  version: entry.version,
  createdAtMs:
    Predicate.hasProperty(entry.value, "createdAtMs") && Predicate.isNumber(entry.value.createdAtMs)
      ? entry.value.createdAtMs
      : entry.createdAtMs
})
