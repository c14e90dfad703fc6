/**
 * How many sessions an owner may have at once.
 *
 * Whoever starts a session of a limited owner goes through his gate: an entry whose version he sees before he counts the
 * sessions, and which his commit checks and writes anew. So of many who count at once one goes through, and the others count
 * again. Sessions that move to another id write the gate, too, so that none is missed by who counts meanwhile.
 *
 * The gate need not stay for longer than somebody is on his way through: where it is gone it is written before the sessions are
 * counted, and as versions never repeat, nobody passes another gate than the one he saw.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import { InvalidOption, type ReadError, type VersionConflict, type WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Owners } from "./Owners.ts"
import { TooManySessions } from "./SessionError.ts"

/**
 * How many sessions of an owner there may be.
 *
 * ```ts
 * import { MemoryStore, Sessions } from "effect-state"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class Logins extends Sessions.Tag<Logins>()("Logins", {
 *   data: Schema.Struct({ device: Schema.String }),
 *   ttl: "30 days",
 *   maxConcurrent: { max: 3, onExceed: "endOldest" },
 *   hashIds: true
 * }) {}
 *
 * const program = Effect.gen(function* () {
 *   const logins = yield* Logins
 *   const here = yield* logins.create({ data: { device: "laptop" }, owner: "user123" })
 *   yield* logins.create({ data: { device: "phone" }, owner: "user123" })
 *   const { entries } = yield* logins.listByOwner("user123")
 *   for (const { data, id } of entries) {
 *     if (data.device === "phone") yield* logins.delete(id, { listed: true })
 *   }
 *   return yield* logins.endAllForOwner("user123", { except: here.id })
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Logins.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category options
 */
export interface MaxConcurrent {
  /** How many sessions an owner may have at once, 1 to {@link sessionsMax}. */
  readonly max: number
  /** What happens when one more is started: it is refused with `TooManySessions`, or the oldest one ends for it. */
  readonly onExceed: "reject" | "endOldest"
}

/**
 * The most sessions that `maxConcurrent` can allow an owner: they are counted at each login.
 *
 * @since 0.1.0
 * @category limits
 */
export const sessionsMax = 1_000

/**
 * The step with which a session of an owner goes through his gate: who is counting has to count again.
 *
 * @since 0.1.0
 * @category steps
 */
export const passing = <D, M>(owners: Owners<D, M>, owner: string | undefined): Atomic.Steps => {
  if (owner === undefined) return (steps) => steps
  return Atomic.set(owners.gate(owner), true, { ttl: gateMs })
}

/**
 * The steps with which one more session of an owner can be started: the oldest ones end if they must.
 *
 * @since 0.1.0
 * @category steps
 */
export const admit = <D, M>(
  store: StateStore.Service,
  owners: Owners<D, M>,
  owner: string,
  limit: MaxConcurrent
): Effect.Effect<
  Atomic.Atomic<VersionConflict>,
  TooManySessions | InvalidOption | ReadError | WriteError | VersionConflict
> =>
  Effect.gen(function* () {
    const { max, onExceed } = yield* check(limit)
    const gate = owners.gate(owner)
    const found = yield* store.get(gate)
    const version = Option.isSome(found)
      ? found.value.version
      : yield* store.set(gate, true, { ttl: gateMs, ifVersion: "absent" })
    const through = Atomic.make.pipe(Atomic.check(gate, version), passing(owners, owner))
    const all = yield* owners.members(owner)
    // No session is missing among the members: only who has too many of them may have too many sessions.
    const members = all.length < max ? all : yield* owners.live(all)
    if (members.length < max) return through
    if (onExceed === "reject") return yield* new TooManySessions({ max })
    // More than one must go only if more were allowed before: those are too many even if this login fails.
    const tooMany = members.slice(0, members.length - max)
    yield* owners.end(tooMany)
    const oldest = members.slice(tooMany.length, tooMany.length + 1)
    return oldest.reduce((steps, member) => steps.pipe(owners.remove(member)), through)
  })

/** Longer than a login takes, as one that takes longer has to start again. */
const gateMs = 60_000

const check = (limit: MaxConcurrent): Effect.Effect<MaxConcurrent, InvalidOption> =>
  Number.isInteger(limit.max) && limit.max >= 1 && limit.max <= sessionsMax
    ? Effect.succeed(limit)
    : Effect.fail(
        new InvalidOption({
          option: "maxConcurrent.max",
          reason: `expected an integer from 1 to ${sessionsMax}, got ${limit.max}`
        })
      )
