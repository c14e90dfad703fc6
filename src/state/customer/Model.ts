/**
 * What is known of a customer: the profile, the conversation, what is open, the history, and notes for the moment.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Schema from "effect/Schema"

const Anything = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/**
 * Who the customer is. It may have more properties than these.
 *
 * @since 0.1.0
 * @category models
 */
export const Profile = Schema.Struct(
  {
    name: Schema.String,
    email: Schema.String,
    phone: Schema.String,
    company: Schema.String,
    preferences: Anything,
    loyaltyTier: Schema.String
  },
  Anything
)

/**
 * @since 0.1.0
 * @category models
 */
export type Profile = typeof Profile.Type

/**
 * What the conversation is about.
 *
 * @since 0.1.0
 * @category models
 */
export const ConversationContext = Schema.Struct({
  currentTopic: Schema.NullOr(Schema.String),
  intents: Schema.Array(Schema.Unknown),
  entities: Anything,
  lastInteraction: Schema.NullOr(Schema.DateTimeUtc)
})

/**
 * @since 0.1.0
 * @category models
 */
export type ConversationContext = typeof ConversationContext.Type

/**
 * What is open for the customer.
 *
 * @since 0.1.0
 * @category models
 */
export const ActiveItems = Schema.Struct({
  tickets: Schema.Array(Schema.Unknown),
  orders: Schema.Array(Schema.Unknown),
  appointments: Schema.Array(Schema.Unknown)
})

/**
 * @since 0.1.0
 * @category models
 */
export type ActiveItems = typeof ActiveItems.Type

/**
 * A message of the conversation.
 *
 * @since 0.1.0
 * @category models
 */
export const Message = Schema.Struct({ role: Schema.String, content: Schema.String, timestamp: Schema.DateTimeUtc })

/**
 * @since 0.1.0
 * @category models
 */
export type Message = typeof Message.Type

/**
 * A conversation session: `type` says of what kind (`chat`, `voice`, …).
 *
 * @since 0.1.0
 * @category models
 */
export const SessionInfo = Schema.Struct({
  sessionId: Schema.String,
  customerId: Schema.String,
  type: Schema.String,
  startedAt: Schema.DateTimeUtc,
  endedAt: Schema.NullOr(Schema.DateTimeUtc),
  status: Schema.Literal("active", "completed")
})

/**
 * @since 0.1.0
 * @category models
 */
export type SessionInfo = typeof SessionInfo.Type

/**
 * How much of the history lies in entries of its own, and under which name. The service keeps it; what a program writes here
 * has no effect.
 *
 * @since 0.1.0
 * @category models
 */
export const Archived = Schema.Struct({
  /** `null` until something is moved. */
  id: Schema.NullOr(Schema.String),
  messages: Schema.Number,
  sessions: Schema.Number,
  resolutionAttempts: Schema.Number
})

/**
 * @since 0.1.0
 * @category models
 */
export type Archived = typeof Archived.Type

/**
 * The last messages, sessions and attempts, the oldest first; what is older was moved to entries of its own.
 *
 * @since 0.1.0
 * @category models
 */
export const History = Schema.Struct({
  messages: Schema.Array(Message),
  sessions: Schema.Array(SessionInfo),
  resolutionAttempts: Schema.Array(Schema.Unknown),
  archived: Archived
})

/**
 * @since 0.1.0
 * @category models
 */
export type History = typeof History.Type

/**
 * A customer. Times are those of the program that wrote.
 *
 * @since 0.1.0
 * @category models
 */
export const State = Schema.Struct({
  customerId: Schema.String,
  createdAt: Schema.DateTimeUtc,
  /** When it was written last: the service sets it with each write. */
  updatedAt: Schema.DateTimeUtc,
  profile: Profile,
  conversationContext: ConversationContext,
  activeItems: ActiveItems,
  history: History,
  /** Notes for as long as a session lasts. */
  tempState: Anything
})

/**
 * @since 0.1.0
 * @category models
 */
export type State = typeof State.Type

/**
 * Nothing moved yet.
 *
 * @since 0.1.0
 * @category constructors
 */
export const nothingArchived: Archived = { id: null, messages: 0, sessions: 0, resolutionAttempts: 0 }

/**
 * A customer of whom nothing is known but the id.
 *
 * @since 0.1.0
 * @category constructors
 */
export const create = (customerId: string, at: DateTime.Utc): State => ({
  customerId,
  createdAt: at,
  updatedAt: at,
  profile: { name: "", email: "", phone: "", company: "", preferences: {}, loyaltyTier: "basic" },
  conversationContext: { currentTopic: null, intents: [], entities: {}, lastInteraction: null },
  activeItems: { tickets: [], orders: [], appointments: [] },
  history: { messages: [], sessions: [], resolutionAttempts: [], archived: nothingArchived },
  tempState: {}
})
