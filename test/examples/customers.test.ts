/**
 * The customers example as a user runs it: as a process of its own, on every backend.
 */
import * as Effect from "effect/Effect"
import { assert, describe, it } from "vitest"
import * as Program from "./Program.ts"

const { backends, database, path, run: replay } = Program.make("customers")

describe("The customers example replays the sample of dialogues", () => {
  const expectReplay = (stateUrl: string) => {
    const { status, stderr, stdout } = replay(stateUrl)
    assert.strictEqual(stderr, "")
    assert.match(stdout, /^6 customers, 32 turns, /m)
    assert.match(stdout, /^Every state is as expected.$/m)
    assert.strictEqual(status, 0)
  }

  it.each(backends)("on %s", (_, url) => url.pipe(Effect.map(expectReplay), Effect.scoped, Effect.runPromise))

  it("a second time, over what the first run left", () => {
    const stateUrl = database("twice.db")
    expectReplay(stateUrl)
    expectReplay(stateUrl)
  }, 60_000)

  it("and fails where there is no such file", () => {
    const { status, stderr } = replay("memory:", path("nowhere.jsonl"))
    assert.match(stderr, /can't be read/)
    assert.strictEqual(status, 1)
  })
})
