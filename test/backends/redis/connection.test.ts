import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { Redis } from "ioredis"
import * as Client from "../../../src/backends/redis/client.ts"
import { Connection } from "../../../src/backends/redis/connection.ts"
import { Connections } from "../../../src/backends/redis/connections.ts"
import { RedisStore } from "../../../src/backends/redis/index.ts"
import * as KeyRange from "../../../src/store/KeyRange.ts"
import type * as StateError from "../../../src/store/StateError.ts"
import * as SharedServers from "../../servers/SharedServers.ts"
import { rawClient, until, wireTo } from "./support.ts"

/** A client as an app has to make it. */
const appClient = (port: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const options = { autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0, enableOfflineQueue: false }
      return new Redis(port, { ...options, lazyConnect: true }).on("error", () => {})
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

describe("a command", () => {
  it.scopedLive("that is late when the connection is ready is not sent, as its caller is told", () =>
    Effect.gen(function* () {
      const url = new URL(yield* SharedServers.redisUrl)
      const key = `${yield* SharedServers.redisPrefix}:late`
      const wire = yield* wireTo(Number(url.port))
      const client = yield* Client.open({ port: wire.port }, 5_000)
      const connection = new Connection(client, { commandTimeoutMs: 1_000, owned: true })
      let deadlineMs = Number.NaN
      let wasEarly = false
      client.prependOnceListener("ready", () => {
        wasEarly = performance.now() < deadlineMs
        while (performance.now() <= deadlineMs + 1) {}
      })
      yield* wire.cut
      yield* until(
        Effect.sync(() => client.status),
        (status) => status !== "ready"
      )
      deadlineMs = performance.now() + 1_000
      const result = yield* Effect.either(connection.command("read", "GET", key))
      assert.isTrue(wasEarly)
      assert.strictEqual(Either.isLeft(result) ? result.left.outcome : undefined, "not-applied")
      // What it would have sent went out before this does.
      yield* connection.command("read", "PING")
      assert.strictEqual(wire.sent(key), 0)
      connection.detach()
    })
  )

  it.scopedLive("that writes does not wait for a socket, as nobody may want it by then; its call does", () =>
    Effect.gen(function* () {
      const url = new URL(yield* SharedServers.redisUrl)
      const client = yield* appClient(Number(url.port))
      const store = yield* RedisStore.makeFromClient(client, { keyPrefix: `${yield* SharedServers.redisPrefix}:` })
      const sockets = { closed: 0 }
      client.on("close", () => (sockets.closed += 1))
      // The driver learns of it later.
      const lose = Effect.sync(() => {
        client.stream.destroy()
        assert.strictEqual(client.status, "ready")
      })
      yield* lose
      const stale = yield* Effect.fork(store.set("k", "stale"))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(stale)
      assert.strictEqual(sockets.closed, 0)
      assert.isTrue(Option.isNone(yield* store.get("k")))
      yield* lose
      yield* store.set("k", 1)
      assert.strictEqual(Option.getOrThrow(yield* store.get("k")).value, 1)
      yield* lose
      const connection = new Connection(client, { commandTimeoutMs: 5_000, owned: false })
      const result = yield* Effect.either(connection.command("write", "INCR", "n"))
      assert.strictEqual(Either.isLeft(result) ? result.left.outcome : undefined, "not-applied")
      assert.strictEqual(sockets.closed, 2)
      connection.detach()
    })
  )

  it.scopedLive("that is sent when another one is late has a deadline, too", () =>
    Effect.gen(function* () {
      const url = new URL(yield* SharedServers.redisUrl)
      const wire = yield* wireTo(Number(url.port))
      const client = yield* appClient(wire.port)
      yield* Client.awaitReady(client, 5_000)
      const connection = new Connection(client, { commandTimeoutMs: 200, owned: false })
      yield* wire.swallow
      const twice = Effect.async<unknown>((resume) => {
        connection.send("read", ["PING"], () =>
          connection.send("read", ["PING"], (fault) => resume(Effect.succeed(fault)))
        )
      })
      const fault = yield* Effect.timeoutFail(twice, { duration: "10 seconds", onTimeout: () => "no deadline" })
      assert.isDefined(fault)
      connection.detach()
    })
  )

  it.scopedLive("is late in time, whatever becomes of the system's clock", () =>
    Effect.gen(function* () {
      const wire = yield* wireTo(Number(new URL(yield* SharedServers.redisUrl).port))
      const client = yield* appClient(wire.port)
      yield* Client.awaitReady(client, 5_000)
      const connection = new Connection(client, { commandTimeoutMs: 200, owned: false })
      yield* wire.swallow
      const late = yield* Effect.fork(Effect.flip(connection.command("read", "PING")))
      yield* Effect.yieldNow()
      const { now } = Date
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          Date.now = () => now() - 3_600_000
        }),
        () =>
          Effect.sync(() => {
            Date.now = now
          })
      )
      yield* Effect.timeoutFail(Fiber.join(late), { duration: "10 seconds", onTimeout: () => "no deadline" })
      connection.detach()
    })
  )
})

