/**
 * What concurrent clients see is what one after the other would have seen, whatever happens to wires, processes and servers.
 * `npm run test:chaos` runs more histories.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Worker from "../processes/Worker.ts"
import * as PostgresServer from "../servers/PostgresServer.ts"
import * as RedisServer from "../servers/RedisServer.ts"
import * as Checker from "./Checker.ts"
import * as Harm from "./Harm.ts"
import type { Operation } from "./History.ts"
import type { StoreAt } from "./Protocol.ts"
import * as Proxy from "./Proxy.ts"
import * as Scenario from "./Scenario.ts"
import * as Seed from "./Seed.ts"

const histories = Number(process.env.CHAOS_HISTORIES ?? 20)
const operations = 1_000

let workers: Worker.Workers
let folder = ""
beforeAll(async () => {
  workers = await Worker.make(fileURLToPath(new URL("client.ts", import.meta.url)))
  folder = mkdtempSync(join(tmpdir(), "effect-state-chaos-"))
})
afterAll(() => {
  workers.dispose()
  rmSync(folder, { recursive: true, force: true })
})

/** Runs the histories of a store, and looks at each. */
const prove = (at: StoreAt, harms: Harm.Harms) =>
  Effect.gen(function* () {
    const scenario = yield* Scenario.make(workers, at, `${Seed.seed}/${at.kind}`)
    const startedMs = performance.now()
    const counts: Record<string, number> = {}
    const count = (what: string) => {
      counts[what] = (counts[what] ?? 0) + 1
    }
    for (let n = 0; n < histories; n++) {
      const random = Seed.randomOf(`${Seed.seed}/${at.kind}/${n}`)
      const faults = { random, harm: Harm.oneOf(harms, n, random, count) }
      const history = yield* Effect.promise(() => scenario.run(`h${n}`, operations, faults))
      judge(`${at.kind} ${n}`, history)
      for (const { result } of history) count(result._tag)
    }
    const seconds = Math.round((performance.now() - startedMs) / 1_000)
    console.log(`${histories} histories on ${at.kind} in ${seconds} s, seed ${Seed.seed}: ${JSON.stringify(counts)}`)
    check(counts, Object.keys(harms))
  }).pipe(Effect.onError(() => Effect.sync(() => console.error(Seed.advice))))

/** A run of the full length has met everything; and what is unknown, is so for a reason. */
const check = (counts: Readonly<Record<string, number>>, harms: ReadonlyArray<string>) => {
  if (histories >= 20) for (const what of [...harms, "Unknown"]) assert.property(counts, what)
  const harmsDone = harms.reduce((sum, what) => sum + (counts[what] ?? 0), 0)
  // While a harm lasts, a client's commands time out twice at most.
  assert.isAtMost(counts.Unknown ?? 0, harmsDone * Scenario.clientsCount * 2)
}

/** Fails unless the history is linearizable; one that is too hard to decide proves nothing. */
const judge = (name: string, history: ReadonlyArray<Operation>) => {
  assert.isAtLeast(history.length, operations * 0.9)
  const verdict = Checker.check(history)
  if (verdict._tag === "Linearizable") return
  const file = join(tmpdir(), `effect-state-history-${Seed.seed}-${name.replace(" ", "-")}.json`)
  writeFileSync(file, JSON.stringify({ verdict, history }, undefined, 1))
  assert.fail(`history ${name} at ${verdict.key}: ${verdict._tag}, see ${file}`)
}

const onServer = (kind: "redis" | "postgres", make: ReturnType<typeof RedisServer.make>) =>
  Effect.gen(function* () {
    const server = yield* make
    const proxy = yield* Effect.acquireRelease(
      Effect.promise(() => Proxy.make(server.port)),
      (proxy) => Effect.sync(proxy.close)
    )
    const url = server.url.replace(`:${server.port}`, `:${proxy.port}`)
    yield* prove({ kind, url }, Harm.toServer(server, proxy))
  })

// What was written outlives the server's process without reaching the disk, and recovers sooner.
const settings = { fsync: "off", full_page_writes: "off" }

describe("Every history is linearizable:", () => {
  const timeoutMs = 60_000 + histories * 20_000
  it.scopedLive(
    "SQLite, its clients killed and frozen",
    () => Effect.suspend(() => prove({ kind: "sqlite", filename: join(folder, "state.db") }, Harm.toClients)),
    timeoutMs
  )
  it.scopedLive("Redis, over a bad wire and restarts", () => onServer("redis", RedisServer.make()), timeoutMs)
  it.scopedLive(
    "PostgreSQL, over a bad wire and restarts",
    () => onServer("postgres", PostgresServer.make({ settings })),
    timeoutMs
  )
})
