/**
 * The ids of sessions: how they are drawn, and under which key a session lies.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Key from "../../store/Key.ts"
import type * as StateStore from "../../store/StateStore.ts"

/**
 * Draws 192 bits of the system's secure random source, in 32 URL-safe characters.
 *
 * @since 0.1.0
 * @category drawing
 */
export const secure: Effect.Effect<string> = Effect.sync(() =>
  Encoding.encodeBase64Url(crypto.getRandomValues(new Uint8Array(24)))
)

/**
 * The key of a session: its id, or the id's SHA-256 hash in 43 URL-safe characters. It needs no salt, as ids are random
 * and long. What can be no key stays as it is, so that the store refuses it.
 *
 * @since 0.1.0
 * @category keys
 */
export const keyOf =
  (hashed: boolean) =>
  (id: string): string =>
    hashed && Key.problem(id) === undefined ? createHash("sha256").update(id).digest("base64url") : id

/**
 * Draws ids until one's session lives where a key does. Where the keys of sessions never do, the last one is given, and the
 * commit that names both says so.
 *
 * @since 0.1.0
 * @category drawing
 */
export const beside = (
  store: StateStore.Service,
  keyOf: (id: string) => string,
  draw: Effect.Effect<string>,
  key: Key.FullKey
): Effect.Effect<string> => {
  const from = (drawsLeft: number): Effect.Effect<string> =>
    Effect.flatMap(draw, (id) =>
      drawsLeft === 0 || store.together([key, store.key(keyOf(id))]) ? Effect.succeed(id) : from(drawsLeft - 1)
    )
  return from(drawsMax)
}

/** A cluster has 64 buckets: to miss one so often takes more luck than guessing a session's id. */
const drawsMax = 10_000
