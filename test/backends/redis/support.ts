/** Servers, raw clients and a lossy wire for the tests of the Redis backend. */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Redis } from "ioredis"
import { RedisStore } from "../../../src/backends/redis/index.ts"
import type * as StateStore from "../../../src/store/StateStore.ts"
import * as SharedServers from "../../servers/SharedServers.ts"

/** A client of the test's own, to look behind the store's back. */
export const rawClient = (url: string): Effect.Effect<Redis, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Redis(url)),
    (client) => Effect.sync(() => client.disconnect())
  )

/** Runs a test with a store on the shared server under a prefix of its own. */
export const withStore = <A, E>(
  options: RedisStore.StoreOptions,
  use: (test: {
    readonly store: StateStore.Service
    readonly redis: Redis
    readonly prefix: string
    readonly url: string
  }) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const url = yield* SharedServers.redisUrl
      const prefix = `${yield* SharedServers.redisPrefix}:`
      const redis = yield* rawClient(url)
      const store = yield* RedisStore.make({ sweep: false, ...options, url, keyPrefix: prefix })
      return yield* use({ store, redis, prefix, url })
    })
  )

/** A wire between store and server, which can swallow the server's answers. */
export interface Wire {
  readonly port: number
  /** From now on no answer comes through; the commands do. Gives how often the text was sent to the server since. */
  readonly swallow: Effect.Effect<void>
  /** Cuts all connections, and lets answers through again on new ones. */
  readonly cut: Effect.Effect<void>
  /** How many chunks from the client had the text. */
  readonly sent: (text: string) => number
}

export const wireTo = (port: number): Effect.Effect<Wire, never, Scope.Scope> =>
  Effect.gen(function* () {
    let swallowing = false
    const chunks: Array<string> = []
    const sockets = new Set<Net.Socket>()
    const server = Net.createServer((client) => {
      const upstream = Net.connect({ host: "127.0.0.1", port })
      for (const socket of [client, upstream]) {
        sockets.add(socket)
        socket.on("error", () => socket.destroy())
        socket.on("close", () => {
          sockets.delete(socket)
          client.destroy()
          upstream.destroy()
        })
      }
      client.on("data", (data) => {
        chunks.push(data.toString("latin1"))
        upstream.write(data)
      })
      upstream.on("data", (data) => {
        if (!swallowing) client.write(data)
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.sync(() => {
          server.close()
          for (const socket of sockets) socket.destroy()
        })
    )
    const address = server.address()
    return {
      port: typeof address === "object" && address !== null ? address.port : 0,
      swallow: Effect.sync(() => {
        swallowing = true
      }),
      cut: Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        swallowing = false
      }),
      sent: (text) => chunks.filter((chunk) => chunk.includes(text)).length
    }
  })

/** Repeats an effect until its value is as wanted. */
export const until = <A, E, R>(effect: Effect.Effect<A, E, R>, wanted: (a: A) => boolean): Effect.Effect<A, E, R> =>
  Effect.repeat(Effect.zipLeft(effect, Effect.sleep("5 millis")), { until: wanted })
