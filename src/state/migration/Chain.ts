/**
 * The pure part of versions: what is stored of them, and which steps lead from one to the newest.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"

/**
 * A step from a version to a later one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step<out Upgrade> {
  readonly from: string
  readonly to: string
  readonly upgrade: Upgrade
}

/**
 * A value with the name of its version, as it is stored.
 *
 * @since 0.1.0
 * @category models
 */
export interface Envelope {
  readonly "~v": string
  readonly value: unknown
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const envelope = (version: string, value: unknown): Envelope => ({ "~v": version, value })

/**
 * Whether a stored value says its version: a record of exactly `~v`, which is text, and `value`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isEnvelope = (stored: unknown): stored is Envelope =>
  Predicate.isRecord(stored) &&
  typeof stored["~v"] === "string" &&
  Object.hasOwn(stored, "value") &&
  Object.keys(stored).length === 2

/**
 * The steps that lead from a version to the newest, as few as possible: of the steps that leave a version, the one that leads
 * furthest, or the last of those. `undefined` for a version that is not among them.
 *
 * @since 0.1.0
 * @category paths
 */
export const path = <Upgrade>(
  versions: ReadonlyArray<string>,
  steps: ReadonlyArray<Step<Upgrade>>,
  from: string
): ReadonlyArray<Step<Upgrade>> | undefined => {
  if (!versions.includes(from)) return undefined
  const found: Array<Step<Upgrade>> = []
  for (let at = from; at !== versions.at(-1); ) {
    const furthest = steps
      .filter((step) => step.from === at)
      .reduce<Step<Upgrade> | undefined>(
        (best, step) => (best && versions.indexOf(best.to) > versions.indexOf(step.to) ? best : step),
        undefined
      )
    if (furthest === undefined) return undefined
    found.push(furthest)
    at = furthest.to
  }
  return found
}

/**
 * A part of a stored value, by the names of the properties that lead to it.
 *
 * @since 0.1.0
 * @category parts
 */
export const partAt = (stored: unknown, names: ReadonlyArray<string>): unknown =>
  names.reduce((part, name) => (Predicate.isRecord(part) && Object.hasOwn(part, name) ? part[name] : undefined), stored)

/**
 * A stored value with another part in it.
 *
 * @since 0.1.0
 * @category parts
 */
export const withPart = (stored: unknown, [name, ...rest]: ReadonlyArray<string>, part: unknown): unknown =>
  name === undefined
    ? part
    : { ...(Predicate.isRecord(stored) ? stored : {}), [name]: withPart(partAt(stored, [name]), rest, part) }
