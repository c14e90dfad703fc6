/**
 * What sessions can do.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type * as Lock from "../../coordination/lock/Lock.ts"
import type { Codec } from "../../store/Codec.ts"
import type { Placement } from "../../store/Namespace.ts"
import type { Page, PageOptions } from "../../store/Reads.ts"
import type { InvalidOption, ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { MaxConcurrent } from "./Admission.ts"
import type { Metadata, Session } from "./Session.ts"
import type { SessionExists, SessionNotFound, TooManySessions } from "./SessionError.ts"

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
  /** How many sessions an owner may have at once, across all processes. Default: any number. */
  readonly maxConcurrent?: MaxConcurrent | undefined
  /**
   * Stores each session under the SHA-256 hash of its id, so that who reads the database has no id that he could use. Lists
   * then have the hash in the place of the id. Sessions that were stored otherwise are not found again, and an id of one's
   * own choice is as safe as it is hard to guess. Default: false.
   */
  readonly hashIds?: boolean | undefined
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
  /**
   * Whose session it is (a user's id, say), as long as it lives: `listByOwner` and `endAllForOwner` find it by that. Owner and id
   * must fit into one key. On Redis Cluster a session lies where its owner's do: ids are drawn until they do, and an id of
   * one's own that lies elsewhere is `Unsupported`, as owners are where `placement` is a prefix or a function.
   * A session of nobody becomes nobody's later: start a new one at the login, and delete the old.
   */
  readonly owner?: string | undefined
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
 * @category errors
 */
export type CreateError = ReadError | WriteError | VersionConflict | InvalidOption | SessionExists | TooManySessions

/**
 * @since 0.1.0
 * @category models
 */
export interface Sessions<D, M = Metadata> {
  /**
   * Starts a session. An id of one's own that is taken is `SessionExists`. With `maxConcurrent`, a session of an owner who has as
   * many is refused with `TooManySessions`, or ends his oldest one in the same commit; a `max` out of bounds is `InvalidOption`.
   */
  readonly create: (options: CreateOptions<D, M>) => Effect.Effect<Session<D, M>, CreateError>
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
   * the function names wins over them, and the rest of theirs stays. A session that has ended meanwhile is `SessionNotFound`, also
   * if another one began under its id.
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
  /**
   * Ends a session; tells whether there was one. `listed` says that the id is as lists give it: with `hashIds` that is the
   * hash, by which a session can be ended, and nothing else.
   */
  readonly delete: (
    id: string,
    options?: { readonly listed?: boolean | undefined }
  ) => Effect.Effect<boolean, ReadError | WriteError | VersionConflict>
  /**
   * Moves a session to a new id, and kills the old one in the same commit: after a login, say. Its data, age and absolute
   * end stay.
   */
  readonly rotate: (id: string) => Effect.Effect<Session<D, M>, UpdateError>
  /** Some sessions, in the order of their ids. */
  readonly list: (options?: PageOptions<"fail" | "skip">) => Effect.Effect<Page<Session<D, M>>, ReadError>
  /** All sessions, read page by page. */
  readonly stream: Stream.Stream<Session<D, M>, ReadError>
  /**
   * Some sessions of an owner, in the order of their ids (of their hashes, with `hashIds`). A page has fewer than its limit
   * where sessions ended while it was read.
   */
  readonly listByOwner: (
    owner: string,
    options?: PageOptions<"fail" | "skip">
  ) => Effect.Effect<Page<Session<D, M>>, ReadError>
  /**
   * Ends all sessions of an owner, except the one under an id if there is one, and gives their number. A session that moves to
   * another id meanwhile does not escape; one that starts meanwhile may be ended, too.
   */
  readonly endAllForOwner: (
    owner: string,
    options?: { readonly except?: string | undefined }
  ) => Effect.Effect<number, ReadError | WriteError>
  /** How many sessions there are. */
  readonly count: Effect.Effect<number, ReadError>
  /** Ends all sessions, and gives their number. */
  readonly clear: Effect.Effect<number, ReadError | WriteError>
  /** The namespace that the sessions lie in, undecoded. */
  readonly store: StateStore.Service
}
