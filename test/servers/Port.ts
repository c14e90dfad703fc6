/**
 * Free loopback ports.
 *
 * They are drawn below the ephemeral range (32768 on Linux, 49152 on macOS): a client that reconnects to a killed
 * server within that range can be given the very port as its own source port and connect to itself, and any outgoing
 * connection could take the port before the server is back.
 */
import * as Net from "node:net"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { ServerError } from "./ServerError.ts"

export const host = "127.0.0.1"

const first = 20_000
const last = 32_000
const attemptsMax = 50

const isFree = (port: number) =>
  Effect.async<boolean>((resume) => {
    const probe = Net.createServer()
    probe.once("error", () => resume(Effect.succeed(false)))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resume(Effect.succeed(true))))
  })

/** A loopback port that nobody listens on now. */
export const free: Effect.Effect<number, ServerError> = Effect.gen(function* () {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const port = yield* Random.nextIntBetween(first, last)
    if (yield* isFree(port)) return port
  }
  return yield* new ServerError({
    reason: "system",
    server: host,
    message: `No free port on ${host} in ${attemptsMax} attempts between ${first} and ${last}`
  })
}).pipe(Effect.withRandom(Random.make(`${process.pid}:${process.hrtime.bigint()}`)))
