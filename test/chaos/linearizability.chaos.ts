/**
 * What concurrent clients see is what one after the other would have seen, whatever happens to wires, processes and servers.
 * `npm run test:chaos` runs more histories; CHAOS_SEED repeats the choices of a run, if not its timing.
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
import type { Server } from "../servers/Server.ts"
import * as Checker from "./Checker.ts"
import * as Proxy from "./Proxy.ts"
import * as Scenario from "./Scenario.ts"

const histories = Number(process.env.CHAOS_HISTORIES ?? 2)
const operations = 1_000
const seed = process.env.CHAOS_SEED ?? String(Date.now())

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

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
const randomOf = (text: string) => {
  let state = [...text].reduce(
    (hash, character) => Math.imul(hash ^ character.charCodeAt(0), 16_777_619),
    2_166_136_261
  )
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Runs the histories of a store, and looks at each. */
const prove = async (name: string, options: Pick<Scenario.Options, "at" | "harm" | "random">) => {
  let unknown = 0
  let undecided = 0
  for (let n = 0; n < histories; n++) {
    const history = await Scenario.run({ ...options, workers, seed }, `h${n}`, operations)
    assert.isAtLeast(history.length, operations * 0.9)
    unknown += history.filter(({ result }) => result._tag === "Unknown").length
    const verdict = Checker.check(history)
    if (verdict._tag === "Undecided") undecided++
    if (verdict._tag !== "Violation") continue
    const file = join(tmpdir(), `effect-state-${name}-${seed}-${n}.json`)
    writeFileSync(file, JSON.stringify({ verdict, history }, undefined, 1))
    assert.fail(`History ${n} of ${name}, seed ${seed}, is not linearizable at ${verdict.key}; it is in ${file}`)
  }
  console.log(`${name}: ${histories} histories, ${unknown} unknown results, ${undecided} undecided, seed ${seed}`)
  assert.strictEqual(undecided, 0, `histories that are too hard to decide prove nothing, seed ${seed}`)
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Faults of the wire to a server, and of the server. */
const harmServer = (server: Server, proxy: Proxy.Proxy, random: () => number) => async () => {
  const choice = random()
  if (choice < 0.12) return Effect.runPromise(Effect.zipRight(server.kill(), server.start))
  if (choice < 0.24) {
    Effect.runSync(server.pause)
    await sleep(100 + random() * 250)
    return Effect.runSync(server.resume)
  }
  const fault = Proxy.faults[Math.floor(random() * Proxy.faults.length)] ?? "cut"
  const durationMs = 20 + random() * 330
  proxy.hit(fault, 0.5, durationMs, random)
  await sleep(durationMs)
}

const onServer = (kind: "redis" | "postgres", make: ReturnType<typeof RedisServer.make>) =>
  Effect.gen(function* () {
    const random = randomOf(`${seed}/${kind}`)
    const server = yield* make
    const proxy = yield* Effect.acquireRelease(
      Effect.promise(() => Proxy.make(server.port)),
      (proxy) => Effect.sync(proxy.close)
    )
    const url = server.url.replace(`:${server.port}`, `:${proxy.port}`)
    yield* Effect.promise(() => prove(kind, { at: { kind, url }, random, harm: harmServer(server, proxy, random) }))
  })

describe("Every history is linearizable:", () => {
  const timeoutMs = 60_000 + histories * 20_000
  it.live(
    "SQLite, its clients killed and frozen",
    () =>
      Effect.promise(() => {
        const random = randomOf(`${seed}/sqlite`)
        const harm: Scenario.Options["harm"] = async (clients) =>
          random() < 0.3 ? clients.kill() : clients.freeze(20 + random() * 330)
        return prove("sqlite", { at: { kind: "sqlite", filename: join(folder, "state.db") }, random, harm })
      }),
    timeoutMs
  )
  it.scopedLive("Redis, over a bad wire and restarts", () => onServer("redis", RedisServer.make()), timeoutMs)
  it.scopedLive(
    "PostgreSQL, over a bad wire and restarts",
    () => onServer("postgres", PostgresServer.make()),
    timeoutMs
  )
})
