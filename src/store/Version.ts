/**
 * The number every write of an entry draws.
 *
 * @since 0.1.0
 */
import * as Brand from "effect/Brand"

/**
 * A positive safe integer that rises strictly per key, also across delete, expiry and re-creation: a version once read
 * can never match a later state of its key.
 *
 * It orders the writes of one key. Across keys it is no clock and no position in a feed.
 *
 * @since 0.1.0
 * @category models
 */
export type Version = number & Brand.Brand<"effect-state/Version">

/**
 * Whether a number can be a version.
 *
 * @since 0.1.0
 * @category guards
 */
export const isVersion = (n: unknown): n is Version => typeof n === "number" && Number.isSafeInteger(n) && n > 0

/**
 * Makes a version of a number that was one before (stored, sent, printed); throws a `BrandErrors` for any other.
 *
 * @since 0.1.0
 * @category constructors
 */
export const Version: Brand.Brand.Constructor<Version> = Brand.refined<Version>(isVersion, (n) =>
  Brand.error(`Expected a positive safe integer, got ${n}`)
)
