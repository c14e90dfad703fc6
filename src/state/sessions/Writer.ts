/**
 * How sessions are written: each commit changes a session and its place in its owner's index together.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import { Entry } from "../../store/Entry.ts"
import * as Modification from "../../store/Modification.ts"
import type { EncodeError, InvalidKey, InvalidTtl, VersionConflict, WriteError } from "../../store/StateError.ts"
import type { Collection } from "../collection/Collection.ts"
import * as Lifetime from "./Lifetime.ts"
import type { Owners } from "./Owners.ts"
import type { Changes, UpdateError } from "./Service.ts"
import { type Envelope, merge, startOf } from "./Session.ts"
import { notFound } from "./SessionError.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Writer<D, M> {
  /** Reads a session and commits what follows from it, again if another writer was faster. */
  readonly change: <A, E = never>(
    id: string,
    f: (entry: Entry<Envelope<D, M>>) => Effect.Effect<A, E | UpdateError>,
    key?: string
  ) => Effect.Effect<A, E | UpdateError>
  /** Writes a session under a key that it has not had yet, along with the steps that make it right to do so. */
  readonly enter: (
    key: string,
    value: Envelope<D, M>,
    createdAtMs: number | undefined,
    steps: Atomic.Atomic<VersionConflict>
  ) => Written<D, M>
  /** Changes a session that was read, if it is still as it was. */
  readonly apply: (
    entry: Entry<Envelope<D, M>>,
    changes: Changes<D, M>,
    checks?: Atomic.Atomic<VersionConflict>
  ) => Written<D, M>
  /** Gives a session that was read a new deadline, if it is still as it was. */
  readonly prolong: (
    entry: Entry<Envelope<D, M>>,
    idleMs: number | null | undefined
  ) => Effect.Effect<void, WriteError | VersionConflict>
}

type Written<D, M> = Effect.Effect<Entry<Envelope<D, M>>, WriteError | VersionConflict>

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <D, M>(
  sessions: Collection<Envelope<D, M>>,
  owners: Owners<D, M>,
  lifetime: ReturnType<typeof Lifetime.make>,
  keyOf: (id: string) => string
): Writer<D, M> => {
  const { store } = sessions

  const write = (
    key: string,
    value: Envelope<D, M>,
    createdAtMs: number | undefined,
    steps: Atomic.Atomic<VersionConflict>,
    index: (life: Lifetime.Lifetime) => Atomic.Steps
  ): Effect.Effect<Entry<Envelope<D, M>>, WriteError | VersionConflict | EncodeError | InvalidKey | InvalidTtl> =>
    Effect.gen(function* () {
      const life = yield* lifetime(value.idleMs, createdAtMs)
      const put = yield* sessions.put(key, value, life)
      const { atMs, version } = yield* store.commit(steps.pipe(put, index(life)))
      return new Entry(key, value, version, createdAtMs ?? atMs, atMs, Lifetime.expiresAtMs(life, atMs))
    })

  return {
    change: (id, f, key = keyOf(id)) =>
      Modification.untilCommitted(
        store.key(key),
        Effect.flatMap(sessions.get(key), (entry) =>
          Option.isNone(entry) ? Effect.fail(notFound(id)) : Modification.orConflict(f(entry.value))
        )
      ),
    enter: (key, value, createdAtMs, steps) =>
      write(key, value, createdAtMs, steps, (life) => owners.enter(value.owner, key, createdAtMs, life)),
    apply: (entry, changes, checks = Atomic.make) => {
      const { key, value, version } = entry
      const { data, metadata } = value
      const next =
        changes.mode === "replace"
          ? // What is null is given.
            {
              data: changes.data === undefined ? data : changes.data,
              metadata: changes.metadata === undefined ? metadata : changes.metadata
            }
          : { data: merge(data, changes.data), metadata: merge(metadata, changes.metadata) }
      const unchanged = checks.pipe(Atomic.check(key, version))
      return write(key, { ...value, ...next }, startOf(entry), unchanged, (life) => owners.stay(value.owner, key, life))
    },
    prolong: (entry, idleMs) =>
      Effect.gen(function* () {
        const { key, value, version } = entry
        const life = yield* lifetime(idleMs, startOf(entry))
        const unchanged = Atomic.make.pipe(Atomic.check(key, version), Atomic.expire(key, life.ttl, life))
        yield* store.commit(unchanged.pipe(owners.stay(value.owner, key, life)))
      })
  }
}
