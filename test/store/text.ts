/** Text that finds mistakes: escapes, wildcards, characters of one to four UTF-8 bytes, and those at the borders. */
import * as FastCheck from "effect/FastCheck"

const nasty = [
  "%",
  "/",
  ":",
  ";",
  "*",
  "?",
  "[",
  "]",
  "\\",
  "_",
  " ",
  "\n",
  "a",
  "b",
  "ab",
  "é",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "😀",
  "\u{10ffff}"
]

/** Well-formed text without NUL, as keys are; may be empty. */
export const part = FastCheck.oneof(
  FastCheck.array(FastCheck.constantFrom(...nasty), { maxLength: 6 }).map((chars) => chars.join("")),
  FastCheck.fullUnicodeString({ maxLength: 8 }).map((text) => text.replaceAll("\0", ""))
)

/** {@link part} that is not empty. */
export const key = part.filter((text) => text !== "")

/** The order that every backend must keep. */
export const byBytes = (a: string, b: string): number => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))
