/**
 * The versions of a customer. 1.0 and 1.1 are plain JSON documents with snake_case names and no envelope, which say their version in
 * the profile's `schema_version`; 2.0 is what is written now.
 *
 * - 1.0: the profile may have `contact_info` in place of `email` and `phone`, and need not have `preferences`.
 * - 1.1: it has `email`, `phone` and `preferences`. A plain document that calls itself 2.0 is the same.
 * - 2.0: `State`.
 *
 * Times without an offset are taken as UTC.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Chain from "../migration/Chain.ts"
import * as Versioned from "../migration/Versioned.ts"
import { nothingArchived, State } from "./Model.ts"

const Anything = Schema.Record({ key: Schema.String, value: Schema.Unknown })
const text = Schema.optional(Schema.String)

const ProfileText = { name: text, email: text, phone: text, company: text, loyalty_tier: text, schema_version: text }

const Profile10 = Schema.Struct(
  {
    ...ProfileText,
    preferences: Schema.optional(Anything),
    contact_info: Schema.optional(Schema.Struct({ email: text, phone: text }))
  },
  Anything
)

const Profile11 = Schema.Struct(
  { ...ProfileText, email: Schema.String, phone: Schema.String, preferences: Anything },
  Anything
)

/** What is the same in 1.0 and 1.1. */
const Rest = {
  customer_id: Schema.String,
  created_at: Schema.String,
  updated_at: Schema.String,
  conversation_context: Schema.Struct({
    current_topic: Schema.NullOr(Schema.String),
    intents: Schema.Array(Schema.Unknown),
    entities: Anything,
    last_interaction: Schema.NullOr(Schema.String)
  }),
  active_items: Schema.Struct({
    tickets: Schema.Array(Schema.Unknown),
    orders: Schema.Array(Schema.Unknown),
    appointments: Schema.Array(Schema.Unknown)
  }),
  history: Schema.Struct({
    messages: Schema.Array(Schema.Struct({ role: Schema.String, content: Schema.String, timestamp: Schema.String })),
    sessions: Schema.Array(
      Schema.Struct({
        session_id: Schema.String,
        customer_id: Schema.String,
        type: Schema.String,
        started_at: Schema.String,
        ended_at: Schema.NullOr(Schema.String),
        status: Schema.Literal("active", "completed")
      })
    ),
    resolution_attempts: Schema.Array(Schema.Unknown)
  }),
  temp_state: Schema.optional(Anything)
}

/**
 * @since 0.1.0
 * @category versions
 */
export const Document10 = Schema.Struct({ ...Rest, profile: Profile10 })

/**
 * @since 0.1.0
 * @category versions
 */
export const Document11 = Schema.Struct({ ...Rest, profile: Profile11 })

/**
 * A time in a document is none.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidTime extends Schema.TaggedError<InvalidTime>("effect-state/InvalidTime")("InvalidTime", {
  /** Where it is. */
  field: Schema.String
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `${this.field} is no ISO 8601 time`
  }
}

/**
 * Moves what `contact_info` has to `email` and `phone`, and adds `preferences` where there are none.
 *
 * @since 0.1.0
 * @category steps
 */
export const upgrade10 = ({ profile, ...rest }: typeof Document10.Type): typeof Document11.Type => {
  const { contact_info, ...kept } = profile
  const contact = contact_info ?? profile
  return {
    ...rest,
    profile: {
      ...kept,
      preferences: profile.preferences ?? {},
      email: contact.email ?? "",
      phone: contact.phone ?? ""
    }
  }
}

/**
 * Gives everything its name of today, and reads the times.
 *
 * @since 0.1.0
 * @category steps
 */
export const upgrade11 = (document: typeof Document11.Type): Either.Either<State, InvalidTime> =>
  Either.gen(function* () {
    const { active_items, conversation_context, history, profile } = document
    const { loyalty_tier, schema_version: _, ...properties } = profile
    return {
      customerId: document.customer_id,
      createdAt: yield* time("created_at", document.created_at),
      updatedAt: yield* time("updated_at", document.updated_at),
      profile: {
        ...properties,
        name: profile.name ?? "",
        company: profile.company ?? "",
        loyaltyTier: loyalty_tier ?? "basic"
      },
      conversationContext: {
        currentTopic: conversation_context.current_topic,
        intents: conversation_context.intents,
        entities: conversation_context.entities,
        lastInteraction: yield* timeOrNull("last_interaction", conversation_context.last_interaction)
      },
      activeItems: active_items,
      history: {
        messages: yield* Either.all(history.messages.map(messageOf)),
        sessions: yield* Either.all(history.sessions.map(sessionOf)),
        resolutionAttempts: history.resolution_attempts,
        archived: nothingArchived
      },
      tempState: document.temp_state ?? {}
    }
  })

const messageOf = ({ content, role, timestamp }: (typeof Rest.history.Type)["messages"][number]) =>
  Either.map(time("timestamp", timestamp), (timestamp) => ({ role, content, timestamp }))

const sessionOf = (session: (typeof Rest.history.Type)["sessions"][number]) =>
  Either.gen(function* () {
    return {
      sessionId: session.session_id,
      customerId: session.customer_id,
      type: session.type,
      startedAt: yield* time("started_at", session.started_at),
      endedAt: yield* timeOrNull("ended_at", session.ended_at),
      status: session.status
    }
  })

const time = (field: string, iso: string): Either.Either<DateTime.Utc, InvalidTime> =>
  Either.fromOption(
    Option.map(DateTime.make(hasOffset.test(iso) ? iso : `${iso}Z`), DateTime.toUtc),
    () => new InvalidTime({ field })
  )

const hasOffset = /(?:[zZ]|[+-]\d{2}:?\d{2})$/

const timeOrNull = (field: string, iso: string | null): Either.Either<DateTime.Utc | null, InvalidTime> =>
  iso === null ? Either.right(null) : time(field, iso)

/** The version that a document without an envelope says; without one, it is the first. */
const versionOf = (stored: unknown): string => {
  const said = Chain.partAt(stored, ["profile", "schema_version"])
  if (said === undefined) return "1.0"
  // The plain 2.0 has the properties of 1.1.
  return said === "2.0" ? "1.1" : String(said)
}

/**
 * The name of the version that is written.
 *
 * @since 0.1.0
 * @category versions
 */
export const newest = "2.0"

/**
 * The schema that customers are stored with: it reads every version.
 *
 * @since 0.1.0
 * @category versions
 */
export const Versions = Versioned.make(Document10, { version: "1.0", unversioned: versionOf })
  .next(Document11, upgrade10, { version: "1.1" })
  .next(State, upgrade11, { version: newest })
  .skip("1.0", (document) => upgrade11(upgrade10(document)))
