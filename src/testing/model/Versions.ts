/**
 * Which version of a store stands for which write of the model. Their numbers are the store's own affair; that those of
 * one key rise with its writes, and stay what they are, is not.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import type { Version } from "../../store/Version.ts"

/**
 * @since 0.1.0
 * @category models
 */
export class Versions {
  readonly #byKey = new Map<string, Map<number, Version>>()

  /** Notes that a write of a key has this version; fails if that can't be. */
  learn(key: string, write: number, version: Version): void {
    const known = this.#byKey.get(key) ?? new Map<number, Version>()
    this.#byKey.set(key, known)
    for (const [otherWrite, other] of known) {
      assert.equal(
        Math.sign(version - other),
        Math.sign(write - otherWrite),
        `write ${write} has version ${version}, write ${otherWrite} of the same key has ${other}`
      )
    }
    known.set(write, version)
  }

  /** The version of a write, if it was seen. */
  of(key: string, write: number): Version | undefined {
    return this.#byKey.get(key)?.get(write)
  }

  /** The latest seen version of a key other than that of a write. */
  stale(key: string, write: number | undefined): Version | undefined {
    return [...(this.#byKey.get(key) ?? [])].filter(([other]) => other !== write).at(-1)?.[1]
  }
}
