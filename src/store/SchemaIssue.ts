/**
 * Where and why a schema refused a value, as a field of errors.
 *
 * @since 0.1.0
 */
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

/**
 * An issue is made by `effect`, and only handed on.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SchemaIssue = Schema.declare(
  (u): u is ParseResult.ParseIssue => typeof u === "object" && u !== null && "_tag" in u && "actual" in u
)

/**
 * An issue as text, or what is said where there is none. It quotes the value: not for logs.
 *
 * @since 0.1.0
 * @category formatting
 */
export const details = (issue: ParseResult.ParseIssue | undefined, otherwise: string): string =>
  issue === undefined ? otherwise : ParseResult.TreeFormatter.formatIssueSync(issue)
