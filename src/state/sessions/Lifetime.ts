/**
 * How long sessions live: while they are used, and up to an age.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { InvalidTtl } from "../../store/StateError.ts"
import * as Ttl from "../../store/Ttl.ts"

/**
 * What a write of a session says about its deadline, and about that of its place in its owner's index.
 *
 * @since 0.1.0
 * @category models
 */
export interface Lifetime {
  /** Milliseconds from now; infinite means for ever. */
  readonly ttl: number
  /** Milliseconds since the epoch. */
  readonly notAfterMs: number | undefined
}

/**
 * How long a session lives that is written or touched now; a new one has no age yet. `idleMs` is its own idle time, null
 * means for ever.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly ttl?: Duration.DurationInput | undefined
  readonly absoluteTtl?: Duration.DurationInput | undefined
}): ((idleMs: number | null | undefined, createdAtMs: number | undefined) => Effect.Effect<Lifetime, InvalidTtl>) => {
  const both = Effect.all([ttlOf(options.ttl), ttlOf(options.absoluteTtl)])
  return (idleMs, createdAtMs) =>
    Effect.map(both, ([idleDefaultMs, absoluteMs]) => {
      const ttl = idleMs === undefined ? idleDefaultMs : (idleMs ?? Number.POSITIVE_INFINITY)
      if (createdAtMs === undefined) return { ttl: Math.min(ttl, absoluteMs), notAfterMs: undefined }
      return { ttl, notAfterMs: Number.isFinite(absoluteMs) ? createdAtMs + absoluteMs : undefined }
    })
}

/**
 * A session's own idle time in milliseconds, as it is stored: null means for ever, `undefined` as long as all.
 *
 * @since 0.1.0
 * @category decoding
 */
export const idleOf = (
  ttl: Duration.DurationInput | undefined
): Effect.Effect<number | null | undefined, InvalidTtl> =>
  ttl === undefined
    ? Effect.succeed(undefined)
    : Effect.map(ttlOf(ttl), (idleMs) => (idleMs === Number.POSITIVE_INFINITY ? null : idleMs))

/**
 * When an entry that was written so at a time expires, in milliseconds since the epoch; `undefined` means never.
 *
 * @since 0.1.0
 * @category arithmetic
 */
export const expiresAtMs = ({ notAfterMs, ttl }: Lifetime, atMs: number): number | undefined =>
  Ttl.expiresAtMs({ keep: false, notAfterMs, ttlMs: Number.isFinite(ttl) ? ttl : undefined }, atMs, "absent")

/** Milliseconds; infinite means never. */
const ttlOf = (ttl: Duration.DurationInput | undefined): Effect.Effect<number, InvalidTtl> =>
  ttl === undefined
    ? Effect.succeed(Number.POSITIVE_INFINITY)
    : Effect.map(Ttl.decode(ttl), (ttlMs) => ttlMs ?? Number.POSITIVE_INFINITY)
