/**
 * Eight processes and one lock. Holders are killed, and paused beyond their lease, at random; none of their writes may come
 * behind that of a later holder. `LOCK_SECTIONS` sets the number of critical sections of each process.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { KeyRange, type StateStore } from "effect-state"
import { RedisStore } from "effect-state/redis"
import { SqliteStore } from "effect-state/sqlite"
import * as SharedServers from "../servers/SharedServers.ts"
import { bundle, type Report, runCounts, runSections, type StoreOptions, temporaryFolder } from "./processes.ts"

interface Shared {
  readonly options: StoreOptions
  readonly store: StateStore.Service
}

const sqlite: Effect.Effect<Shared, unknown, Scope.Scope> = Effect.gen(function* () {
  const filename = `${yield* temporaryFolder}/state.db`
  return { options: { backend: "sqlite", filename }, store: yield* SqliteStore.make({ filename }) }
})

const redis: Effect.Effect<Shared, unknown, Scope.Scope> = Effect.gen(function* () {
  const url = yield* SharedServers.redisUrl
  const keyPrefix = `${yield* SharedServers.redisPrefix}:`
  return { options: { backend: "redis", url, keyPrefix }, store: yield* RedisStore.make({ url, keyPrefix }) }
})

const backends = { sqlite, redis }

interface Write {
  readonly n: number
  readonly token: number
}

/** What is wrong with the writes, in the order of their commits, if each should be the next of a holder not yet followed. */
const faultsOf = (log: ReadonlyArray<Write>, { wrote }: Report): ReadonlyArray<string> => {
  const faults: Array<string> = []
  let last: Write = { n: 0, token: 0 }
  for (const write of log) {
    if (write.token < last.token) faults.push(`${write.token} wrote after ${last.token}`)
    if (write.n !== last.n + 1) faults.push(`${write.n} follows ${last.n}`)
    last = write
  }
  const logged = new Set(log.map(({ n, token }) => `${n} ${token}`))
  for (const { n, token } of wrote) if (!logged.has(`${n} ${token}`)) faults.push(`${n} by ${token} is lost`)
  return faults
}

const logOf = (store: StateStore.Service) =>
  Effect.map(
    Stream.runCollect(store.entries(KeyRange.prefix("log:"))),
    (entries) => Chunk.toReadonlyArray(Chunk.map(entries, ({ value }) => value as Write)) // As the child writes it.
  )

const sections = Number(process.env.LOCK_SECTIONS ?? 100)

describe.each(Object.entries(backends))("Eight processes on %s", (_, shared) => {
  it.live(
    "write in the order of their tokens, and lose nothing, though holders die and stall",
    () =>
      Effect.gen(function* () {
        const child = yield* bundle
        const { options, store } = yield* shared
        const run = { processes: 8, sections, leaseMs: 200, killPart: 0.01, pausePart: 0.02, fenced: true }
        const report = yield* runSections(child, options, run)
        const log = yield* logOf(store)
        assert.deepStrictEqual(faultsOf(log, report), [])
        assert.strictEqual((Option.getOrThrow(yield* store.get("subject")).value as Write).n, log.length) // As above.
        // All sections were done, or cut off: those that died once written had not told yet.
        assert.isAtLeast(report.wrote.length + report.fenced, run.processes * sections)
        assert.isAbove(report.killed, 0)
        assert.isAbove(report.fenced, 0)
      }).pipe(Effect.scoped),
    60_000 + sections * 1_000
  )

  it.live(
    "lose no modification and no addition of a hundred fibers each",
    () =>
      Effect.gen(function* () {
        const child = yield* bundle
        const { options, store } = yield* shared
        yield* runCounts(child, options, { processes: 4, fibers: 100, times: 5 })
        for (const key of ["added", "modified"]) {
          assert.strictEqual(Option.getOrThrow(yield* store.get(key)).value, 4 * 100 * 5)
        }
      }).pipe(Effect.scoped),
    120_000
  )
})

describe("Without a fence", () => {
  it.live(
    "a holder who stalled writes over a later one, and the check above finds it",
    () =>
      Effect.gen(function* () {
        const child = yield* bundle
        const { options, store } = yield* sqlite
        const run = { processes: 3, sections: 10, leaseMs: 100, killPart: 0, pausePart: 1, fenced: false }
        const report = yield* runSections(child, options, run)
        assert.notDeepEqual(faultsOf(yield* logOf(store), report), [])
      }).pipe(Effect.scoped),
    60_000
  )
})
