/**
 * What leaves a customer's entry when its history grows: a pure function, run with each write.
 *
 * @since 0.1.0
 */
import type { Archived, History } from "./Model.ts"

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
 * Something that moves to an entry of its own. `position` counts from zero, the oldest first.
 *
 * @since 0.1.0
 * @category models
 */
export interface Moved<K extends Kind = Kind> {
  readonly kind: K
  readonly position: number
  readonly value: History[K][number]
}

/**
 * How much of each part one write moves at most: the rest of a long history that was imported follows with the next writes.
 *
 * @since 0.1.0
 * @category limits
 */
export const movesMax = 100

/**
 * Parts a history in what stays and what moves: the oldest of what is more than is kept. An active session stays, however old it
 * is, since it has yet to end.
 *
 * @since 0.1.0
 * @category splitting
 */
export const split = (
  history: History,
  keep: Keep
): { readonly history: History; readonly moved: ReadonlyArray<Moved> } => {
  const excess = (kind: Kind) => Math.min(movesMax, history[kind].length - keep[kind])
  const messages = Math.max(0, excess("messages"))
  const attempts = Math.max(0, excess("resolutionAttempts"))
  const sessions = new Set(
    history.sessions.filter(({ status }) => status === "completed").slice(0, Math.max(0, excess("sessions")))
  )
  if (messages + attempts + sessions.size === 0) return { history, moved: [] }
  const { archived } = history
  const moved: ReadonlyArray<Moved> = [
    ...numbered("messages", archived, history.messages.slice(0, messages)),
    ...numbered("sessions", archived, [...sessions]),
    ...numbered("resolutionAttempts", archived, history.resolutionAttempts.slice(0, attempts))
  ]
  const stays: History = {
    messages: history.messages.slice(messages),
    sessions: history.sessions.filter((session) => !sessions.has(session)),
    resolutionAttempts: history.resolutionAttempts.slice(attempts),
    archived: {
      id: archived.id,
      messages: archived.messages + messages,
      sessions: archived.sessions + sessions.size,
      resolutionAttempts: archived.resolutionAttempts + attempts
    }
  }
  return { history: stays, moved }
}

const numbered = <K extends Kind>(
  kind: K,
  archived: Archived,
  values: ReadonlyArray<History[K][number]>
): ReadonlyArray<Moved<K>> => values.map((value, i) => ({ kind, position: archived[kind] + i, value }))
