/**
 * The order and the size of text as every backend sees them: by its UTF-8 bytes.
 *
 * @since 0.1.0
 */
import * as Order from "effect/Order"

/**
 * Compares text by its UTF-8 bytes, which is the order of its code points. JavaScript's `<` compares UTF-16 units, and
 * puts U+E000 to U+FFFF behind the characters that take two units.
 *
 * @since 0.1.0
 * @category order
 */
export const compare = (self: string, that: string): -1 | 0 | 1 => {
  if (self === that) return 0
  const length = Math.min(self.length, that.length)
  for (let i = 0; i < length; i++) {
    const a = self.charCodeAt(i)
    const b = that.charCodeAt(i)
    if (a === b) continue
    const aHigh = isSurrogate(a)
    return aHigh === isSurrogate(b) ? (a < b ? -1 : 1) : aHigh ? 1 : -1
  }
  return self.length < that.length ? -1 : 1
}

/**
 * {@link compare} as an `Order`.
 *
 * @since 0.1.0
 * @category order
 */
export const order: Order.Order<string> = Order.make(compare)

/**
 * How many bytes text takes.
 *
 * @since 0.1.0
 * @category size
 */
export const byteLength = (text: string): number => Buffer.byteLength(text)

/**
 * The least text that is greater than every text starting with `prefix`; `undefined` if there is none.
 *
 * @since 0.1.0
 * @category ranges
 */
export const successorOfPrefix = (prefix: string): string | undefined => {
  const points = Array.from(prefix, (char) => char.codePointAt(0) ?? 0)
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    if (last === 0x10ffff) continue
    // A lone surrogate is no text: the successor of the last character before that block is the first one behind it.
    const next = last === 0xd7ff ? 0xe000 : last + 1
    return String.fromCodePoint(...points, next)
  }
  return undefined
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff
