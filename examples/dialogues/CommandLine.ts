/**
 * What the examples that replay dialogues have in common as programs.
 */
import * as Args from "@effect/cli/Args"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** The run ends well only if all is as expected. */
export class Mismatch extends Schema.TaggedError<Mismatch>()("Mismatch", {
  /** What is compared. */
  what: Schema.String,
  where: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `${this.where.length} ${this.what} are not as expected, the first: ${this.where[0]}`
  }
}

/** The store's URL. */
export const stateUrl = (byDefault: string) =>
  Config.redacted("STATE_URL").pipe(Config.withDefault(Redacted.make(byDefault)))

/** The file of dialogues. */
export const file = (byDefault: string) =>
  Args.file({ name: "file", exists: "yes" }).pipe(
    Args.withDescription("JSON lines, one dialogue a line; gzipped if the name ends in .gz"),
    Args.withDefault(byDefault)
  )

export const concurrency = Options.integer("concurrency").pipe(
  Options.withDescription("How many dialogues at a time"),
  Options.withDefault(16)
)

/** Runs a program. What goes wrong is told in a line, and not as a stack; the command line reports its own mistakes. */
export const run = <E extends { readonly message: string }>(
  program: Effect.Effect<void, E | ValidationError.ValidationError, NodeContext.NodeContext>
): void =>
  program.pipe(
    Effect.tapError((error) => (ValidationError.isValidationError(error) ? Effect.void : Console.error(error.message))),
    Effect.provide(NodeContext.layer),
    NodeRuntime.runMain({ disableErrorReporting: true })
  )
