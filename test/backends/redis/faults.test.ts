import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Redis } from "ioredis"
import * as Client from "../../../src/backends/redis/client.ts"
import * as Faults from "../../../src/backends/redis/faults.ts"
import { RedisStore } from "../../../src/backends/redis/index.ts"
import type { LayerError, ReadError } from "../../../src/store/StateError.ts"
import * as Port from "../../servers/Port.ts"
import * as RedisServer from "../../servers/RedisServer.ts"
import * as SharedServers from "../../servers/SharedServers.ts"
import { rawClient, until, wireTo } from "./support.ts"

const secret = "correct horse battery staple"

const failing = (options: RedisStore.Options) => Effect.flip(Effect.scoped(RedisStore.make(options)))

/** An error with all that hangs on it, as a careless logger would print it. */
const everything = (error: LayerError | ReadError): string =>
  JSON.stringify([error, error.message, String("cause" in error ? error.cause : ""), error.stack]) +
  JSON.stringify("cause" in error ? Object.getOwnPropertyDescriptors(error.cause ?? {}) : "")

describe("building", () => {
  it.live("against a dead port fails at once, as unavailable", () =>
    Effect.gen(function* () {
      const port = yield* Port.free
      const [took, error] = yield* Effect.timed(failing({ port, connectTimeout: "2 seconds" }))
      assert.strictEqual(error._tag, "StoreUnavailable")
      assert.isBelow(Duration.toMillis(took), 2_000)
      assert.include(error.message, "ECONNREFUSED")
    })
  )

  it.live("against a server that never answers fails within the connect timeout", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const wire = yield* wireTo(Number(new URL(yield* SharedServers.redisUrl).port))
        yield* wire.swallow
        const [took, error] = yield* Effect.timed(failing({ port: wire.port, connectTimeout: "300 millis" }))
        assert.strictEqual(error._tag, "StoreUnavailable")
        assert.isBelow(Duration.toMillis(took), 2_000)
      })
    )
  )

  it.live("with a wrong password, or none, fails for good and shows no secret", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port } = yield* RedisServer.make({ args: ["--requirepass", secret] })
        const wrong = yield* failing({ port, password: Redacted.make("hunter2-hunter2") })
        assert.strictEqual(wrong._tag, "StoreFailure")
        assert.notInclude(everything(wrong), "hunter2")
        assert.strictEqual((yield* failing({ port }))._tag, "StoreFailure")
        const url = `redis://:${encodeURIComponent(secret)}@127.0.0.1:${port}/3`
        const store = yield* RedisStore.make({ url: Redacted.make(url) })
        yield* store.set("k", 1)
        const raw = yield* rawClient(url)
        assert.strictEqual(yield* Effect.promise(() => raw.exists("effect-state:{0}e::k")), 1)
      })
    )
  )

  it.live("on a server that lacks a command fails, and shows no secret that it quotes", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const renamed = ["auth", "mget"].flatMap((command) => ["--rename-command", command, ""])
        const { port } = yield* RedisServer.make({ args: renamed })
        const noAuth = yield* failing({ port, password: Redacted.make("hunter2") })
        assert.strictEqual(noAuth._tag, "StoreFailure")
        assert.notInclude(everything(noAuth), "hunter2")
        const store = yield* RedisStore.make({ port })
        const noRead = yield* Effect.flip(store.namespace("s", { secretKeys: true }).get("hunter2"))
        assert.strictEqual(noRead._tag, "StoreFailure")
        assert.notInclude(everything(noRead), "hunter2")
        assert.include(everything(noRead), "unknown command 'MGET'")
      })
    )
  )

  it.live("refuses a server that would evict, and one that holds another number of buckets", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port, url } = yield* RedisServer.make()
        const raw = yield* rawClient(url)
        const policy = (policy: string) => Effect.promise(() => raw.config("SET", "maxmemory-policy", policy))
        yield* policy("allkeys-lru")
        const evicting = yield* failing({ port, allowEviction: true })
        assert.strictEqual(evicting._tag, "StoreFailure")
        assert.include(evicting.message, "allkeys-lru")
        yield* policy("volatile-ttl")
        const volatile = yield* failing({ port })
        assert.strictEqual(volatile._tag === "InvalidOption" && volatile.option, "allowEviction")
        yield* Effect.scoped(RedisStore.make({ port, allowEviction: true, buckets: 4 }))
        yield* policy("noeviction")
        const buckets = yield* failing({ port, buckets: 8 })
        assert.strictEqual(buckets._tag, "StoreFailure")
        assert.match(buckets.message, /4 buckets.*not of 8/)
      })
    )
  )

  it.effect("refuses options that make no sense, before anything is sent", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [string, RedisStore.Options]> = [
        ["keyPrefix", { keyPrefix: "" }],
        ["keyPrefix", { keyPrefix: "a{b" }],
        ["keyPrefix", { keyPrefix: "a\0" }],
        ["keyPrefix", { keyPrefix: "\ud800" }],
        ["commandTimeout", { commandTimeout: 0 }],
        ["connectTimeout", { connectTimeout: "Infinity" as "1 day" }],
        ["buckets", { buckets: 0 }],
        ["buckets", { buckets: 1.5 }],
        ["connections", { connections: 0 }],
        ["port", { port: 70_000 }],
        ["db", { db: -1 }],
        ["host", { host: "" }],
        ["host", { url: "redis://localhost", host: "other" }],
        ["waitReplicas.timeout", { waitReplicas: { count: 1, timeout: "10 seconds" } }],
        ["waitReplicas.count", { waitReplicas: { count: 0, timeout: "1 second" } }],
        ...["http://localhost", "redis://", "redis://h/x", "redis://h?x=1", "redis://:%zz@h", `nonsense ${secret}`].map(
          (url) => ["url", { url }] as const
        )
      ]
      for (const [option, options] of wrong) {
        const error = yield* failing(options)
        assert.strictEqual(error._tag === "InvalidOption" && error.option, option, JSON.stringify(options))
        assert.notInclude(everything(error), secret)
      }
    })
  )
})

