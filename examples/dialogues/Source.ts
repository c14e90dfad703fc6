/**
 * Dialogues from a file of JSON lines, plain or gzipped.
 */

import { createGunzip } from "node:zlib"
import * as FileSystem from "@effect/platform/FileSystem"
import * as NodeStream from "@effect/platform-node/NodeStream"
import * as Effect from "effect/Effect"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { Dialogue } from "./Dialogue.ts"

/** The input is broken; `line` is where, counted from one, or the last line that could be read. */
export class InputError extends Schema.TaggedError<InputError>()("InputError", {
  path: Schema.String,
  line: Schema.Number,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.path}, line ${this.line}: ${this.reason}`
  }
}

/** The dialogues of a file. */
export const dialogues = (path: string): Stream.Stream<Dialogue, InputError, FileSystem.FileSystem> =>
  Stream.mapEffect(lines(path), ({ line, text }) =>
    Effect.mapError(decode(text), (error) => {
      const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
      const at = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`
      const reason = issue?._tag === "Missing" ? "it is missing" : (issue?.message ?? "").slice(0, messageLengthMax)
      return new InputError({ path, line, reason: `no dialogue${at}: ${reason}` })
    })
  )

/** How many lines a file has, as far as it can be read: whoever reads it for its content meets the fault. */
export const count = (path: string): Effect.Effect<number, never, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    let count = 0
    yield* Effect.option(Stream.runForEach(lines(path), () => Effect.sync(() => count++)))
    return count
  })

interface Line {
  readonly line: number
  readonly text: string
}

const lines = (path: string): Stream.Stream<Line, InputError, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.map(FileSystem.FileSystem, (fs) => {
      let line = 0
      const fail = (reason: string) => new InputError({ path, line, reason })
      const file = Stream.mapError(fs.stream(path), ({ message }) => fail(`the file can't be read (${message})`))
      const bytes = path.endsWith(".gz")
        ? NodeStream.pipeThroughDuplex(file, createGunzip, (cause) =>
            fail(`the gzip stream is broken behind this line (${describe(cause)})`)
          )
        : file
      return bytes.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        // A stream that breaks hands over the piece of a line that it broke in: only what something follows is whole.
        Stream.zipWithNext,
        Stream.map(([text]) => ({ line: ++line, text })),
        Stream.filter(({ text }) => text.trim() !== "")
      )
    })
  )

const decode = Schema.decode(Schema.parseJson(Dialogue))

const describe = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** The schema's message may quote a whole line. */
const messageLengthMax = 200
