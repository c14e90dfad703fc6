/**
 * A model beside a store, and whether they agree.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Entry } from "../../store/Entry.ts"
import { Version } from "../../store/Version.ts"
import type * as Command from "./Command.ts"
import { type Check, type Done, type Item, name, type Outcome, type Reference } from "./Reference.ts"
import { Versions } from "./Versions.ts"

/**
 * @since 0.1.0
 * @category models
 */
export class Comparison {
  readonly model: Reference
  readonly versions = new Versions()
  readonly #clock: "test" | "server"

  constructor(model: Reference, clock: "test" | "server") {
    this.model = model
    this.#clock = clock
  }

  /** Whether what was read under a key is what the model has there. */
  sameEntry(at: Command.At, found: Option.Option<Entry>) {
    const item = this.model.get(at)
    const entry = Option.getOrUndefined(found)
    if (entry === undefined || item === undefined)
      return assert.equal(entry?.value, item?.json, `the entry of ${at.key}`)
    assert.equal(entry.key, at.key)
    assert.equal(JSON.stringify(entry.value), item.json, `the value of ${at.key}`)
    this.versions.learn(name(at), item.write, entry.version)
    for (const time of ["createdAtMs", "updatedAtMs", "expiresAtMs"] as const) this.#sameTime(time, entry, item)
  }

  #sameTime(time: "createdAtMs" | "updatedAtMs" | "expiresAtMs", entry: Entry, item: Item) {
    const [actual, expected] = [entry[time], item[time]]
    const isClose =
      this.#clock === "server" &&
      actual !== undefined &&
      expected !== undefined &&
      Math.abs(actual - expected) < serverToleranceMs
    if (!isClose) assert.equal(actual, expected, `${time} of ${entry.key}`)
  }

  /** The version that a demand comes to, and the write that it stands for in the model. */
  resolve({ at, demand }: Command.Check): { readonly version: Version | "absent"; readonly check: Check } {
    const key = name(at)
    const item = this.model.get(at)
    const current = item === undefined ? undefined : this.versions.of(key, item.write)
    const never = { version: neverVersion, check: { at, write: -1 } }
    switch (demand) {
      case "absent":
        return { version: "absent", check: { at, write: "absent" } }
      case "never":
        return never
      case "current":
        return item !== undefined && current !== undefined
          ? { version: current, check: { at, write: item.write } }
          : never
      case "stale": {
        const version = this.versions.stale(key, item?.write)
        return version === undefined ? never : { version, check: { at, write: -1 } }
      }
    }
  }

  /** Whether a step came to what the model says. */
  sameResult(step: Command.Step, done: Done, i: number, actual: unknown) {
    // A set tells its version.
    if (step._tag === "Set") this.versions.learn(name(step.at), done.write, Version(Number(actual)))
    else assert.equal(actual, done.results[i])
  }
}

/** How far a server's times may be from the model's, which stand still between commands. */
const serverToleranceMs = 600_000

/**
 * What every call with a bad key comes to.
 *
 * @since 0.1.0
 * @category outcomes
 */
export const invalidKey = { error: "InvalidKey" }

const neverVersion = Version(Number.MAX_SAFE_INTEGER)

/**
 * The result; it dies of an error.
 *
 * @since 0.1.0
 * @category outcomes
 */
export const okOf = <A>(outcome: Outcome<A>): A =>
  "ok" in outcome ? outcome.ok : assert.fail(`expected a result, got ${outcome.error}`)

/**
 * What a call came to, as the model says it.
 *
 * @since 0.1.0
 * @category outcomes
 */
export const settle = <A>(effect: Effect.Effect<A, { readonly _tag: string }>): Effect.Effect<Outcome<A>> =>
  Effect.match(effect, {
    onSuccess: (ok) => ({ ok }),
    onFailure: (error) => ({
      error: error._tag,
      ...("keys" in error && Array.isArray(error.keys) && { keys: new Set(error.keys).size })
    })
  })
