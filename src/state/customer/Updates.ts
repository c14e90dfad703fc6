/**
 * Changes of a customer, as functions: they compose with `pipe`, and `Customers.update` makes them atomically.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { ActiveItems, ConversationContext, Message, Profile, SessionInfo, State } from "./Model.ts"

/**
 * A change.
 *
 * @since 0.1.0
 * @category models
 */
export type Update = (state: State) => State

/**
 * Lays properties over those of the profile.
 *
 * @since 0.1.0
 * @category profile
 */
export const updateProfile =
  (updates: Partial<Profile>): Update =>
  (state) => ({ ...state, profile: { ...state.profile, ...updates } })

/**
 * Sets one preference.
 *
 * @since 0.1.0
 * @category profile
 */
export const setPreference =
  (name: string, value: unknown): Update =>
  (state) =>
    updateProfile({ preferences: { ...state.profile.preferences, [name]: value } })(state)

/**
 * Lays properties over those of the conversation's context.
 *
 * @since 0.1.0
 * @category conversation
 */
export const updateContext =
  (updates: Partial<ConversationContext>): Update =>
  (state) => ({ ...state, conversationContext: { ...state.conversationContext, ...updates } })

/**
 * Adds an intent behind those that are there.
 *
 * @since 0.1.0
 * @category conversation
 */
export const addIntent =
  (intent: unknown): Update =>
  (state) =>
    updateContext({ intents: [...state.conversationContext.intents, intent] })(state)

/**
 * Lays entities over those that are known.
 *
 * @since 0.1.0
 * @category conversation
 */
export const setEntities =
  (entities: { readonly [name: string]: unknown }): Update =>
  (state) =>
    updateContext({ entities: { ...state.conversationContext.entities, ...entities } })(state)

/**
 * Adds a message to the history.
 *
 * @since 0.1.0
 * @category history
 */
export const addMessage =
  (message: Message): Update =>
  (state) => ({ ...state, history: { ...state.history, messages: [...state.history.messages, message] } })

/**
 * Adds an attempt to solve a problem to the history.
 *
 * @since 0.1.0
 * @category history
 */
export const addResolutionAttempt =
  (attempt: unknown): Update =>
  (state) => ({
    ...state,
    history: { ...state.history, resolutionAttempts: [...state.history.resolutionAttempts, attempt] }
  })

/**
 * Adds an open ticket, order or appointment.
 *
 * @since 0.1.0
 * @category active items
 */
export const addActiveItem =
  (kind: keyof ActiveItems, item: unknown): Update =>
  (state) => ({ ...state, activeItems: { ...state.activeItems, [kind]: [...state.activeItems[kind], item] } })

/**
 * Replaces each open ticket, order or appointment by what a function makes of it; `None` closes it.
 *
 * @since 0.1.0
 * @category active items
 */
export const updateActiveItems =
  (kind: keyof ActiveItems, f: (item: unknown) => Option.Option<unknown>): Update =>
  (state) => ({ ...state, activeItems: { ...state.activeItems, [kind]: Arr.filterMap(state.activeItems[kind], f) } })

/**
 * Notes something for as long as the session lasts.
 *
 * @since 0.1.0
 * @category temporary state
 */
export const setTemp =
  (key: string, value: unknown): Update =>
  (state) => ({ ...state, tempState: { ...state.tempState, [key]: value } })

/**
 * What was noted under a key.
 *
 * @since 0.1.0
 * @category temporary state
 */
export const getTemp =
  (key: string) =>
  (state: State): Option.Option<unknown> =>
    Object.hasOwn(state.tempState, key) ? Option.some(state.tempState[key]) : Option.none()

/**
 * Forgets all notes.
 *
 * @since 0.1.0
 * @category temporary state
 */
export const clearTemp: Update = (state) => ({ ...state, tempState: {} })

/**
 * Adds a session that starts now. `Customers.startSession` draws its id, and looks for one that is active already.
 *
 * @since 0.1.0
 * @category sessions
 */
export const startSession =
  (session: Pick<SessionInfo, "sessionId" | "startedAt" | "type">): Update =>
  (state) => {
    const started: SessionInfo = { ...session, customerId: state.customerId, endedAt: null, status: "active" }
    return { ...state, history: { ...state.history, sessions: [...state.history.sessions, started] } }
  }

/**
 * Completes a session, and forgets the notes. A session that is not active stays as it is, and so do the notes.
 *
 * @since 0.1.0
 * @category sessions
 */
export const endSession =
  (sessionId: string, endedAt: DateTime.Utc): Update =>
  (state) => {
    const { sessions } = state.history
    if (!sessions.some((session) => session.sessionId === sessionId && session.status === "active")) return state
    const ended = sessions.map((session) =>
      session.sessionId === sessionId ? { ...session, endedAt, status: "completed" as const } : session
    )
    return clearTemp({ ...state, history: { ...state.history, sessions: ended } })
  }

/**
 * The active sessions, the one that was started first before the others; of one type, if one is given.
 *
 * @since 0.1.0
 * @category sessions
 */
export const activeSessions =
  (type?: string) =>
  (state: State): ReadonlyArray<SessionInfo> =>
    state.history.sessions.filter(
      (session) => session.status === "active" && (type === undefined || session.type === type)
    )
