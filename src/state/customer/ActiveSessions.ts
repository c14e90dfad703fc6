/**
 * Starting and ending the sessions of customers, and the index that tells whose a session is.
 *
 * The index has an entry for each active session, under its id, with the customer's key. It is written in the commits that start
 * and end sessions; so that this can be one commit on a cluster, too, ids are drawn until one lives where the customer does.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as StateStore from "../../store/StateStore.ts"
import type * as Changes from "./Changes.ts"
import type { Customers, IfActive, StartOptions } from "./Customers.ts"
import { create, type SessionInfo, type State } from "./Model.ts"
import { SessionActive } from "./SessionActive.ts"
import * as Updates from "./Updates.ts"

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  store: StateStore.Service,
  index: StateStore.Service,
  { change, find }: Changes.Changes
): Pick<Customers, "startSession" | "endSession" | "activeSession"> => {
  const idFor = (customer: string) =>
    Effect.repeat(
      Effect.sync(() => crypto.randomUUID()),
      { until: (session) => store.together([store.key(customer), index.key(session)]) }
    )

  const startSession = (id: string, { ifActive = "allow", type = "chat" }: StartOptions = {}) =>
    Effect.gen(function* () {
      const sessionId = yield* idFor(id)
      const [started] = yield* change(id, (current, startedAt) =>
        start(
          Option.getOrElse(current, () => create(id, startedAt)),
          { sessionId, startedAt, type },
          ifActive
        )
      )
      return yield* started
    })

  const endSession: Customers["endSession"] = (sessionId, options) =>
    Effect.gen(function* () {
      const indexed = options?.customerId === undefined ? yield* index.get(sessionId) : Option.none()
      const customerId = options?.customerId ?? Option.getOrUndefined(indexed)?.value
      if (customerId === undefined) return Option.none()
      const [ended] = yield* change(String(customerId), (current, now) => end(current, sessionId, now))
      // Its customer expired, or another program wrote over him.
      if (Option.isNone(ended) && Option.isSome(indexed)) yield* index.delete(sessionId)
      return ended
    })

  return {
    // Only "reject" fails with SessionActive: the overloads say so.
    startSession: startSession as Customers["startSession"],
    endSession,
    activeSession: (id, type) =>
      Effect.map(
        find(id),
        Option.flatMap(({ entry }) => Option.fromNullable(Updates.activeSessions(type)(entry.value)[0]))
      )
  }
}

type Started = readonly [Either.Either<SessionInfo, SessionActive>, State | undefined]

/** The session that is active then, and the customer to write, if there is something to write. */
const start = (
  state: State,
  session: Pick<SessionInfo, "sessionId" | "startedAt" | "type">,
  ifActive: IfActive
): Started => {
  const active = Updates.activeSessions(session.type)(state)
  const [first] = active
  if (first !== undefined && ifActive === "reject")
    return [Either.left(new SessionActive({ session: first })), undefined]
  if (first !== undefined && ifActive === "join") return [Either.right(first), undefined]
  const others = ifActive === "end" ? active : []
  const alone = others.reduce((state, { sessionId }) => Updates.endSession(sessionId, session.startedAt)(state), state)
  const started: SessionInfo = { ...session, customerId: state.customerId, endedAt: null, status: "active" }
  return [Either.right(started), Updates.startSession(session)(alone)]
}

/** The session as it ended, and the customer to write; nothing unless it is active. */
const end = (current: Option.Option<State>, sessionId: string, now: DateTime.Utc) => {
  const active = Option.flatMap(current, (state) =>
    Option.fromNullable(Updates.activeSessions()(state).find((session) => session.sessionId === sessionId))
  )
  const ended: Option.Option<SessionInfo> = Option.map(active, (session) => ({
    ...session,
    endedAt: now,
    status: "completed"
  }))
  const next = Option.map(Option.zipRight(active, current), Updates.endSession(sessionId, now))
  return [ended, Option.getOrUndefined(next)] as const
}
