/**
 * Ranges of keys: half-open, or by prefix, in the order of the keys' UTF-8 bytes.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Key from "./Key.ts"
import * as Namespace from "./Namespace.ts"
import { InvalidRange } from "./StateError.ts"
import * as Utf8 from "./Utf8.ts"

/**
 * The keys of a namespace from `start` (included) to `end` (excluded), or those that start with `prefix`, which is literal
 * text. `{}` is all of them.
 *
 * @since 0.1.0
 * @category models
 */
export type KeyRange =
  | { readonly prefix: string; readonly start?: undefined; readonly end?: undefined }
  | { readonly prefix?: undefined; readonly start?: string | undefined; readonly end?: string | undefined }

/**
 * A range of full keys, as backends see it: half-open, and both ends there.
 *
 * @since 0.1.0
 * @category models
 */
export interface FullRange {
  readonly start: string
  readonly end: string
  /** The one placement that holds all of the range, where its namespace says so. */
  readonly placement: string | undefined
}

/**
 * Every key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const all: KeyRange = {}

/**
 * The keys that start with some text.
 *
 * @since 0.1.0
 * @category constructors
 */
export const prefix = (prefix: string): KeyRange => ({ prefix })

/**
 * The keys from `start` up to, but not including, `end`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const between = (start: string, end: string): KeyRange => ({ start, end })

/**
 * Checks a range and lays it into a namespace. Text that can be no part of a key, and an end before the start, is an
 * `InvalidRange`.
 *
 * @since 0.1.0
 * @category resolving
 */
export const resolve = (namespace: Namespace.Namespace, range: KeyRange): Either.Either<FullRange, InvalidRange> => {
  if (namespace.invalid !== undefined) return invalid("prefix", namespace.invalid.reason)
  return range.prefix === undefined
    ? resolveBounds(namespace, range.start, range.end)
    : resolvePrefix(namespace, range.prefix)
}

/**
 * Whether a full key lies in a range.
 *
 * @since 0.1.0
 * @category guards
 */
export const includes = (range: FullRange, text: string): boolean =>
  Utf8.compare(range.start, text) <= 0 && Utf8.compare(text, range.end) < 0

const resolvePrefix = (namespace: Namespace.Namespace, prefix: string): Either.Either<FullRange, InvalidRange> => {
  const problem = Key.problemOfPart(prefix, Key.keyBytesMax)
  if (problem !== undefined) return invalid("prefix", problem.reason)
  const start = namespace.start + prefix
  return Either.right({
    start,
    end: prefix === "" ? namespace.end : (Utf8.successorOfPrefix(start) ?? namespace.end),
    placement: Namespace.placementOfPrefix(namespace, prefix)
  })
}

const resolveBounds = (
  namespace: Namespace.Namespace,
  start: string = "",
  end: string | undefined
): Either.Either<FullRange, InvalidRange> => {
  const startProblem = Key.problemOfPart(start, Key.keyBytesMax)
  if (startProblem !== undefined) return invalid("start", startProblem.reason)
  if (end === undefined) {
    const placement = Namespace.placementOfPrefix(namespace, "")
    return Either.right({ start: namespace.start + start, end: namespace.end, placement })
  }
  const endProblem = Key.problemOfPart(end, Key.keyBytesMax)
  if (endProblem !== undefined) return invalid("end", endProblem.reason)
  if (Utf8.compare(start, end) > 0) return invalid("end", "it comes before the start")
  // All keys between two that begin alike begin so, too.
  const placement = Namespace.placementOfPrefix(namespace, commonStart(start, end))
  return Either.right({ start: namespace.start + start, end: namespace.start + end, placement })
}

const commonStart = (a: string, b: string): string => {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return a.slice(0, length)
}

const invalid = (part: InvalidRange["part"], reason: string) => Either.left(new InvalidRange({ part, reason }))
