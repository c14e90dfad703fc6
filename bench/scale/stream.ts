/**
 * How far the resident memory rises above where it was, in megabytes, while all entries of a store are streamed. Run by
 * itself, with the store's STATE_URL, it prints that: a process that wrote a million entries has a heap too large to tell.
 */
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { KeyRange, StateStore } from "effect-state"
import { StoreUrl } from "effect-state/url"

export const file = fileURLToPath(import.meta.url)

export const streamAll = Effect.gen(function* () {
  const store = yield* StateStore.StateStore
  // What is loaded at the first call is no part of it.
  yield* store.page(KeyRange.all)
  globalThis.gc?.()
  const idle = process.memoryUsage.rss()
  let peak = idle
  yield* Stream.runForEachChunk(store.entries(KeyRange.all), () =>
    Effect.sync(() => {
      peak = Math.max(peak, process.memoryUsage.rss())
    })
  )
  return Math.round((peak - idle) / 2 ** 20)
})

if (process.argv[1] !== undefined && Path.resolve(process.argv[1]) === file) {
  const program = Effect.flatMap(Config.redacted("STATE_URL"), (url) =>
    Effect.provide(Effect.flatMap(streamAll, Console.log), StoreUrl.layer(url))
  )
  NodeRuntime.runMain(program)
}
