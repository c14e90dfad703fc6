/**
 * A customer's entry: decoded, or as it is stored.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { Entry } from "../../store/Entry.ts"
import type { EncodeError, ReadError } from "../../store/StateError.ts"
import * as Chain from "../migration/Chain.ts"
import * as Versioned from "../migration/Versioned.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as Document from "./Document.ts"
import { Message, State } from "./Model.ts"
import { activeSessions } from "./Updates.ts"

/**
 * What reading a customer can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type GetError = ReadError | Versioned.MigrationFailed | Versioned.NewerVersion

/**
 * A customer of the newest version, as stored.
 *
 * @since 0.1.0
 * @category models
 */
export type Encoded = typeof State.Encoded

/**
 * A customer as read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found {
  readonly entry: Entry<State>
  /** Whether the entry is of an earlier version. */
  readonly isOld: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Stored {
  readonly decode: (label: string, entry: Entry) => Effect.Effect<Found, GetError>
  readonly encode: (label: string, state: State) => Effect.Effect<Encoded, EncodeError>
  readonly encodeMessage: (
    label: string,
    message: Message
  ) => Effect.Effect<Encoded["history"]["messages"][number], EncodeError>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Stored> = Effect.gen(function* () {
  const any = yield* SchemaCodec.make(Document.Versions)
  const newest = yield* SchemaCodec.make(State)
  const message = yield* SchemaCodec.make(Message)
  return {
    decode: (label, entry) => {
      const isCurrent = Document.Versions.isCurrent(entry.value)
      // The newest needs no look at versions, and most are.
      const state = isCurrent
        ? newest.decode(label, Chain.partAt(entry.value, ["value"]))
        : any.decode(label, entry.value)
      return Effect.mapBoth(state, {
        onSuccess: (state) => ({ entry: entry.as(entry.key, state), isOld: !isCurrent }),
        onFailure: (error) => Option.getOrElse(Versioned.failureOf(error), () => error)
      })
    },
    // They are what their schemas encode to.
    encode: newest.encode as Stored["encode"],
    encodeMessage: message.encode as Stored["encodeMessage"]
  }
})

/**
 * A stored customer of the newest version as it is, for a change that leaves most of it alone. What such a change looks at is
 * checked; the rest was encoded when it was written, and is carried along.
 *
 * @since 0.1.0
 * @category reading
 */
export const current = ({ value }: Entry): Option.Option<Encoded> => {
  if (!Document.Versions.isCurrent(value)) return Option.none()
  const state = Chain.partAt(value, ["value"])
  return hasHistory(state) ? Option.some(state) : Option.none()
}

const hasHistory = (state: unknown): state is Encoded => {
  const history = Chain.partAt(state, ["history"])
  const archived = Chain.partAt(history, ["archived"])
  return (
    Predicate.isRecord(history) &&
    Predicate.isRecord(archived) &&
    [history.messages, history.sessions, history.resolutionAttempts].every(Array.isArray) &&
    [archived.messages, archived.sessions, archived.resolutionAttempts].every(Predicate.isNumber) &&
    (archived.id === null || typeof archived.id === "string")
  )
}

/**
 * A customer as what is stored.
 *
 * @since 0.1.0
 * @category writing
 */
export const envelope = (state: Encoded): unknown => Chain.envelope(Document.newest, state)

/**
 * The archive of a stored customer, if there is one; also of one that can't be decoded.
 *
 * @since 0.1.0
 * @category archives
 */
export const archiveIdOf = ({ value }: Entry): string | undefined => {
  const id = Chain.partAt(value, ["value", "history", "archived", "id"])
  return typeof id === "string" ? id : undefined
}

/**
 * The ids of the active sessions.
 *
 * @since 0.1.0
 * @category sessions
 */
export const activeIds = (state: State): ReadonlyArray<string> =>
  activeSessions()(state).map(({ sessionId }) => sessionId)