describe("a lost answer", () => {
  it.live("leaves a write unknown, and is never made good by sending it again", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const url = new URL(yield* SharedServers.redisUrl)
        const wire = yield* wireTo(Number(url.port))
        const keyPrefix = `${yield* SharedServers.redisPrefix}:`
        const raw = yield* rawClient(url.href)
        const store = yield* RedisStore.make({ port: wire.port, keyPrefix, sweep: false })
        yield* store.add("n", 1)
        const before = wire.sent("e::n")
        yield* wire.swallow
        const adding = yield* Effect.fork(Effect.either(store.add("n", 1)))
        yield* until(
          Effect.promise(() => raw.get(`${keyPrefix}{0}e::n`)),
          (text) => text?.endsWith("\n2") === true
        )
        yield* wire.cut
        const result = yield* Fiber.join(adding)
        assert.strictEqual(result._tag, "Left")
        if (result._tag === "Left") {
          assert.strictEqual(result.left._tag, "StoreUnavailable")
          assert.strictEqual("outcome" in result.left && result.left.outcome, "unknown")
        }
        // It works again by itself; and the count says that nothing was repeated.
        assert.strictEqual(Option.getOrThrow(yield* store.get("n")).value, 2)
        assert.strictEqual(yield* store.add("n", 1), 3)
        assert.strictEqual(wire.sent("e::n") - before, 3)
      })
    )
  )

  it.live("in time leaves a write unknown and a read not applied, and the connection is made anew", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const url = new URL(yield* SharedServers.redisUrl)
        const wire = yield* wireTo(Number(url.port))
        const keyPrefix = `${yield* SharedServers.redisPrefix}:`
        const store = yield* RedisStore.make({ port: wire.port, keyPrefix, sweep: false, commandTimeout: "200 millis" })
        yield* wire.swallow
        const [write, read] = yield* Effect.all([Effect.flip(store.set("k", 1)), Effect.flip(store.get("k"))], {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(
          [write, read].map((error) => "outcome" in error && [error._tag, error.outcome]),
          [
            ["StoreUnavailable", "unknown"],
            ["StoreUnavailable", "not-applied"]
          ]
        )
        yield* wire.cut
        yield* until(Effect.option(store.get("k")), Option.isSome)
      })
    )
  )
})

