/**
 * What leaves a customer's entry when its history grows: a pure function, run with each write.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type { Archived } from "./Model.ts"

/**
 * The parts of a history that grow.
 *
 * @since 0.1.0
 * @category models
 */
export type Kind = "messages" | "sessions" | "resolutionAttempts"

/**
 * How much of each part stays in the customer's own entry.
 *
 * @since 0.1.0
 * @category models
 */
export type Keep = { readonly [K in Kind]: number }

/**
 * A history, decoded or as it is stored.
 *
 * @since 0.1.0
 * @category models
 */
export interface Parts {
  readonly messages: ReadonlyArray<unknown>
  readonly sessions: ReadonlyArray<{ readonly status: string }>
  readonly resolutionAttempts: ReadonlyArray<unknown>
  readonly archived: Archived
}

/**
 * How many lie together in an entry of the archive. It is part of where data lies: a block's number tells its positions.
 *
 * @since 0.1.0
 * @category limits
 */
export const blockSize = 10

/**
 * How many blocks of each part one write moves at most: the rest of a long history that was imported follows with the next
 * writes.
 *
 * @since 0.1.0
 * @category limits
 */
export const blocksMax = 20

/**
 * {@link blockSize} parts that move to an entry of their own, the oldest first. Blocks count from zero.
 *
 * @since 0.1.0
 * @category models
 */
export interface Block {
  readonly kind: Kind
  readonly number: number
  readonly values: ReadonlyArray<unknown>
}

/**
 * Parts a history in what stays and what moves: the oldest of what is more than is kept, in whole blocks, so that most writes
 * move nothing. An active session stays, however old it is, since it has yet to end.
 *
 * @since 0.1.0
 * @category splitting
 */
export const split = <H extends Parts>(
  history: H,
  keep: Keep
): { readonly history: H; readonly moved: ReadonlyArray<Block> } => {
  const { archived } = history
  const isFull = (kind: Kind) => history[kind].length >= keep[kind] + blockSize
  const messages = isFull("messages") ? oldest(history.messages, keep.messages) : []
  const attempts = isFull("resolutionAttempts") ? oldest(history.resolutionAttempts, keep.resolutionAttempts) : []
  const active = history.sessions.filter(({ status }) => status === "active")
  const completed = isFull("sessions") ? history.sessions.filter(({ status }) => status === "completed") : []
  const sessions = oldest(completed, Math.max(0, keep.sessions - active.length))
  if (messages.length + attempts.length + sessions.length === 0) return { history, moved: [] }
  const gone = new Set(sessions)
  const stays: H = {
    ...history, // The same parts with fewer of the same in them: it is an H still.
    messages: history.messages.slice(messages.length),
    sessions: history.sessions.filter((session) => !gone.has(session)),
    resolutionAttempts: history.resolutionAttempts.slice(attempts.length),
    archived: {
      id: archived.id,
      messages: archived.messages + messages.length,
      sessions: archived.sessions + sessions.length,
      resolutionAttempts: archived.resolutionAttempts + attempts.length
    }
  }
  const moved = [
    ...blocksOf("messages", archived, messages),
    ...blocksOf("sessions", archived, sessions),
    ...blocksOf("resolutionAttempts", archived, attempts)
  ]
  return { history: stays, moved }
}

/** The oldest of what is more than is kept, in whole blocks. */
const oldest = <A>(parts: ReadonlyArray<A>, keep: number): ReadonlyArray<A> =>
  parts.slice(0, blockSize * Math.max(0, Math.min(blocksMax, Math.floor((parts.length - keep) / blockSize))))

const blocksOf = (kind: Kind, archived: Archived, parts: ReadonlyArray<unknown>): ReadonlyArray<Block> =>
  Arr.chunksOf(parts, blockSize).map((values, i) => ({ kind, number: archived[kind] / blockSize + i, values }))
