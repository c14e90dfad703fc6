/**
 * The customers of an application, as a service offers them.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import type { DurationInput } from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Lock from "../../coordination/lock/Lock.ts"
import type { ExpireOptions, WriteOptions } from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import type { ReadError, WriteError } from "../../store/StateError.ts"
import type { SetOptions } from "../../store/Writes.ts"
import type * as Migrated from "../migration/Migrated.ts"
import type * as Migration from "../migration/Migration.ts"
import type { ChangeError, Written } from "./Changes.ts"
import type { Item, Log } from "./Log.ts"
import type { Message, Profile, SessionInfo, State } from "./Model.ts"
import type { SessionActive } from "./SessionActive.ts"
import type { GetError } from "./Stored.ts"
import type { Update } from "./Updates.ts"

/**
 * What to do when a session is to be started while another one of its type is active: `"allow"` both, `"reject"` the new one,
 * `"end"` the other, or `"join"` it.
 *
 * @since 0.1.0
 * @category models
 */
export type IfActive = "allow" | "reject" | "end" | "join"

/**
 * @since 0.1.0
 * @category options
 */
export interface StartOptions {
  /** Default `"chat"`. */
  readonly type?: string | undefined
  /** Default `"allow"`. Whatever is chosen is decided in the commit that starts the session. */
  readonly ifActive?: IfActive | undefined
}

/**
 * Every change is one commit, which gives the customer a new time to live, the default one unless the options say otherwise, and
 * creates a customer who is not there.
 *
 * @since 0.1.0
 * @category models
 */
export interface Customers
  extends Pick<Migrated.Migrated<State>, "exists" | "list" | "stream" | "count" | "quarantine" | "store"> {
  /** The customer, if there is one. */
  readonly get: (id: string) => Effect.Effect<Option.Option<Entry<State>>, GetError>
  /** The customer, or one of whom nothing is known but the id; two callers get the same. */
  readonly getOrCreate: (id: string, options?: WriteOptions) => Effect.Effect<State, ChangeError>
  /**
   * Writes a customer as he is given, over whatever is there unless `ifVersion` says otherwise. Changes that others make
   * are safe with {@link Customers.update} only. What the archive has stays as it is.
   */
  readonly save: (state: State, options?: SetOptions) => Effect.Effect<Written, ChangeError>
  /** Changes a customer by a function, atomically: it runs again if another writer was faster. */
  readonly update: (id: string, f: Update, options?: WriteOptions) => Effect.Effect<State, ChangeError>
  /**
   * Locks a customer, shows him to an effect that may take its time, and writes what it gives. It waits up to 10 seconds for the
   * lock unless told otherwise, then fails with `LockTimeout`. It never reruns: a writer who did not take the lock is a
   * `VersionConflict`.
   */
  readonly withCustomer: (
    id: string,
    options?: Lock.Options & WriteOptions
  ) => <A, E, R>(
    f: (state: State, lease: Lock.Lease) => Effect.Effect<readonly [A, State], E, R>
  ) => Effect.Effect<A, E | ChangeError | Lock.AcquireError | Lock.LockLost, R>
  /** Lays properties over those of the profile. */
  readonly updateProfile: (id: string, updates: Partial<Profile>) => Effect.Effect<State, ChangeError>
  /**
   * Adds a message to the history, and gives it with its position; `timestamp` is now unless given. The oldest messages move to
   * entries of their own when there are more than are kept: a message costs the same however many there are.
   */
  readonly addMessage: (
    id: string,
    message: Omit<Message, "timestamp"> & { readonly timestamp?: DateTime.Utc | undefined }
  ) => Effect.Effect<Item<Message>, ChangeError>
  /** Notes something for as long as the session lasts. */
  readonly setTemp: (id: string, key: string, value: unknown) => Effect.Effect<State, ChangeError>
  /** What was noted under a key. */
  readonly getTemp: (id: string, key: string) => Effect.Effect<Option.Option<unknown>, GetError>
  /** Forgets all notes. */
  readonly clearTemp: (id: string) => Effect.Effect<State, ChangeError>
  /** Starts a session. It is active until it is ended, restarts of the program included. */
  readonly startSession: {
    (
      id: string,
      options?: StartOptions & { readonly ifActive?: Exclude<IfActive, "reject"> | undefined }
    ): Effect.Effect<SessionInfo, ChangeError>
    (id: string, options: StartOptions): Effect.Effect<SessionInfo, ChangeError | SessionActive>
  }
  /**
   * Completes a session, forgets the customer's notes, and gives the session as it ended; nothing if there is no such active
   * session. The customer is found by the session's id. For a session that came along with a customer of an earlier version, say
   * whose it is, unless the customer was changed or migrated since.
   */
  readonly endSession: (
    sessionId: string,
    options?: { readonly customerId?: string | undefined }
  ) => Effect.Effect<Option.Option<SessionInfo>, ChangeError>
  /** The active session that was started first; of a type, if one is given. */
  readonly activeSession: (id: string, type?: string) => Effect.Effect<Option.Option<SessionInfo>, GetError>
  /** All messages. */
  readonly messages: Log<Message, GetError>
  /** All sessions. */
  readonly sessions: Log<SessionInfo, GetError>
  /** All attempts to solve a problem. */
  readonly resolutionAttempts: Log<unknown, GetError>
  /** Removes a customer with the whole history, and tells whether there was one. */
  readonly delete: (id: string) => Effect.Effect<boolean, ChangeError>
  /** Sets how long a customer lives from now, and tells whether there is one. */
  readonly expire: (id: string, ttl: DurationInput, options?: ExpireOptions) => Effect.Effect<boolean, WriteError>
  /**
   * Brings all customers to the newest version, as `Migration.migrateAll` does, then puts the active sessions of all into the
   * index.
   */
  readonly migrateAll: (
    options?: Omit<Migration.Options, "at">
  ) => Effect.Effect<Migration.Report, Migration.MigrateError | ChangeError>
  /**
   * Removes customers who were last written longer ago than this, with their histories, and gives their number; then does
   * what {@link Customers.cleanup} does. Whoever is written meanwhile stays.
   */
  readonly cleanupOlderThan: (age: DurationInput) => Effect.Effect<number, ReadError | WriteError>
  /**
   * Removes what is left of customers who expired: their archived histories, and sessions that were never ended. Nobody sees
   * these any more; they take up space. Run it now and then if customers have a time to live.
   */
  readonly cleanup: Effect.Effect<{ readonly archives: number; readonly sessions: number }, ReadError | WriteError>
}