describe("a server that goes away", () => {
  it.live("is waited for, and calls that were not sent are not lost", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const store = yield* RedisStore.make({ port: server.port, commandTimeout: "20 seconds" })
        yield* store.set("k", 1)
        yield* server.kill()
        const waiting = yield* Effect.fork(store.add("n", 1))
        yield* server.start
        assert.strictEqual(yield* Fiber.join(waiting), 1)
        assert.strictEqual(Option.getOrThrow(yield* store.get("k")).value, 1)
      })
    )
  )

  it.live("is sent nothing later that nobody waits for any more", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const store = yield* RedisStore.make({ port: server.port, commandTimeout: "20 seconds" })
        yield* store.set("k", 1)
        yield* server.kill()
        // By then the loss has been noticed.
        yield* until(Effect.either(Effect.timeout(store.get("k"), "100 millis")), Either.isLeft)
        const given: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          store.set("k", "stale"),
          store.delete("k"),
          store.setMany([{ key: "many", value: "stale" }]),
          Effect.all([store.set("a", "stale"), store.set("b", "stale")], { concurrency: "unbounded" })
        ]
        for (const write of given) {
          assert.isTrue(Cause.isTimeoutException(yield* Effect.flip(Effect.timeout(write, "50 millis"))))
        }
        yield* server.start
        yield* store.set("now", 1)
        assert.deepStrictEqual(Array.from(yield* Stream.runCollect(store.keys("*"))), ["k", "now"])
        assert.strictEqual(Option.getOrThrow(yield* store.get("k")).value, 1)
      })
    )
  )

  it.live("and stays away is unavailable within the timeout; closing does not hang", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const store = yield* RedisStore.make({ port: server.port, commandTimeout: "200 millis" }).pipe(
          Scope.extend(scope)
        )
        yield* store.set("k", 1)
        yield* server.kill()
        const error = yield* Effect.flip(store.set("k", 2))
        assert.deepStrictEqual("outcome" in error && [error._tag, error.outcome], ["StoreUnavailable", "not-applied"])
        const [took] = yield* Effect.timed(Scope.close(scope, Exit.void))
        assert.isBelow(Duration.toMillis(took), 3_000)
        assert.strictEqual((yield* Effect.flip(store.get("k")))._tag, "StoreUnavailable")
      }).pipe(Effect.scoped)
    })
  )

  it.live("or is full, or turns replica, says so, and nothing was applied; then it is looked for anew", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const raw = yield* rawClient(server.url)
        const store = yield* RedisStore.make({ port: server.port })
        yield* store.set("k", 1)
        yield* Effect.promise(() => raw.config("SET", "maxmemory", "1"))
        const full = yield* Effect.flip(store.set("k", 2))
        assert.deepStrictEqual("outcome" in full && [full._tag, full.outcome], ["StoreFailure", "not-applied"])
        assert.isTrue(yield* store.delete("k"))
        yield* Effect.promise(() => raw.config("SET", "maxmemory", "0"))
        yield* Effect.promise(() => raw.replicaof("127.0.0.1", 1))
        const connected = Effect.promise(
          async () => /id=(\d+) .*name=effect-state/.exec(String(await raw.client("LIST")))?.[1]
        )
        const before = yield* connected
        assert.isDefined(before)
        const replica = yield* Effect.flip(store.add("k", 2))
        assert.deepStrictEqual("outcome" in replica && [replica._tag, replica.outcome], [
          "StoreUnavailable",
          "not-applied"
        ])
        yield* until(connected, (now) => now !== undefined && now !== before)
      })
    )
  )

  it.live("or turns replica says so in the words of Redis 6, too", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const where = "ERR Error running script (call to f_6b1bf486c81ceb7edf3c093f4c48582e38c0e791): @user_script:8:"
        const error = new Error(`${where} @user_script: 8: -READONLY You can't write against a read only replica. `)
        error.name = "ReplyError"
        const { kind, outcome } = Faults.fromError(error, "write", true)
        assert.deepStrictEqual([kind, outcome], ["unavailable", "not-applied"])
        const port = Number(new URL(yield* SharedServers.redisUrl).port)
        const client = yield* Client.open({ port }, 5_000)
        assert.strictEqual(client.options.reconnectOnError?.(error), true)
        const other = new Error(`${where} @user_script: 8: WRONGTYPE Operation against a key`)
        other.name = "ReplyError"
        assert.strictEqual(Faults.fromError(other, "write", true).outcome, "unknown")
      })
    )
  )

  it.live("or is full is swept all the same, also of what follows an entry that lives on", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { port, url } = yield* RedisServer.make()
        const raw = yield* rawClient(url)
        const store = yield* RedisStore.make({ port, sweep: false })
        yield* store.set("lives", 1, { ttl: "1 hour" })
        yield* store.set("ends", 1, { ttl: "10 millis" })
        yield* Effect.promise(() => raw.zadd("effect-state:{0}expiry", "1", ":lives"))
        yield* until(store.exists("ends"), (exists) => !exists)
        yield* Effect.promise(() => raw.config("SET", "maxmemory", "1"))
        assert.strictEqual(yield* store.sweep, 1)
        const { expiresAtMs } = Option.getOrThrow(yield* store.get("lives"))
        const left = yield* Effect.promise(() => raw.zrange("effect-state:{0}expiry", 0, -1, "WITHSCORES"))
        assert.deepStrictEqual(left, [":lives", String(expiresAtMs)])
      })
    )
  )

  it.live("has too few replicas: the write is unknown", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* RedisServer.make()
        const store = yield* RedisStore.make({ port: server.port, waitReplicas: { count: 1, timeout: "20 millis" } })
        const error = yield* Effect.flip(store.set("k", 1))
        assert.deepStrictEqual("outcome" in error && [error._tag, error.outcome], ["StoreUnavailable", "unknown"])
      })
    )
  )
})

