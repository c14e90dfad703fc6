/**
 * A Redis server of one's own.
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Binaries from "./Binaries.ts"
import * as Port from "./Port.ts"
import * as Reaper from "./Reaper.ts"
import * as Server from "./Server.ts"
import type { ServerError } from "./ServerError.ts"

export interface Options {
  /** More arguments for redis-server, after the default ones, which they override. */
  readonly args?: ReadonlyArray<string> | undefined
  /** The data directory. It stays when the server goes. Without one, it gets a new one that goes with it. */
  readonly dir?: string | undefined
  readonly port?: number | undefined
}

// What was acknowledged survives kill -9: every reply waits for the append-only file.
const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]

const stopSignal = "SIGTERM"
const probeTimeoutMs = 1_000

/** Starts a Redis server on loopback and waits until it answers a PING. */
export const make = (options: Options = {}): Effect.Effect<Server.Server, ServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const command = yield* Binaries.redisServer()
    const port = options.port ?? (yield* Port.free)
    const { directory, reaper } = yield* Reaper.make({ name: "redis", stopSignal, directory: options.dir })
    return yield* Server.make({
      name: "redis-server",
      url: `redis://${Port.host}:${port}`,
      host: Port.host,
      port,
      command,
      args: ["--port", String(port), "--bind", Port.host, "--dir", directory, ...durable, ...(options.args ?? [])],
      env: process.env,
      directory,
      reaper,
      account: undefined,
      stopSignal,
      probe: ping(port),
      isTransient: () => false
    })
  })

/** One PING on a connection of its own. A server that asks for a password is up too; one that loads its data is not. */
const ping = (port: number) =>
  Effect.async<void, Error>((resume) => {
    const socket = Net.connect({ host: Port.host, port })
    socket.setTimeout(probeTimeoutMs, () => socket.destroy(new Error("no answer")))
    socket.once("connect", () => socket.write("PING\r\n"))
    socket.once("data", (reply) => {
      const text = reply.toString("latin1")
      const isUp = text.startsWith("+PONG") || text.startsWith("-NOAUTH")
      resume(isUp ? Effect.void : Effect.fail(new Error(text)))
      socket.destroy()
    })
    socket.once("error", (error) => resume(Effect.fail(error)))
    socket.once("close", () => resume(Effect.fail(new Error("closed"))))
    return Effect.sync(() => socket.destroy())
  })
