/**
 * The position in a range behind which the next page starts.
 *
 * @since 0.1.0
 */
import type * as Brand from "effect/Brand"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Hash from "effect/Hash"
import * as KeyRange from "./KeyRange.ts"
import { InvalidRange } from "./StateError.ts"

/**
 * Opaque text that a page of a range gave, good for the next page of that range, in that direction, and nothing else. It
 * stays good when its entry is deleted, and across restarts.
 *
 * @since 0.1.0
 * @category models
 */
export type PageCursor = string & Brand.Brand<"effect-state/PageCursor">

/**
 * The cursor behind a full key.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (range: KeyRange.FullRange, reverse: boolean, key: string): PageCursor =>
  Encoding.encodeBase64Url(`${checksum(range, reverse, key)}.${key}`) as PageCursor // The one place that makes them.

/**
 * The full key of a cursor. One that was made up, or belongs to another range or direction, is an `InvalidRange`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (
  range: KeyRange.FullRange,
  reverse: boolean,
  cursor: string
): Either.Either<string, InvalidRange> => {
  const text = Either.getOrElse(Encoding.decodeBase64UrlString(cursor), () => "")
  const key = text.slice(text.indexOf(".") + 1)
  return KeyRange.includes(range, key) && text === `${checksum(range, reverse, key)}.${key}`
    ? Either.right(key)
    : Either.left(
        new InvalidRange({ part: "cursor", reason: "it is no cursor of a page of this range in this direction" })
      )
}

const checksum = (range: KeyRange.FullRange, reverse: boolean, key: string): string =>
  (Hash.string(`${range.start}\0${range.end}\0${reverse}\0${key}`) >>> 0).toString(36)
