/**
 * How far a job is, and what follows from that.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/**
 * How far a job was at a moment. What is processed went well, what failed did not; both are done.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot {
  readonly id: string
  /** How many items there are. */
  readonly total: number
  readonly processed: number
  readonly failed: number
  /** When it was started, by the store's clock. */
  readonly startedAt: DateTime.Utc
  /** When it went on last, by the store's clock. */
  readonly updatedAt: DateTime.Utc
}

/**
 * How many items are done, well or not.
 *
 * @since 0.1.0
 * @category questions
 */
export const done = ({ failed, processed }: Snapshot): number => processed + failed

/**
 * Whether all items are done.
 *
 * @since 0.1.0
 * @category questions
 */
export const isFinished = (snapshot: Snapshot): boolean => done(snapshot) >= snapshot.total

/**
 * The part that is done, from 0 to 1. Nothing to do is all done.
 *
 * @since 0.1.0
 * @category questions
 */
export const fraction = (snapshot: Snapshot): number =>
  snapshot.total <= 0 ? 1 : Math.min(1, Math.max(0, done(snapshot) / snapshot.total))

/**
 * How long the job has been going on, up to when it went on last.
 *
 * @since 0.1.0
 * @category questions
 */
export const elapsed = ({ startedAt, updatedAt }: Snapshot): Duration.Duration =>
  Duration.millis(Math.max(0, updatedAt.epochMillis - startedAt.epochMillis))

/**
 * How many items are done per second, on average since the start; nothing as long as no time has passed.
 *
 * @since 0.1.0
 * @category questions
 */
export const ratePerSecond = (snapshot: Snapshot): Option.Option<number> => {
  const seconds = Duration.toSeconds(elapsed(snapshot))
  return seconds > 0 ? Option.some(done(snapshot) / seconds) : Option.none()
}

/**
 * How long the rest takes if it goes on at this rate; nothing as long as none is known.
 *
 * @since 0.1.0
 * @category questions
 */
export const remaining = (snapshot: Snapshot): Option.Option<Duration.Duration> => {
  if (isFinished(snapshot)) return Option.some(Duration.zero)
  return Option.map(
    Option.filter(ratePerSecond(snapshot), (rate) => rate > 0),
    (rate) => Duration.seconds((snapshot.total - done(snapshot)) / rate)
  )
}
