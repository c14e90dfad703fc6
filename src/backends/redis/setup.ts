/**
 * What is checked before a store uses a server: that it answers, is new enough, forgets nothing on its own, and holds a
 * store of the same shape.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { Fault } from "../../store/Backend.ts"
import { InvalidOption, type LayerError, StoreFailure, StoreUnavailable } from "../../store/StateError.ts"
import type { Connection } from "./connection.ts"
import type { Layout } from "./layout.ts"

/**
 * Checks the server, and stores the number of buckets if it is the first time. Gives the server's description.
 *
 * @since 0.1.0
 * @category setup
 */
export const check = (
  connection: Connection,
  layout: Layout,
  allowEviction: boolean
): Effect.Effect<string, LayerError> =>
  Effect.gen(function* () {
    const info = parseInfo(String(yield* Effect.mapError(connection.command("read", "INFO"), toError)))
    const version = info.get("redis_version") ?? "0"
    if (!isRecent(version)) {
      return yield* failure(`the server is Redis ${version}, and ${versionMin.join(".")} or newer is needed`)
    }
    yield* checkEviction(info.get("maxmemory_policy"), allowEviction)
    yield* checkBuckets(connection, layout)
    return `Redis ${version}`
  })

/**
 * The error that a fault is while a store is built.
 *
 * @since 0.1.0
 * @category errors
 */
export const toError = ({ kind, reason, outcome, cause }: Fault): StoreUnavailable | StoreFailure => {
  const fields = { operation: "connect", backend: "redis", reason, outcome, cause }
  return kind === "unavailable" ? new StoreUnavailable(fields) : new StoreFailure(fields)
}

const failure = (reason: string) =>
  new StoreFailure({ operation: "connect", backend: "redis", reason, outcome: "not-applied" })

/** SET takes PXAT, and ZADD and the scripts all that is used, since this version. */
const versionMin = [6, 2] as const

const isRecent = (version: string): boolean => {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1])
}

const checkEviction = (
  policy: string | undefined,
  allowEviction: boolean
): Effect.Effect<void, StoreFailure | InvalidOption> => {
  if (policy?.startsWith("allkeys-")) {
    return failure(
      `the server's maxmemory-policy ${policy} would evict the index under live entries; set it to noeviction`
    )
  }
  if (policy?.startsWith("volatile-") && !allowEviction) {
    return new InvalidOption({
      option: "allowEviction",
      reason: `the server's maxmemory-policy ${policy} may evict entries that have a time to live before their end; set it to noeviction, or allow that`
    })
  }
  return Effect.void
}

/** Where an entry lies depends on the number of buckets: a store that was made with another one would not be found. */
const checkBuckets = (connection: Connection, { bucketsKey, buckets }: Layout) =>
  Effect.gen(function* () {
    yield* Effect.mapError(connection.command("write", "SET", bucketsKey, String(buckets.length), "NX"), toError)
    const stored = String(yield* Effect.mapError(connection.command("read", "GET", bucketsKey), toError))
    if (stored !== String(buckets.length)) {
      return yield* failure(`the server holds a store of ${stored} buckets under this prefix, not of ${buckets.length}`)
    }
  })

/**
 * What the server's `INFO` says, by its names.
 *
 * @since 0.1.0
 * @category setup
 */
export const parseInfo = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text.split("\r\n").flatMap((line): ReadonlyArray<readonly [string, string]> => {
      const colon = line.indexOf(":")
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)]]
    })
  )
