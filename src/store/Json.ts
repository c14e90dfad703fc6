/**
 * Values as JSON text, and nothing that JSON would lose.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"

/**
 * The deepest nesting a value may have; a cycle is deeper.
 *
 * @since 0.1.0
 * @category limits
 */
export const depthMax = 500

/**
 * Where a value would be lost by JSON, and why.
 *
 * @since 0.1.0
 * @category models
 */
export interface Loss {
  readonly path: ReadonlyArray<string | number>
  readonly reason: string
}

/**
 * The JSON text of a value, if parsing it gives the value back. Properties that are `undefined` are left out and `toJSON`
 * is obeyed, as `JSON.stringify` does; what that would change or drop without a word (`undefined` elsewhere, functions,
 * symbols, BigInt, NaN and infinities, Map, Set, typed arrays, cycles) is a `Loss`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const stringify = (value: unknown): Either.Either<string, Loss> => {
  const loss = lossIn(value, "", 0)
  if (loss !== undefined) return Either.left(loss)
  try {
    return Either.right(JSON.stringify(value))
  } catch {
    return Either.left(found(throws))
  }
}

/**
 * The value of a JSON text; a text that is none is a `Left` with no details, which would quote the text.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (text: string): Either.Either<unknown, "no JSON text"> => {
  try {
    return Either.right(JSON.parse(text))
  } catch {
    return Either.left("no JSON text")
  }
}

/** Where and why a value would be lost. `key` is the one it lies under; `depth` is how many levels lie above it. */
const lossIn = (value: unknown, key: string | number, depth: number): Found | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined
    case "number":
      return Number.isFinite(value) ? undefined : found(`JSON has no ${value}`)
    case "object":
      return value === null ? undefined : depth >= depthMax ? found(tooDeep) : lossInObject(value, key, depth)
    default:
      return found(`JSON has no ${typeof value}`)
  }
}

/** A loss whose path is still being led back to the root: only a value that has one pays for it. */
interface Found {
  readonly path: Array<string | number>
  readonly reason: string
}

const found = (reason: string): Found => ({ path: [], reason })

const below = (key: string | number, { path, reason }: Found): Found => ({ path: [key, ...path], reason })

const lossInObject = (value: object, key: string | number, depth: number): Found | undefined => {
  try {
    return lossInParts(value, key, depth)
  } catch {
    return found(throws)
  }
}

const lossInParts = (value: object, key: string | number, depth: number): Found | undefined => {
  if (!("toJSON" in value && typeof value.toJSON === "function")) return lossInPlain(value, depth)
  // JSON.stringify does not ask what this gives for a toJSON of its own, and makes null of an invalid Date.
  const kept: unknown = value.toJSON(String(key))
  if (kept === null && value instanceof Date) return found("JSON has no invalid Date")
  return typeof kept === "object" && kept !== null ? lossInPlain(kept, depth) : lossIn(kept, key, depth)
}

/** Whatever its toJSON may be. */
const lossInPlain = (value: object, depth: number): Found | undefined => {
  if (Array.isArray(value)) return lossInArray(value, depth)
  const prototype = Object.getPrototypeOf(value)
  if (
    prototype !== Object.prototype &&
    prototype !== null &&
    Object.prototype.toString.call(value) !== "[object Object]"
  ) {
    return found(`JSON has no ${Object.prototype.toString.call(value).slice(8, -1)}`)
  }
  return lossInProperties(value, depth)
}

const lossInProperties = (value: object, depth: number): Found | undefined => {
  // Faster than Object.keys, which makes an array. Inherited properties are looked at, too, but are nobody's loss.
  for (const key in value) {
    const property = (value as Record<string, unknown>)[key] // The loop names its properties.
    if (property === undefined) continue
    const loss = lossIn(property, key, depth + 1)
    if (loss !== undefined && Object.hasOwn(value, key)) return below(key, loss)
  }
  return undefined
}

const lossInArray = (values: ReadonlyArray<unknown>, depth: number): Found | undefined => {
  for (let i = 0; i < values.length; i++) {
    const loss = lossIn(values[i], i, depth + 1)
    if (loss !== undefined) return below(i, loss)
  }
  return undefined
}

const throws = "a getter, a proxy or its toJSON throws"

const tooDeep = `it is nested deeper than ${depthMax} levels, or contains itself`
