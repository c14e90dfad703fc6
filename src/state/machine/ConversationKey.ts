/**
 * Keys of conversations: which of a message's bot, chat, user and thread tell one conversation from another.
 *
 * A key names its parts, in one order, and escapes what separates them: `bot=42;chat=-1001;user=7`. Different parts never
 * give the same key, whatever they are, and a part that is missing is not one that is empty.
 *
 * @since 0.1.0
 */

/**
 * An id: a number counts as its decimal text.
 *
 * @since 0.1.0
 * @category models
 */
export type Id = string | number | bigint

/**
 * Where a message comes from.
 *
 * @since 0.1.0
 * @category models
 */
export interface Parts {
  readonly bot?: Id | undefined
  /** The business account on whose behalf the bot talks. */
  readonly businessConnection?: Id | undefined
  readonly chat?: Id | undefined
  readonly user?: Id | undefined
  /** The topic of a chat that has some. */
  readonly thread?: Id | undefined
  /** Tells several conversations of the same people apart, each with a context of its own. */
  readonly destiny?: string | undefined
}

type Needing<Name extends keyof Parts> = Parts & { readonly [P in Name]: NonNullable<Parts[P]> }

/**
 * The key of just these parts.
 *
 * @since 0.1.0
 * @category keys
 */
export const fromParts = (parts: Parts): string =>
  order.flatMap((name) => (parts[name] === undefined ? [] : [`${name}=${escape(String(parts[name]))}`])).join(";")

/**
 * One conversation for each user in each chat.
 *
 * @since 0.1.0
 * @category strategies
 */
export const userInChat = (parts: Needing<"chat" | "user">): string => fromParts({ ...parts, thread: undefined })

/**
 * One conversation for each chat: its users share it.
 *
 * @since 0.1.0
 * @category strategies
 */
export const chat = (parts: Needing<"chat">): string => fromParts({ ...parts, user: undefined, thread: undefined })

/**
 * One conversation for each user, in whatever chat.
 *
 * @since 0.1.0
 * @category strategies
 */
export const globalUser = (parts: Needing<"user">): string =>
  fromParts({ ...parts, chat: undefined, thread: undefined })

/**
 * One conversation for each user in each topic of each chat.
 *
 * @since 0.1.0
 * @category strategies
 */
export const userInTopic = (parts: Needing<"chat" | "user">): string => fromParts(parts)

/**
 * One conversation for each topic of each chat: its users share it.
 *
 * @since 0.1.0
 * @category strategies
 */
export const chatTopic = (parts: Needing<"chat">): string => fromParts({ ...parts, user: undefined })

const order = ["bot", "businessConnection", "chat", "user", "thread", "destiny"] as const

const escape = (id: string): string => id.replaceAll("%", "%25").replaceAll(";", "%3B")
