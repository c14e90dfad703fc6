/**
 * The dialogues example as a user runs it: as a process of its own, on every backend, and on broken input.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Collection } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import { assert, describe, it } from "vitest"
import * as Program from "./Program.ts"

const { backends, database, file, path, run: replay } = Program.make("dialogues")
const sample = readFileSync(join(Program.root, "examples/dialogues/sample.jsonl"), "utf8")

/** The ids of the conversations that a database holds. */
const stored = (url: string) =>
  Effect.gen(function* () {
    const conversations = yield* Collection.make("dialogues", { schema: Schema.Unknown })
    return (yield* conversations.list()).entries.map((entry) => entry.key)
  }).pipe(Effect.provide(Layer.fresh(SqliteStore.layer({ filename: url.slice("sqlite:".length) }))), Effect.runPromise)

describe("The dialogues example replays its sample", () => {
  it.each(backends)("on %s", (_, url) =>
    Effect.gen(function* () {
      const { status, stderr, stdout } = replay(yield* url)
      assert.strictEqual(stderr, "")
      assert.match(stdout, /^6 dialogues, 32 turns, \d+ bytes of state/m)
      assert.match(stdout, /^Every state is as expected.$/m)
      assert.strictEqual(status, 0)
    }).pipe(Effect.scoped, Effect.runPromise)
  )

  it("gzipped, a second time, over what the first run left", () => {
    const path = file("sample.jsonl.gz", gzipSync(sample))
    assert.strictEqual(replay(database("twice.db"), path).status, 0)
    const { status, stdout } = replay(database("twice.db"), path)
    assert.match(stdout, /The store is closed, and built again./)
    assert.match(stdout, /^Every state is as expected.$/m)
    assert.strictEqual(status, 0)
  })
})

describe("The dialogues example meets broken input with its line, exit code 1 and what was stored intact:", () => {
  const lines = sample.trimEnd().split("\n")
  const withThird = (line: string) => [...lines.slice(0, 2), line, ...lines.slice(2)].join("\n")
  const whole = gzipSync(sample)
  const broken = {
    "a line that is no JSON": ["text.jsonl", withThird("{not json"), /line 3: no dialogue: .*JSON/],
    "a turn without frames": [
      "frames.jsonl",
      withThird('{"dialogue_id":"x","services":[],"turns":[{"speaker":"USER","utterance":"hi"}]}'),
      /line 3: no dialogue at turns.0.frames: it is missing/
    ],
    "a turn with no frame": [
      "noframe.jsonl",
      withThird('{"dialogue_id":"x","services":[],"turns":[{"speaker":"USER","utterance":"hi","frames":[]}]}'),
      /line 3: no dialogue at turns.0.frames/
    ],
    "a gzip stream that is cut off": [
      "cut.jsonl.gz",
      whole.subarray(0, whole.length * 0.8),
      /line \d: the gzip stream is broken/
    ]
  } as const

  it.each(Object.entries(broken))("%s", async (_, [name, content, message]) => {
    const url = database(`${name}.db`)
    const { status, stderr } = replay(url, file(name, content), "--concurrency", "1")
    assert.match(stderr, message)
    assert.strictEqual(status, 1)
    assert.includeMembers(await stored(url), ["ferry-1", "repair-1"])
  })

  it("a file that is not there", () => {
    const { status, stderr } = replay("memory:", path("nowhere.jsonl"))
    assert.match(stderr, /must exist/)
    assert.strictEqual(status, 1)
  })

  it("a URL that is none, without its password", () => {
    const { status, stderr } = replay("mysql://user:secret@host/db")
    assert.match(stderr, /Accepted forms: memory:/)
    assert.notInclude(stderr, "secret")
    assert.strictEqual(status, 1)
  })
})
