/**
 * Patterns over keys: `*` is any text, `?` one character, `[a-z]` one of a set (`[^a-z]`: none of it), and `\` takes the
 * next character literally. A pattern is matched against the whole key.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Either from "effect/Either"
import { InvalidRange } from "./StateError.ts"

/**
 * A pattern, read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pattern {
  /** The literal text that every matching key starts with: it bounds the scan. */
  readonly prefix: string
  readonly matches: (key: string) => boolean
}

/**
 * Reads a pattern. A set without an end, an empty or reversed one, and a `\` at the end are an `InvalidRange`.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parse = (pattern: string): Either.Either<Pattern, InvalidRange> =>
  Either.map(tokenize(Array.from(pattern)), (tokens) => {
    const [literals, rest] = Arr.span(tokens, isLiteral)
    const prefix = literals.map(({ literal }) => literal).join("")
    // Most patterns are a prefix and a star.
    const isAny = rest.length === 1 && rest[0] === "*"
    return {
      prefix,
      matches: (key) => key.startsWith(prefix) && (isAny || matches(rest, Array.from(key.slice(prefix.length))))
    }
  })

type Token = "*" | ((char: string) => boolean) | Literal

interface Literal {
  readonly literal: string
}

const isLiteral = (token: Token): token is Literal => typeof token === "object"

const tokenize = (chars: ReadonlyArray<string>): Either.Either<ReadonlyArray<Token>, InvalidRange> => {
  const tokens: Array<Token> = []
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] ?? ""
    if (char === "*") {
      if (tokens.at(-1) !== "*") tokens.push("*")
    } else if (char === "?") {
      tokens.push(() => true)
    } else if (char === "\\") {
      const literal = chars[++i]
      if (literal === undefined) return invalid("it ends in a backslash")
      tokens.push({ literal })
    } else if (char === "[") {
      const set = charSet(chars, i + 1)
      if (Either.isLeft(set)) return Either.left(set.left)
      tokens.push(set.right.includes)
      i = set.right.end
    } else {
      tokens.push({ literal: char })
    }
  }
  return Either.right(tokens)
}

interface CharSet {
  readonly end: number
  readonly includes: (char: string) => boolean
}

/** Reads a set whose first character is at `from`; `end` is where its bracket closes. */
const charSet = (chars: ReadonlyArray<string>, from: number): Either.Either<CharSet, InvalidRange> => {
  const negated = chars[from] === "^"
  const ranges: Array<readonly [low: number, high: number]> = []
  let i = negated ? from + 1 : from
  const next = (): number | undefined => (chars[i] === "\\" ? chars[++i] : chars[i])?.codePointAt(0)
  for (; chars[i] !== "]"; i++) {
    const low = next()
    if (low === undefined) return invalid("a set has no end")
    let high: number | undefined = low
    if (chars[i + 1] === "-" && chars[i + 2] !== "]") {
      i += 2
      high = next()
      if (high === undefined) return invalid("a set has no end")
      if (high < low) return invalid("a set's range is reversed")
    }
    ranges.push([low, high])
  }
  if (ranges.length === 0) return invalid("a set is empty")
  const includes = (char: string): boolean => {
    const point = char.codePointAt(0) ?? 0
    return ranges.some(([low, high]) => low <= point && point <= high) !== negated
  }
  return Either.right({ end: i, includes })
}

/**
 * Greedy, and on a mismatch only the last star takes one character more: no pattern takes longer than the product of
 * both lengths.
 */
const matches = (tokens: ReadonlyArray<Token>, chars: ReadonlyArray<string>): boolean => {
  let token = 0
  let star = -1
  let starChar = 0
  for (let char = 0; char < chars.length; ) {
    const current = tokens[token]
    if (current === "*") {
      star = token++
      starChar = char
    } else if (current !== undefined && matchesOne(current, chars[char] ?? "")) {
      token++
      char++
    } else if (star !== -1) {
      token = star + 1
      char = ++starChar
    } else {
      return false
    }
  }
  return token === tokens.length || (token === tokens.length - 1 && tokens[token] === "*")
}

const matchesOne = (token: Exclude<Token, "*">, char: string): boolean =>
  typeof token === "function" ? token(char) : token.literal === char

const invalid = (reason: string) => Either.left(new InvalidRange({ part: "pattern", reason }))