describe("a client of the app", () => {
  it.live("is refused if it repeats commands", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const client = yield* rawClient(yield* SharedServers.redisUrl)
        const error = yield* Effect.flip(RedisStore.makeFromClient(client))
        assert.strictEqual(error._tag === "InvalidOption" && error.option, "client")
        assert.include(error.message, "autoResendUnfulfilledCommands: false")
      })
    )
  )

  it.live("is used, and not closed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const url = yield* SharedServers.redisUrl
        const keyPrefix = `${yield* SharedServers.redisPrefix}:`
        const client = yield* Effect.acquireRelease(
          Effect.sync(
            () =>
              new Redis(url, {
                lazyConnect: true,
                autoResendUnfulfilledCommands: false,
                maxRetriesPerRequest: 0,
                enableOfflineQueue: false,
                keyPrefix: "app:"
              })
          ),
          (client) => Effect.sync(() => client.disconnect())
        )
        yield* Effect.scoped(
          Effect.flatMap(RedisStore.makeFromClient(client, { keyPrefix }), (store) => store.set("k", 1))
        )
        assert.strictEqual(client.status, "ready")
        assert.strictEqual(client.listenerCount("ready"), 0)
        assert.strictEqual(client.listenerCount("error"), 0)
        const raw = yield* rawClient(url)
        assert.strictEqual(yield* Effect.promise(() => raw.exists(`${keyPrefix}{0}e::k`)), 1)
      })
    )
  )
})
