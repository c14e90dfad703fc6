/**
 * Turns: the callers of one key in this process, one after the other.
 *
 * They are a courtesy and no lock: they spare the callers of one process the conflicts among themselves, and other processes
 * know nothing of them. Whoever holds a turn and waits for somebody who waits for a turn would wait for ever; so a wait is
 * always bounded, and inside a turn or a transaction there is none.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Backend } from "./Backend.ts"
import type { FullKey } from "./Key.ts"
import { inRealTime } from "./RealTime.ts"

/**
 * A place in the line of a key; who is first has the turn. Leaving gives it to the next one, and may be done at any time,
 * and more than once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Turn {
  /** How many are before one; none has the turn oneself, and less than none is out of line. */
  readonly ahead: () => number
  /** Waits until one is first. */
  readonly wait: Effect.Effect<void>
  readonly leave: () => void
}

/**
 * Joins the end of a key's line.
 *
 * @since 0.1.0
 * @category turns
 */
export const enter = (key: FullKey): Turn => {
  const { lines } = sharedBy(key.namespace.store)
  const line = lines.get(key.text) ?? []
  if (line.length === 0) lines.set(key.text, line)
  const place: Place = { onFirst: undefined }
  line.push(place)
  return {
    ahead: () => line.indexOf(place),
    wait: Effect.suspend(() =>
      line[0] === place
        ? Effect.void
        : Effect.async((resume) => {
            place.onFirst = () => resume(Effect.void)
          })
    ),
    leave: () => {
      const i = line.indexOf(place)
      if (i === -1) return
      line.splice(i, 1)
      if (line.length === 0) lines.delete(key.text)
      else if (i === 0) line[0]?.onFirst?.()
    }
  }
}

/**
 * Whether somebody has the turn of a key.
 *
 * @since 0.1.0
 * @category turns
 */
export const isTaken = (key: FullKey): boolean => {
  const shared = registry.get(key.namespace.store)
  return shared !== undefined && shared.lines.size > 0 && shared.lines.has(key.text)
}

/**
 * Runs an effect in a turn of a key. If the line stands still for `waitMs` of real time, the effect runs without a turn; so it
 * does for a caller who already has one, and for one who has a transaction open, which others who wait may need to end.
 *
 * @since 0.1.0
 * @category turns
 */
export const within =
  (key: FullKey, waitMs: number) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.contextWithEffect((caller: Context.Context<never>) => {
      if (Context.get(caller, HasTurn) || transactionOf(key, caller) !== undefined) return self
      return Effect.uninterruptibleMask((restore) => {
        const turn = enter(key)
        const run = Effect.zipRight(soon(turn, waitMs), Effect.provideService(self, HasTurn, true))
        return Effect.ensuring(restore(run), Effect.sync(turn.leave))
      })
    })

/**
 * The backend inside the transaction that a caller has open, and that his calls to the key's store join.
 *
 * @since 0.1.0
 * @category transactions
 */
export const transactionOf = (key: FullKey, caller: Context.Context<never>): Backend | undefined =>
  sharedBy(key.namespace.store).backend?.within?.(caller)

/**
 * Makes the backend of a store known, by the store's identity.
 *
 * @since 0.1.0
 * @category transactions
 */
export const register = (store: object, backend: Backend): void => {
  registry.set(store, { backend, lines: new Map() })
}

interface Place {
  onFirst: (() => void) | undefined
}

/** What all services of a store share in this process. */
interface Shared {
  readonly backend: Backend | undefined
  readonly lines: Map<string, Array<Place>>
}

const registry = new WeakMap<object, Shared>()

const sharedBy = (store: object): Shared => {
  const known = registry.get(store)
  if (known !== undefined) return known
  const shared = { backend: undefined, lines: new Map() }
  registry.set(store, shared)
  return shared
}

/** Set for what runs in a turn. */
class HasTurn extends Context.Reference<HasTurn>()("effect-state/Turns/HasTurn", { defaultValue: () => false }) {}

const soon = (turn: Turn, waitMs: number): Effect.Effect<void> => {
  const from = (ahead: number): Effect.Effect<void> =>
    ahead <= 0
      ? Effect.void
      : // The caller may be in a region that can't be interrupted, and then nothing would end the wait.
        Effect.flatMap(Effect.timeoutOption(Effect.interruptible(turn.wait), waitMs), () => {
          const left = turn.ahead()
          return left < ahead ? from(left) : Effect.void
        })
  return Effect.suspend(() => inRealTime(from(turn.ahead())))
}
