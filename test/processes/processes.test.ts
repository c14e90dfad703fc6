/**
 * Several processes on one store, and processes that are killed in the middle of writing.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { StateStore } from "effect-state"
import { StoreUrl } from "effect-state/url"
import * as SharedServers from "../servers/SharedServers.ts"
import * as Worker from "./Worker.ts"

let workers: Worker.Workers
let folder = ""
beforeAll(async () => {
  workers = await Worker.make()
  folder = mkdtempSync(join(tmpdir(), "effect-state-"))
})
afterAll(() => {
  workers.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const sqlite = Effect.sync(() => `sqlite:${join(folder, "state.db")}`)
const { postgresDatabase: postgres, redisUrl: redis } = SharedServers

/** What lies under some keys of a namespace, read by a store that is built anew. */
const read = (url: string, namespace: string, keys: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const store = (yield* StateStore.StateStore).namespace(namespace)
    return (yield* store.getMany(keys)).map(Option.getOrThrow)
  }).pipe(Effect.provide(StoreUrl.layer(url)))

const shared = [
  ["sqlite", sqlite],
  ["redis", redis],
  ["postgres", postgres]
] as const

/** Runs a job in so many processes at once: what they printed, and how far the two counters are then. */
const tally = (url: string, processes: number, job: string, times: number) =>
  Effect.gen(function* () {
    const namespace = yield* SharedServers.redisPrefix
    const run = Effect.promise(() => workers.run(url, [namespace, job, String(times)]))
    const printed = yield* Effect.replicateEffect(run, processes, { concurrency: processes })
    const counters = yield* read(url, namespace, ["added", "swapped"])
    return { printed, counted: counters.map(({ value }) => value) }
  })

describe("Two processes on one store lose no addition and no swap of 10,000 each:", () => {
  it.scopedLive.each(shared)(
    "%s",
    ([, url]) =>
      Effect.gen(function* () {
        const { counted } = yield* tally(yield* url, 2, "count", 5_000)
        assert.deepStrictEqual(counted, [10_000, 10_000])
      }),
    180_000
  )
})

describe("Four processes of 100 fibers each, all at one key, lose nothing, and each gets through:", () => {
  it.scopedLive.each(shared)(
    "%s",
    ([, url]) =>
      Effect.gen(function* () {
        const { counted, printed } = yield* tally(yield* url, 4, "contend", 5)
        assert.deepStrictEqual(
          printed,
          Array.from({ length: 4 }, () => ["done"])
        )
        assert.deepStrictEqual(counted, [2_000, 2_000])
      }),
    180_000
  )
})

describe("A process that is killed in the middle of writing, 50 times, loses no acknowledged write:", () => {
  it.scopedLive.each([
    ["sqlite", sqlite],
    ["postgres", postgres]
  ] as const)(
    "%s",
    ([, url]) =>
      Effect.gen(function* () {
        const stateUrl = yield* url
        const round = (n: number) =>
          Effect.gen(function* () {
            // The rounds of a namespace come after each other, over what was left by the one before.
            const namespace = `killed${n % 2}`
            const killAfter = 20 + ((n * 7) % 60)
            const lines = yield* Effect.promise(() => workers.run(stateUrl, [namespace, "write"], { killAfter }))
            const acknowledged = new Map(
              lines.map((line): [string, Acknowledged] => {
                const [key, version, value] = JSON.parse(line)
                return [key, { version, value }]
              })
            )
            const found = yield* read(stateUrl, namespace, [...acknowledged.keys()])
            for (const entry of found) {
              // A later write, which was cut off, may be there in its place.
              assert.isAtLeast(entry.version, acknowledged.get(entry.key)?.version ?? Number.POSITIVE_INFINITY)
              assert.isAtLeast(Number(entry.value), acknowledged.get(entry.key)?.value ?? Number.POSITIVE_INFINITY)
            }
          })
        const rounds = (first: number) =>
          Effect.forEach(
            Array.from({ length: 25 }, (_, i) => first + 2 * i),
            round
          )
        yield* Effect.all([rounds(0), rounds(1)], { concurrency: 2 })
      }),
    180_000
  )
})

interface Acknowledged {
  readonly version: number
  readonly value: number
}
