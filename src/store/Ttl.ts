/**
 * Times to live: what a caller may pass, and the deadline a backend keeps.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { InvalidTtl } from "./StateError.ts"

/**
 * The longest time to live, 1,000 years in milliseconds. `Duration.infinity` means "never" and is no length.
 *
 * @since 0.1.0
 * @category limits
 */
export const ttlMsMax = 1_000 * 365 * 24 * 60 * 60 * 1_000

/**
 * How long an entry lives from the moment of its write, in whole milliseconds; `undefined` means for ever.
 *
 * @since 0.1.0
 * @category models
 */
export type TtlMs = number | undefined

/**
 * The deadline a write asks for. A backend turns it into an absolute time by the store's own clock.
 *
 * @since 0.1.0
 * @category models
 */
export interface Deadline {
  /** Keep the deadline of the live entry that is there; where there is none, the rest of this record decides. */
  readonly keep: boolean
  /** Milliseconds from now; `undefined` means never. */
  readonly ttlMs: TtlMs
  /** An absolute end in milliseconds since the epoch, which neither `keep` nor `ttlMs` can exceed. */
  readonly notAfterMs: number | undefined
}

/**
 * The deadline that never comes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const never: Deadline = { keep: false, ttlMs: undefined, notAfterMs: undefined }

/**
 * A deadline some milliseconds from the write.
 *
 * @since 0.1.0
 * @category constructors
 */
export const after = (ttlMs: TtlMs): Deadline =>
  ttlMs === undefined ? never : { keep: false, ttlMs, notAfterMs: undefined }

/**
 * The deadline that is there already or, on an absent key, one some milliseconds from the write.
 *
 * @since 0.1.0
 * @category constructors
 */
export const keepOr = (ttlMs: TtlMs): Deadline => ({ keep: true, ttlMs, notAfterMs: undefined })

/**
 * When an entry written now expires, in milliseconds since the epoch; `undefined` means never. `current` is the
 * deadline of the live entry under the key, and `"absent"` says that there is none.
 *
 * @since 0.1.0
 * @category arithmetic
 */
export const expiresAtMs = (
  deadline: Deadline,
  nowMs: number,
  current: number | undefined | "absent"
): number | undefined => {
  const wanted =
    deadline.keep && current !== "absent" ? current : deadline.ttlMs === undefined ? undefined : nowMs + deadline.ttlMs
  if (deadline.notAfterMs === undefined) return wanted
  return wanted === undefined ? deadline.notAfterMs : Math.min(wanted, deadline.notAfterMs)
}

/**
 * Whether an entry with this deadline still counts at the given time.
 *
 * @since 0.1.0
 * @category arithmetic
 */
export const isLive = (expiresAtMs: number | undefined, nowMs: number): boolean =>
  expiresAtMs === undefined || expiresAtMs > nowMs

/**
 * Reads a time to live: rounded up to whole milliseconds, `Duration.infinity` as "never". Zero, negative, NaN, more than
 * {@link ttlMsMax} or no duration at all is an `InvalidTtl`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (input: Duration.DurationInput): Either.Either<TtlMs, InvalidTtl> => {
  const duration = Duration.decodeUnknown(input)
  if (Option.isNone(duration)) return Either.left(new InvalidTtl({ ttl: describe(input), reason: "it is no duration" }))
  if (!Duration.isFinite(duration.value)) return Either.right(undefined)
  const ttlMs = Math.ceil(Duration.toMillis(duration.value))
  if (ttlMs <= 0) return Either.left(new InvalidTtl({ ttl: describe(input), reason: "it is not longer than zero" }))
  if (ttlMs > ttlMsMax) {
    return Either.left(
      new InvalidTtl({ ttl: describe(input), reason: "it is longer than 1,000 years; Duration.infinity means never" })
    )
  }
  return Either.right(ttlMs)
}

const describe = (input: unknown): string =>
  Duration.isDuration(input) ? Duration.format(input) : Inspectable.toStringUnknown(input, 0)
