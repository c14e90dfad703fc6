import * as ChildProcess from "node:child_process"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { withStore } from "./support.ts"

const adder = (...args: ReadonlyArray<string>) =>
  Effect.async<void, Error>((resume) => {
    const child = ChildProcess.execFile(
      process.execPath,
      ["--import", "tsx", fileURLToPath(new URL("adder.ts", import.meta.url)), ...args],
      (error) => resume(error === null ? Effect.void : Effect.fail(error))
    )
    return Effect.sync(() => child.kill("SIGKILL"))
  })

describe("two processes", () => {
  it.live("add to one counter, and swap one value by its version, and nothing is lost", () =>
    withStore({}, ({ store, url, prefix }) =>
      Effect.gen(function* () {
        const add = adder(url, prefix, "1000")
        yield* Effect.all([add, add], { concurrency: "unbounded" })
        assert.strictEqual(Option.getOrThrow(yield* store.get("added")).value, 2_000)
        assert.strictEqual(Option.getOrThrow(yield* store.get("swapped")).value, 2_000)
      })
    )
  )
})
