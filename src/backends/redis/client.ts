/**
 * Clients of the driver: opened and closed in a scope, and the checks of one that the app has.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { Redis, type RedisOptions } from "ioredis"
import { type Fault, fault } from "../../store/Backend.ts"
import { InvalidOption } from "../../store/StateError.ts"
import { fromConnecting, replyCode } from "./faults.ts"

/**
 * Opens a client, ready to use; the scope closes it. Fails when the server refuses, and after `connectTimeoutMs` at the
 * latest.
 *
 * @since 0.1.0
 * @category constructors
 */
export const open = (address: RedisOptions, connectTimeoutMs: number): Effect.Effect<Redis, Fault, Scope.Scope> =>
  Effect.tap(
    Effect.acquireRelease(
      Effect.sync(() => {
        const client = new Redis({
          ...address,
          lazyConnect: true,
          connectTimeout: connectTimeoutMs,
          connectionName: "effect-state",
          disableClientInfo: true,
          // What was sent and not answered is never sent again, and fails as soon as the connection is lost.
          autoResendUnfulfilledCommands: false,
          maxRetriesPerRequest: 0,
          enableOfflineQueue: false,
          // A name may lead to another server by now. The command is not sent again.
          reconnectOnError: ({ message }) => replyCode(message) === "READONLY",
          retryStrategy: (times) => Math.min(50 * times, 1_000),
          disconnectTimeout: 200
        })
        // Without a listener the driver prints errors; each is told where it matters.
        return client.on("error", () => {})
      }),
      close
    ),
    (client) => awaitReady(client, connectTimeoutMs)
  )

/**
 * Waits until a client is ready; fails with the first error that it reports.
 *
 * @since 0.1.0
 * @category connecting
 */
export const awaitReady = (client: Redis, timeoutMs: number): Effect.Effect<void, Fault> =>
  Effect.async<void, Fault>((resume) => {
    if (client.status === "ready") return resume(Effect.void)
    const settle = (result: Effect.Effect<void, Fault>) => {
      clearTimeout(timer)
      client.off("ready", onReady).off("error", onError).off("end", onEnd)
      resume(result)
    }
    const onReady = () => settle(Effect.void)
    const onError = (error: unknown) => settle(Effect.fail(fromConnecting(error)))
    const onEnd = () => settle(Effect.fail(fault("unavailable", "its connection is closed")))
    const timer = setTimeout(
      () => settle(Effect.fail(fault("unavailable", `it was not ready within ${timeoutMs} ms`))),
      timeoutMs
    )
    client.on("ready", onReady).on("error", onError).on("end", onEnd)
    if (client.status === "end") onEnd()
    // What it fails with is reported as an error event, too.
    else if (client.status === "wait") client.connect().catch(() => {})
    return Effect.sync(() => {
      clearTimeout(timer)
      client.off("ready", onReady).off("error", onError).off("end", onEnd)
    })
  })

/** Says goodbye if the server still listens; in any case the socket is closed soon. */
const close = (client: Redis): Effect.Effect<void> =>
  Effect.async((resume) => {
    const end = () => {
      clearTimeout(timer)
      client.disconnect()
      resume(Effect.void)
    }
    const timer = setTimeout(end, quitTimeoutMs)
    if (client.status === "ready") client.quit().then(end, end)
    else end()
  })

const quitTimeoutMs = 1_000

/**
 * Whether a client of the app may be used: it must not repeat commands, nor read from replicas, nor be in another mode.
 *
 * @since 0.1.0
 * @category validation
 */
export const checkGiven = (client: Redis): Either.Either<Redis, InvalidOption> => {
  const { options } = client
  if (client.isCluster) return invalid("expected a client of one server, got one of a cluster")
  if (options.autoResendUnfulfilledCommands !== false) {
    return invalid(
      "it sends unanswered commands again when it reconnects, which would apply writes twice; set autoResendUnfulfilledCommands: false and maxRetriesPerRequest: 0"
    )
  }
  if (options.maxRetriesPerRequest !== 0) {
    return invalid("it holds unanswered commands back when the connection is lost; set maxRetriesPerRequest: 0")
  }
  if (options.enableOfflineQueue !== false) {
    return invalid("it sends commands later than their callers wait for; set enableOfflineQueue: false")
  }
  if (options.reconnectOnError) return invalid("it may send failed commands again; leave out reconnectOnError")
  if (options.readOnly) return invalid("it reads from replicas, which lag behind; leave out readOnly")
  if (options.stringNumbers) return invalid("it gives numbers as text; leave out stringNumbers")
  if (client.mode !== "normal") return invalid(`it is in ${client.mode} mode; pass one for commands`)
  return Either.right(client)
}

const invalid = (reason: string) => Either.left(new InvalidOption({ option: "client", reason }))
