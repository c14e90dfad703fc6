/**
 * Eight processes and one lock. Holders are killed, and paused beyond their lease, at random; none of their writes may come
 * behind that of a later holder. `LOCK_SECTIONS` sets the number of critical sections of each process.
 */
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { KeyRange, StateStore } from "effect-state"
import { StoreUrl } from "effect-state/url"
import * as Seed from "../chaos/Seed.ts"
import * as SharedServers from "../servers/SharedServers.ts"
import { bundle, type Report, runCounts, runSections, temporaryFolder } from "./processes.ts"

const sqlite = Effect.map(temporaryFolder, (folder) => `sqlite:${join(folder, "state.db")}`)
const { postgresDatabase: postgres, redisUrl: redis } = SharedServers
const backends = { sqlite, redis, postgres }

/** A namespace of one's own, and the store to look into it. */
const open = (url: string) =>
  Effect.map(Layer.build(StoreUrl.layer(url)), (context) => {
    const namespace = `t${crypto.randomUUID()}`
    return { place: { url, namespace }, store: Context.get(context, StateStore.StateStore).namespace(namespace) }
  })

interface Write {
  readonly n: number
  readonly token: number
}

/** What is wrong with the writes, in the order of their commits, if each should be the next of a holder not yet followed. */
const faultsOf = (log: ReadonlyArray<Write>, wrote: Report["wrote"]): ReadonlyArray<string> => {
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

describe.each(Object.entries(backends))("Eight processes on %s", (name, url) => {
  it.live(
    "write in the order of their tokens, and lose nothing, though holders die and stall",
    () =>
      Effect.gen(function* () {
        const child = yield* bundle
        const { place, store } = yield* open(yield* url)
        // So that of each there are a dozen, and none is missing by chance.
        const run = { processes: 8, sections, leaseMs: 200, killPart: 0.015, pausePart: 0.03, fenced: true }
        const startedMs = performance.now()
        const { wrote, ...report } = yield* runSections(child, place, { ...run, seed: `${Seed.seed}/${name}` })
        const seconds = Math.round((performance.now() - startedMs) / 1_000)
        console.log(
          `on ${name} in ${seconds} s, seed ${Seed.seed}: ${JSON.stringify({ wrote: wrote.length, ...report })}`
        )
        const log = yield* logOf(store)
        assert.deepStrictEqual(faultsOf(log, wrote), [])
        assert.strictEqual((Option.getOrThrow(yield* store.get("subject")).value as Write).n, log.length) // As above.
        assert.strictEqual(report.ended, run.processes * sections)
        for (const what of ["killed", "paused", "refused", "lost"] as const) assert.isAbove(report[what], 0, what)
      }).pipe(
        Effect.scoped,
        Effect.onError(() => Effect.sync(() => console.error(Seed.advice)))
      ),
    60_000 + sections * 1_000
  )

  it.live(
    "lose no modification and no addition of a hundred fibers each",
    () =>
      Effect.gen(function* () {
        const child = yield* bundle
        const { place, store } = yield* open(yield* url)
        yield* runCounts(child, place, { processes: 4, fibers: 100, times: 5 })
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
        const { place, store } = yield* open(yield* sqlite)
        const run = {
          processes: 3,
          sections: 10,
          leaseMs: 100,
          killPart: 0,
          pausePart: 1,
          fenced: false,
          seed: Seed.seed
        }
        const { wrote } = yield* runSections(child, place, run)
        assert.notDeepEqual(faultsOf(yield* logOf(store), wrote), [])
      }).pipe(Effect.scoped),
    60_000
  )
})
