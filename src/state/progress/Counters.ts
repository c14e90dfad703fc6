/**
 * The counters of a job: their keys, and the steps that change them together.
 *
 * A key is the job's escaped id, a colon, and the counter's name: `import:processed`. So the counters of a job lie side by
 * side, and up to the colon they agree.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import type { DurationInput } from "effect/Duration"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import type { NotInteger } from "../../store/StateError.ts"
import type { Snapshot } from "./Snapshot.ts"

/**
 * The names of the counters, in the order of their keys. `started` counts the milliseconds since the epoch at the start, one at
 * least, and is 0 where there was no start.
 *
 * @since 0.1.0
 * @category models
 */
export const names = ["failed", "processed", "started", "total"] as const

/**
 * @since 0.1.0
 * @category models
 */
export type Numbers = { readonly [Name in (typeof names)[number]]: number }

/**
 * @since 0.1.0
 * @category keys
 */
export const keyOf = (id: string, name: keyof Numbers): string => `${startOf(id)}${name}`

/**
 * The keys of a job's counters.
 *
 * @since 0.1.0
 * @category keys
 */
export const keysOf = (id: string): ReadonlyArray<string> => names.map((name) => keyOf(id, name))

/**
 * The id of the job that a counter belongs to.
 *
 * @since 0.1.0
 * @category keys
 */
export const idOf = (key: string): string =>
  key.slice(0, key.indexOf(":")).replaceAll("%3A", ":").replaceAll("%25", "%")

const startOf = (id: string): string => `${id.replaceAll("%", "%25").replaceAll(":", "%3A")}:`

/**
 * Adds to all counters, so that the commit's results are what each of them counts then.
 *
 * @since 0.1.0
 * @category steps
 */
export const add =
  (id: string, { failed, processed, started, total }: Numbers): Atomic.Steps<NotInteger> =>
  (atomic) =>
    atomic.pipe(
      Atomic.add(keyOf(id, "failed"), failed),
      Atomic.add(keyOf(id, "processed"), processed),
      Atomic.add(keyOf(id, "started"), started),
      Atomic.add(keyOf(id, "total"), total)
    )

/**
 * What all counters count, by the results of a commit that begins with {@link add}.
 *
 * @since 0.1.0
 * @category models
 */
export const sums = (results: ReadonlyArray<unknown>): Numbers => {
  const sum = (name: keyof Numbers) => Number(results[names.indexOf(name)])
  return { failed: sum("failed"), processed: sum("processed"), started: sum("started"), total: sum("total") }
}

/**
 * Lets all counters live this long from now.
 *
 * @since 0.1.0
 * @category steps
 */
export const expire =
  (id: string, ttl: DurationInput): Atomic.Steps =>
  (atomic) =>
    keysOf(id).reduce((atomic, key) => Atomic.expire(key, ttl)(atomic), atomic)

/**
 * Removes all counters.
 *
 * @since 0.1.0
 * @category steps
 */
export const remove =
  (id: string): Atomic.Steps =>
  (atomic) =>
    keysOf(id).reduce((atomic, key) => Atomic.delete(key)(atomic), atomic)

/**
 * How far a job is, if it was started.
 *
 * @since 0.1.0
 * @category models
 */
export const snapshot = (
  id: string,
  { failed, processed, started, total }: Numbers,
  updatedAtMs: number
): Option.Option<Snapshot> =>
  started === 0
    ? Option.none()
    : Option.some({
        id,
        total,
        processed,
        failed,
        startedAt: DateTime.unsafeMake(started),
        updatedAt: DateTime.unsafeMake(updatedAtMs)
      })
