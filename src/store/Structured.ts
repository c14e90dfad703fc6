/**
 * Values as the structured clone of `node:v8`, and nothing that it would lose. Reading runs no code.
 *
 * @since 0.1.0
 */
import { DefaultDeserializer, serialize as v8Serialize } from "node:v8"
import * as Either from "effect/Either"
import * as Json from "./Json.ts"

/**
 * The bytes of a value, if reading them gives the value back: what JSON can, and `undefined`, BigInt, every number, Date,
 * RegExp, Map, Set, ArrayBuffer, typed arrays, Buffer, cycles and values that are there twice. What the clone would change
 * or drop without a word (functions, symbols, instances of other classes, errors, properties under symbols, properties
 * added to a Date or Map) is a `Loss`. An object without prototype comes back with the usual one, a getter as its value.
 *
 * @since 0.1.0
 * @category encoding
 */
export const serialize = (value: unknown): Either.Either<Uint8Array, Json.Loss> => {
  try {
    const loss = lossIn(value, [], new Set())
    return loss === undefined ? Either.right(v8Serialize(value)) : Either.left(loss)
  } catch {
    return Either.left({ path: [], reason: "a getter or a proxy throws, or it has too many parts" })
  }
}

/**
 * The value of such bytes. Bytes that are none, also hostile ones, are a `Left` with no details.
 *
 * @since 0.1.0
 * @category decoding
 */
export const deserialize = (bytes: Uint8Array): Either.Either<unknown, "no structured clone"> => {
  try {
    const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    return reader.readHeader() ? Either.right(reader.readValue()) : Either.left("no structured clone")
  } catch {
    return Either.left("no structured clone")
  }
}

/** Gives typed arrays memory of their own: `node:v8` lets them look at all the bytes that are read. */
class Reader extends DefaultDeserializer {
  _readHostObject(): ArrayBufferView {
    const view = readView.call(this)
    if (Buffer.isBuffer(view)) return Buffer.from(view)
    const copy = view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength)
    // Every kind of view is made of a buffer.
    return new (view.constructor as new (buffer: ArrayBufferLike) => ArrayBufferView)(copy)
  }
}

/** Node documents this method for overriding, its types leave it out. */
const readView = (DefaultDeserializer.prototype as unknown as { readonly _readHostObject: () => ArrayBufferView })
  ._readHostObject

const lossIn = (value: unknown, path: ReadonlyArray<string | number>, seen: Set<object>): Json.Loss | undefined => {
  if (typeof value === "function" || typeof value === "symbol") {
    return { path, reason: `the structured clone has no ${typeof value}` }
  }
  if (typeof value !== "object" || value === null || seen.has(value)) return undefined
  if (path.length >= Json.depthMax) return { path: [], reason: `it is nested deeper than ${Json.depthMax} levels` }
  seen.add(value)
  const kind = kindOf(value)
  if (kind === undefined)
    return { path, reason: "the structured clone keeps no classes but the built-in ones for data" }
  if (kind === "bytes") return undefined
  if (Object.getOwnPropertySymbols(value).length > 0) {
    return { path, reason: "the structured clone has no properties under symbols" }
  }
  if (kind === "container" && Object.keys(value).length > 0) {
    return { path, reason: "the structured clone drops properties that were added to it" }
  }
  for (const [key, part] of partsOf(value)) {
    const loss = lossIn(part, [...path, key], seen)
    if (loss !== undefined) return loss
  }
  return undefined
}

/** What an object is to the clone: properties, a built-in class without own properties, bytes, or nothing it keeps. */
const kindOf = (value: object): "properties" | "container" | "bytes" | undefined => {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) return "properties"
  if (ArrayBuffer.isView(value)) return views.has(prototype) ? "bytes" : undefined
  if (prototype === ArrayBuffer.prototype) return "resizable" in value && value.resizable ? undefined : "bytes"
  if (prototype === RegExp.prototype) return (value as RegExp).lastIndex === 0 ? "container" : undefined // As just seen.
  return containers.has(prototype) ? "container" : undefined
}

const containers = new Set<unknown>([Date.prototype, Map.prototype, Set.prototype])

const views = new Set<unknown>(
  [
    Buffer,
    DataView,
    Int8Array,
    Uint8Array,
    Uint8ClampedArray,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array
  ].map(({ prototype }) => prototype)
)

const partsOf = (value: object): Iterable<readonly [string | number, unknown]> => {
  if (value instanceof Map) {
    return Array.from(value).flatMap(
      ([key, item], i) =>
        [
          [`key ${i}`, key],
          [`value ${i}`, item]
        ] as const
    )
  }
  if (value instanceof Set) return Array.from(value, (item, i) => [`item ${i}`, item] as const)
  return Object.entries(value).map(([key, part]) => [Array.isArray(value) ? indexOf(key) : key, part] as const)
}

/** Arrays may have properties besides their items. */
const indexOf = (key: string): string | number => (String(Number(key)) === key ? Number(key) : key)
