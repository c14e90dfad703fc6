/**
 * Work under way in this process, one at a time for a key, shared by all who want its result.
 *
 * Each runs in a fiber of its own, in the scope and with the services of whoever made this, never in those of the caller
 * who was first: neither his interruption nor his transaction is anybody else's. When the last who waits has left, the
 * work is interrupted, unless it was to go on in the background. Closing the scope interrupts all of it, and waits until it has
 * ended, but not for ever.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import * as Scope from "effect/Scope"
import type { Version } from "../../store/Version.ts"
import { type Snapshot, sameTags, type Tags } from "./Entries.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Flight<A, E> {
  readonly key: string
  readonly result: Deferred.Deferred<A, E>
  /** The counters of the key's tags when it took off. */
  readonly tags: Tags
  /** The lease it has, once it has. */
  lease: Version | undefined
  /** Whether it goes on when nobody waits. */
  background: boolean
  waiting: number
  fiber: Fiber.RuntimeFiber<A, E> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CachedFlights<A, E, R> {
  /** The work under way for a key. */
  readonly get: (key: string) => Flight<A, E> | undefined
  /** Begins the work for a key; what was under way goes on for those who wait for it already. */
  readonly start: (key: string, tags: Tags, work: (flight: Flight<A, E>) => Effect.Effect<A, E, R>) => Flight<A, E>
  /**
   * Runs a part of some work in a fiber of its own, so that nobody who waits for it has to wait for the end of its interruption;
   * but closing does.
   */
  readonly apart: (part: Effect.Effect<A, E, R>) => Effect.Effect<A, E>
  /** Waits for the work that is chosen, and counts as one who does from the moment of the choice. */
  readonly join: (choose: () => Flight<A, E>) => Effect.Effect<A, E>
  /** Lets nobody else join what is under way, for one key or for all. */
  readonly detach: (key?: string) => void
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E, R>(): Effect.Effect<CachedFlights<A, E, R>, never, R | Scope.Scope> =>
  Effect.map(closedInTime(FiberSet.makeRuntime<R, A, E>()), (fork) => {
    // Whoever made this may be in a region that can't be interrupted; the work is not.
    const run = (work: Effect.Effect<A, E, R>) => fork(Effect.interruptible(work))
    const flights = new Map<string, Flight<A, E>>()
    const leave = (flight: Flight<A, E>) => {
      if (flights.get(flight.key) === flight) flights.delete(flight.key)
    }
    const abandonUnlessWanted = (flight: Flight<A, E>) =>
      Effect.suspend(() => {
        flight.waiting--
        if (flight.waiting > 0 || flight.background || flight.fiber === undefined) return Effect.void
        leave(flight)
        return Fiber.interruptFork(flight.fiber)
      })
    return {
      get: (key) => flights.get(key),
      start: (key, tags, work) => {
        const result = Deferred.unsafeMake<A, E>(FiberId.none)
        const flight: Flight<A, E> = {
          key,
          result,
          tags,
          lease: undefined,
          background: false,
          waiting: 0,
          fiber: undefined
        }
        flights.set(key, flight)
        // The work begins on its own time: who starts it must be able to join it first.
        flight.fiber = run(Effect.zipRight(Effect.yieldNow(), work(flight)))
        // Not as a part of the work: once the scope has closed none of it runs, and those who wait must hear of that too.
        flight.fiber.addObserver((exit) => {
          leave(flight)
          Deferred.unsafeDone(result, exit)
        })
        return flight
      },
      apart: (part) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(
            Effect.sync(() => run(part)),
            (fiber) => Effect.onInterrupt(restore(Fiber.join(fiber)), () => Fiber.interruptFork(fiber))
          )
        ),
      join: (choose) =>
        Effect.acquireUseRelease(
          // In one step: a fiber that let others run in between could find that the last who waited has left, and the work ended.
          Effect.sync(() => {
            const flight = choose()
            flight.waiting++
            return flight
          }),
          (flight) => Deferred.await(flight.result),
          abandonUnlessWanted
        ),
      detach: (key) => {
        if (key === undefined) flights.clear()
        else flights.delete(key)
      }
    }
  })

/** Gives an effect a scope of its own, which closes with the one that there is, but never holds that up for long. */
const closedInTime = <A, R>(self: Effect.Effect<A, never, R>) =>
  Effect.flatMap(
    Effect.acquireRelease(Scope.make(), (scope) =>
      Effect.timeoutOption(Effect.interruptible(Effect.disconnect(Scope.close(scope, Exit.void))), closeTimeout)
    ),
    (scope) => Scope.extend(self, scope)
  )

const closeTimeout = "10 seconds"

/**
 * Whether a caller may share work that is under way: not if its key or a tag of it was invalidated between its start and
 * what the caller saw. `leaseBefore` is the lease that it had before the caller looked.
 *
 * @since 0.1.0
 * @category guards
 */
export const canJoin = <A, E>(
  flight: Flight<A, E>,
  leaseBefore: Version | undefined,
  seen: Snapshot<unknown, unknown>
): boolean =>
  sameTags(seen.tags, flight.tags) &&
  (flight.lease === undefined || flight.lease !== leaseBefore || flight.lease === seen.lease)