describe("several connections", () => {
  it.scopedLive("are open as soon as one of them is ready, be another one gone for good", () =>
    Effect.gen(function* () {
      const port = Number(new URL(yield* SharedServers.redisUrl).port)
      const clients = yield* Effect.all([appClient(port), appClient(port)])
      yield* Effect.forEach(clients, (client) => Client.awaitReady(client, 5_000))
      const all = clients.map((client) => new Connection(client, { commandTimeoutMs: 5_000, owned: false }))
      const gates = [all, all.toReversed()].map((all) => new Connections(all).gate)
      const opened = Effect.forEach(
        gates,
        (gate) => Effect.async<unknown>((resume) => gate.wait((fault) => resume(Effect.succeed(fault)))),
        { concurrency: "unbounded" }
      )
      const areOpen = () => gates.map((gate) => gate.isOpen())
      const [gone, lost] = clients
      gone.disconnect()
      yield* until(
        Effect.sync(() => gone.status),
        (status) => status === "end"
      )
      assert.deepStrictEqual(areOpen(), [true, true])
      lost.stream.destroy()
      assert.deepStrictEqual(areOpen(), [false, false])
      assert.deepStrictEqual(yield* opened, [undefined, undefined])
      assert.deepStrictEqual(areOpen(), [true, true])
      for (const connection of all) connection.detach()
    })
  )
})

describe("waiting for replicas", () => {
  it.scopedLive("is done by one question for all, behind which nothing is late", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.redisUrl
      const keyPrefix = `${yield* SharedServers.redisPrefix}:`
      const raw = yield* rawClient(url)
      const store = yield* RedisStore.make({
        url,
        keyPrefix,
        commandTimeout: "1 second",
        waitReplicas: { count: 1, timeout: "400 millis" }
      })
      const writes = yield* Effect.forEach(
        [1, 2, 3, 4, 5],
        (n) => Effect.fork(Effect.flip(store.setMany([{ key: `k${n}`, value: n }]))),
        { concurrency: "unbounded" }
      )
      yield* until(
        Effect.promise(() => raw.exists([1, 2, 3, 4, 5].map((n) => `${keyPrefix}{0}e::k${n}`))),
        (there) => there === 5
      )
      yield* store.get("k1")
      for (const write of writes) {
        const [result] = (yield* Fiber.join(write)).results
        const error = result && Either.isLeft(result) ? result.left : undefined
        assert.strictEqual(error && "outcome" in error && error.outcome, "unknown")
        assert.include(error?.message, "too few replicas")
      }
    })
  )
})

describe("a client of the app", () => {
  it.scopedLive("that answers in another way than it is asked for is a failure, and not an empty store", () =>
    Effect.gen(function* () {
      const url = new URL(yield* SharedServers.redisUrl)
      const keyPrefix = `${yield* SharedServers.redisPrefix}:`
      const client = yield* appClient(Number(url.port))
      const store = yield* RedisStore.makeFromClient(client, { keyPrefix, sweep: false })
      yield* store.set("k", 1)
      // The server takes down what it is told from now on, and does none of it.
      yield* Effect.promise(() => client.multi({ pipeline: false }))
      const reads: ReadonlyArray<Effect.Effect<unknown, StateError.ReadError>> = [
        store.page(KeyRange.all),
        store.count(KeyRange.all),
        store.stats,
        store.get("k")
      ]
      for (const read of reads) assert.strictEqual((yield* Effect.flip(read))._tag, "StoreFailure")
      const raw = yield* rawClient(url.href)
      assert.strictEqual(yield* Effect.promise(() => raw.exists(`${keyPrefix}{0}e::k`)), 1)
    })
  )

  it.scopedLive("that gives numbers as text is refused", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.redisUrl
      const client = yield* Effect.acquireRelease(
        Effect.sync(
          () =>
            new Redis(url, {
              ...{ autoResendUnfulfilledCommands: false, maxRetriesPerRequest: 0, enableOfflineQueue: false },
              ...{ lazyConnect: true, stringNumbers: true }
            })
        ),
        (client) => Effect.sync(() => client.disconnect())
      )
      const error = yield* Effect.flip(RedisStore.makeFromClient(client))
      assert.strictEqual(error._tag === "InvalidOption" && error.option, "client")
      assert.include(error.message, "stringNumbers")
    })
  )
})
