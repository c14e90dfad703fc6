/**
 * How the state of a workflow and what lists show of it are written: together, and over what was read.
 *
 * A write deletes the index entry of the state that it replaces, and adds one of its own, which has the same deadline. The
 * check of the state's version keeps two writers from leaving two entries behind, or none.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Modification from "../../store/Modification.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { EncodeError, InvalidTtl, ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Ttl from "../../store/Ttl.ts"
import type { Committed } from "../../store/Writes.ts"
import type { SchemaCodec } from "../SchemaCodec.ts"
import * as Keys from "./Keys.ts"
import { type Indexed, Origin, type Saved, type Stored } from "./Records.ts"

type Steps = Atomic.Steps<VersionConflict>

/**
 * A write that was prepared: its steps, and the workflow that it makes, once it is committed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Write<M, C> {
  /** The workflow's id. */
  readonly id: string
  /** The first change tells whether the index entry was found that is replaced, if there is one. */
  readonly steps: Steps
  readonly saved: (committed: Committed) => Saved<M, C>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Writer<M, C> {
  /** What lies under a workflow's id, undecoded. */
  readonly read: (id: string) => Effect.Effect<Option.Option<Entry>, ReadError>
  /** Writing a state over what was read. */
  readonly write: (
    current: Option.Option<Entry>,
    next: Stored<M, C>,
    options: Atomic.WriteOptions
  ) => Effect.Effect<Write<M, C>, EncodeError | InvalidTtl>
  /** Removes what was read. */
  readonly remove: (
    id: string,
    current: Option.Option<Entry>
  ) => Effect.Effect<Committed, ReadError | WriteError | VersionConflict>
  /** Commits a prepared write. */
  readonly commit: (
    write: Write<M, C>,
    more?: Steps
  ) => Effect.Effect<Saved<M, C>, ReadError | WriteError | VersionConflict>
  /** Reads a workflow and commits what follows from it, again if another writer was faster. */
  readonly change: <A, E>(
    id: string,
    attempt: (current: Option.Option<Entry>) => Effect.Effect<A, E | VersionConflict>
  ) => Effect.Effect<A, Exclude<E, VersionConflict> | ReadError | VersionConflict>
}

/**
 * The writer of a namespace.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <M, C>(store: StateStore.Service, codec: SchemaCodec<Stored<M, C>>): Writer<M, C> => {
  const keyOf = (id: string) => store.key(Keys.state(id))

  const read: Writer<M, C>["read"] = (id) =>
    Effect.suspend(() => Keys.problem(id) ?? Effect.succeed(keyOf(id))).pipe(Effect.flatMap(store.get))

  /** Both entries have one deadline, so that "keep" must be said in a way that holds for a new key, too. */
  const lifetime = (options: Atomic.WriteOptions, current: Option.Option<Entry>): Lifetime => {
    const { notAfterMs, ttl } = options
    if (ttl !== "keep") return { ttl, notAfterMs }
    if (Option.isNone(current)) return { ttl: undefined, notAfterMs }
    const ends = [notAfterMs, current.value.expiresAtMs].filter((ms) => ms !== undefined)
    return { ttl: Number.POSITIVE_INFINITY, notAfterMs: ends.length === 0 ? undefined : Math.min(...ends) }
  }

  const write: Writer<M, C>["write"] = (current, next, options) =>
    Effect.gen(function* () {
      const { metadata, messages } = next.state
      const id = metadata.workflowId
      const key = keyOf(id)
      const value = yield* codec.encode(Namespace.label(key), next)
      const life = lifetime(options, current)
      const ttlMs = yield* life.ttl === undefined ? key.namespace.ttlMs : Ttl.decode(life.ttl)
      const createdAtMs = Option.getOrUndefined(current)?.createdAtMs
      const indexed: Indexed = { id, metadata, messageCount: messages.length, origin: next.origin, createdAtMs }
      return {
        id,
        steps: (atomic) =>
          atomic.pipe(
            unlist(id, current),
            Atomic.set(key, value, life),
            Atomic.append(store.key(Keys.indexPrefix), indexed, life)
          ),
        saved: ({ atMs, version }) => ({
          id,
          state: next.state,
          origin: next.origin,
          version,
          createdAtMs: createdAtMs ?? atMs,
          updatedAtMs: atMs,
          expiresAtMs: Ttl.expiresAtMs({ keep: false, ttlMs, notAfterMs: life.notAfterMs }, atMs, "absent")
        })
      }
    })

  /** Demands that the state is what was read, and deletes its index entry. */
  const unlist = (id: string, current: Option.Option<Entry>): Steps => {
    if (Option.isNone(current)) return Atomic.check(keyOf(id), "absent")
    const { version } = current.value
    return (atomic) => atomic.pipe(Atomic.check(keyOf(id), version), Atomic.delete(store.key(Keys.index(version))))
  }

  /**
   * Deletes what was listed of a workflow before a commit, if that did not find what it replaced: a state that was written anew
   * by other means (another codec, say) has a version that its index entry does not know.
   *
   * A later commit has replaced this one's index entry by its own, and found it, so that it looks for no others: its entry is
   * the one that counts, and stays. It was added with a greater version. An older one has a lesser stamp, or, in a store that
   * it was copied to, a lesser version.
   */
  const unlistOthers = (id: string, { results, version }: Committed): Effect.Effect<void, ReadError | WriteError> =>
    results[0] === true
      ? Effect.void
      : store.entries(KeyRange.prefix(Keys.indexPrefix), { onInvalid: "skip" }).pipe(
          Stream.filter(
            (entry) => Math.min(Atomic.stampOf(entry.key), entry.version) < version && isOf(id)(entry.value)
          ),
          Stream.runForEach(({ key }) => store.delete(key))
        )

  return {
    read,
    write,
    commit: ({ id, saved, steps }, more = identity) =>
      Effect.flatMap(store.commit(Atomic.make.pipe(steps, more)), (committed) =>
        Effect.as(unlistOthers(id, committed), saved(committed))
      ),
    remove: (id, current) => {
      const steps: Steps = (atomic) => atomic.pipe(unlist(id, current), Atomic.delete(keyOf(id)))
      return Effect.tap(store.commit(steps(Atomic.make)), (committed) =>
        Option.isSome(current) ? unlistOthers(id, committed) : Effect.void
      )
    },
    change: (id, attempt) =>
      Modification.untilCommitted(
        keyOf(id),
        Effect.flatMap(read(id), (current) => Modification.orConflict(attempt(current)))
      )
  }
}

/**
 * Where the workflow of an entry was forked from, whatever its state has become.
 *
 * @since 0.1.0
 * @category reading
 */
export const originOf = (entry: Option.Option<Entry>): Origin | undefined =>
  Option.getOrUndefined(Option.flatMap(entry, ({ value }) => decodeForked(value)))?.origin

const isOf = (id: string) => Schema.is(Schema.Struct({ id: Schema.Literal(id) }))

const decodeForked = Schema.decodeUnknownOption(Schema.Struct({ origin: Schema.optional(Origin) }))

interface Lifetime {
  readonly ttl: Exclude<Atomic.WriteOptions["ttl"], "keep">
  readonly notAfterMs: number | undefined
}
