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

/** The dialogues of a file, and how many of its bytes were read so far. */
export const dialogues = (
  path: string,
  onBytes: (bytes: number) => void = () => {}
): Stream.Stream<Dialogue, InputError, FileSystem.FileSystem> =>
  Stream.unwrap(
    Effect.map(FileSystem.FileSystem, (fs) => {
      let line = 0
      const fail = (reason: string) => new InputError({ path, line, reason })
      const file = fs.stream(path).pipe(
        Stream.tap((chunk) => Effect.sync(() => onBytes(chunk.length))),
        Stream.mapError((error) => fail(`the file can't be read (${error.message})`))
      )
      const bytes = path.endsWith(".gz")
        ? NodeStream.pipeThroughDuplex(file, createGunzip, (cause) =>
            fail(`the gzip stream is broken behind this line (${describe(cause)})`)
          )
        : file
      return bytes.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.tap(() => Effect.sync(() => line++)),
        Stream.filter((text) => text.trim() !== ""),
        Stream.mapEffect((text) =>
          Effect.mapError(decode(text), (error) => {
            const [issue] = ParseResult.ArrayFormatter.formatErrorSync(error)
            const at = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`
            return fail(
              `no dialogue${at}: ${issue?._tag === "Missing" ? "it is missing" : describeIssue(issue?.message)}`
            )
          })
        )
      )
    })
  )

const decode = Schema.decode(Schema.parseJson(Dialogue))

const describe = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** The schema's message may quote the whole line. */
const describeIssue = (message: string | undefined): string => (message ?? "").slice(0, 200)
