/**
 * What differs between two values, as a codec gives them. Pure.
 *
 * @since 0.1.0
 */
import { isDeepStrictEqual } from "node:util"
import * as Properties from "../Properties.ts"

/**
 * One difference. The path leads from the root to the part, by names of properties and indexes of arrays; it is empty
 * where the whole value came, went, or is another one.
 *
 * @since 0.1.0
 * @category models
 */
export type Difference =
  | { readonly _tag: "Added"; readonly path: Path; readonly after: unknown }
  | { readonly _tag: "Removed"; readonly path: Path; readonly before: unknown }
  | { readonly _tag: "Changed"; readonly path: Path; readonly before: unknown; readonly after: unknown }

/**
 * @since 0.1.0
 * @category models
 */
export type Path = ReadonlyArray<string | number>

/**
 * The differences between two values, `undefined` being none at all. Records and arrays are compared part by part,
 * arrays by index: an item that was put in front makes all behind it another one. What else the structured clone keeps (a Date,
 * a Set, a Map, bytes) is one value, and another one if anything in it is. So is what contains itself, where it does.
 *
 * @since 0.1.0
 * @category comparing
 */
export const diff = (before: unknown, after: unknown): ReadonlyArray<Difference> => compare([], before, after, [])

/** `above` are the parts that these two lie in. */
const compare = (
  path: Path,
  before: unknown,
  after: unknown,
  above: ReadonlyArray<readonly [before: unknown, after: unknown]>
): ReadonlyArray<Difference> => {
  if (before === after) return []
  if (before === undefined) return [{ _tag: "Added", path, after }]
  if (after === undefined) return [{ _tag: "Removed", path, before }]
  const met = above.find((pair) => pair[0] === before || pair[1] === after)
  if (met?.[0] === before && met[1] === after) return []
  const parts = met === undefined ? partsOf(before, after) : undefined
  if (parts !== undefined) {
    const within = [...above, [before, after] as const]
    return parts.flatMap(([part, before, after]) => compare([...path, part], before, after, within))
  }
  return isDeepStrictEqual(before, after) ? [] : [{ _tag: "Changed", path, before, after }]
}

/** The parts of two values of one kind, side by side; `undefined` where they have none to compare. */
const partsOf = (
  before: unknown,
  after: unknown
): ReadonlyArray<readonly [part: string | number, before: unknown, after: unknown]> | undefined => {
  if (Array.isArray(before) && Array.isArray(after)) {
    return Array.from({ length: Math.max(before.length, after.length) }, (_, i) => [i, before[i], after[i]])
  }
  if (!Properties.isPlain(before) || !Properties.isPlain(after)) return undefined
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return Array.from(names, (name) => [name, own(before, name), own(after, name)])
}

/** A property of the record's own, not one that every object has (`constructor`). */
const own = (record: { readonly [name: string]: unknown }, name: string): unknown =>
  Object.hasOwn(record, name) ? record[name] : undefined
