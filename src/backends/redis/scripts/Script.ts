/**
 * A script, and the name by which the server knows it.
 *
 * @since 0.1.0
 */
import { createHash } from "node:crypto"

/**
 * @since 0.1.0
 * @category models
 */
export interface Script {
  readonly text: string
  readonly sha: string
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (text: string): Script => ({ text, sha: createHash("sha1").update(text).digest("hex") })
