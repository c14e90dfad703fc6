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
  const path: Array<string | number> = []
  try {
    const reason = lossIn(value, path)
    return reason === undefined ? Either.right(JSON.stringify(value)) : Either.left({ path, reason })
  } catch {
    return Either.left({ path, reason: "a getter, a proxy or its toJSON throws" })
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

/** Says why a value would be lost; `path` then leads to it. On success `path` is as it was. */
const lossIn = (value: unknown, path: Array<string | number>): string | undefined => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return undefined
    case "number":
      return Number.isFinite(value) ? undefined : `JSON has no ${value}`
    case "object":
      return value === null ? undefined : path.length >= depthMax ? tooDeep : lossInObject(value, path)
    default:
      return `JSON has no ${typeof value}`
  }
}

const lossInObject = (value: object, path: Array<string | number>): string | undefined => {
  if (Array.isArray(value)) return lossInArray(value, path)
  if ("toJSON" in value && typeof value.toJSON === "function") {
    // JSON.stringify does not ask what this gives for a toJSON of its own, and makes null of an invalid Date.
    const kept: unknown = value.toJSON(String(path.at(-1) ?? ""))
    if (kept === null && value instanceof Date) return "JSON has no invalid Date"
    return typeof kept !== "object" || kept === null || Array.isArray(kept)
      ? lossIn(kept, path)
      : lossInProperties(kept, path)
  }
  const prototype = Object.getPrototypeOf(value)
  if (
    prototype !== Object.prototype &&
    prototype !== null &&
    Object.prototype.toString.call(value) !== "[object Object]"
  ) {
    return `JSON has no ${Object.prototype.toString.call(value).slice(8, -1)}`
  }
  return lossInProperties(value, path)
}

const lossInProperties = (value: object, path: Array<string | number>): string | undefined => {
  for (const key of Object.keys(value)) {
    const property = (value as Record<string, unknown>)[key] // Object.keys names properties of its own.
    if (property === undefined) continue
    path.push(key)
    const reason = lossIn(property, path)
    if (reason !== undefined) return reason
    path.pop()
  }
  return undefined
}

const lossInArray = (values: ReadonlyArray<unknown>, path: Array<string | number>): string | undefined => {
  for (let i = 0; i < values.length; i++) {
    path.push(i)
    const reason = lossIn(values[i], path)
    if (reason !== undefined) return reason
    path.pop()
  }
  return undefined
}

const tooDeep = `it is nested deeper than ${depthMax} levels, or contains itself`
