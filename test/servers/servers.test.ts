import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import { setTimeout } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Redis } from "ioredis"
import * as Pg from "pg"
import * as Binaries from "./Binaries.ts"
import * as PostgresServer from "./PostgresServer.ts"
import * as RedisServer from "./RedisServer.ts"
import type { ServerError } from "./ServerError.ts"
import * as SharedServers from "./SharedServers.ts"

const redis = <A>(url: string, use: (client: Redis) => Promise<A>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const client = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 })
      // What fails is the command, which says so itself.
      return client.on("error", () => undefined)
    }),
    (client) => Effect.tryPromise(() => use(client)),
    (client) => Effect.sync(() => client.disconnect())
  )

const postgres = <A>(url: string, use: (client: Pg.Client) => Promise<A>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new Pg.Client(url)),
    (client) => Effect.tryPromise(() => client.connect().then(() => use(client))),
    (client) => Effect.promise(() => client.end())
  )

describe("RedisServer", () => {
  it.scopedLive("keeps what it acknowledged over kill -9, on the same port", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const first = yield* server.pid
      yield* redis(server.url, (client) => client.set("key", "value"))
      yield* server.kill()
      assert.isUndefined(yield* server.pid)
      yield* server.start
      assert.notStrictEqual(yield* server.pid, first)
      assert.strictEqual(yield* redis(server.url, (client) => client.get("key")), "value")
    })
  )
})

describe("A server", () => {
  it.scopedLive("paused answers nobody, and resumed it answers", () =>
    Effect.gen(function* () {
      const server = yield* RedisServer.make()
      const answered = yield* redis(server.url, async (client) => {
        await client.ping()
        Effect.runSync(server.pause)
        const pong = client.ping()
        const first = await Promise.race([pong, setTimeout(200, "silence")])
        Effect.runSync(server.resume)
        return [first, await pong]
      })
      assert.deepStrictEqual(answered, ["silence", "PONG"])
    })
  )

  it.live("goes with its owner, however the owner goes", () =>
    Effect.gen(function* () {
      const owner = ChildProcess.spawn(
        process.execPath,
        ["--import", "tsx", fileURLToPath(new URL("owner.ts", import.meta.url))],
        { stdio: ["ignore", "pipe", "inherit"] }
      )
      const url = yield* Effect.promise(() => once(owner.stdout, "data")).pipe(
        Effect.map(([text]) => String(text).trim())
      )
      yield* redis(url, (client) => client.ping())
      owner.kill("SIGKILL")
      yield* Effect.flip(redis(url, (client) => client.ping())).pipe(
        Effect.retry({ schedule: Schedule.spaced("50 millis") })
      )
    })
  )
})

describe("PostgresServer", () => {
  it.scopedLive("keeps what it acknowledged over kill -9, on the same port", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make({ auth: "scram-sha-256", settings: { max_connections: "17" } })
      yield* postgres(server.url, (client) => client.query("CREATE TABLE t AS SELECT 42 AS n"))
      yield* server.kill()
      yield* server.start
      const { rows } = yield* postgres(server.url, (client) =>
        client.query("SELECT n, current_setting('max_connections') AS max FROM t")
      )
      assert.deepStrictEqual(rows, [{ n: 42, max: "17" }])
    })
  )
})

describe("SharedServers", () => {
  it.live("gives each its own empty database on the one server, and takes it back", () =>
    Effect.gen(function* () {
      const databases = Effect.all([SharedServers.postgresDatabase, SharedServers.postgresDatabase])
      const [one, other] = yield* Effect.scoped(
        Effect.tap(databases, ([one, other]) =>
          Effect.all([one, other].map((url) => postgres(url, (client) => client.query("CREATE TABLE t ()"))))
        )
      )
      assert.notStrictEqual(one, other)
      assert.strictEqual(new URL(one).host, new URL(other).host)
      yield* Effect.flip(postgres(one, (client) => client.query("SELECT 1")))
    })
  )

  it.live("answers on the shared Redis", () =>
    Effect.gen(function* () {
      const key = yield* SharedServers.redisPrefix
      const url = yield* SharedServers.redisUrl
      assert.strictEqual(yield* redis(url, (client) => client.append(key, "a")), 1)
    })
  )
})

describe("A missing binary", () => {
  const missing = { PATH: "/nowhere", POSTGRES_BIN: "/nowhere/postgres" }
  it.effect("is an error that names the command that helps", () =>
    Effect.gen(function* () {
      const finds: ReadonlyArray<Effect.Effect<unknown, ServerError>> = [
        Binaries.redisServer(missing),
        Binaries.postgres(missing)
      ]
      for (const find of finds) {
        const error = yield* Effect.flip(find)
        assert.strictEqual(error.reason, "missing")
        assert.include(error.message, "npm run setup")
      }
    })
  )
})
