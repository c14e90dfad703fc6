/**
 * The servers, each started when the first case asks for it, and shared by all.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as PostgresServer from "../test/servers/PostgresServer.ts"
import * as RedisServer from "../test/servers/RedisServer.ts"
import type { ServerError } from "../test/servers/ServerError.ts"

export class Servers extends Context.Tag("bench/Servers")<
  Servers,
  {
    readonly redisUrl: Effect.Effect<string, ServerError>
    readonly postgresUrl: Effect.Effect<string, ServerError>
  }
>() {}

export const layer = Layer.scoped(
  Servers,
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const redis = RedisServer.make({ args: ["--appendfsync", "everysec"] })
    return {
      redisUrl: yield* Effect.cached(Effect.map(Scope.extend(redis, scope), ({ url }) => url)),
      postgresUrl: yield* Effect.cached(Effect.map(Scope.extend(PostgresServer.make(), scope), ({ url }) => url))
    }
  })
)

/** The address of the Redis server, which syncs its append-only file every second. */
export const redisUrl = Effect.flatMap(Servers, ({ redisUrl }) => redisUrl)

/** The address of the PostgreSQL server, which is as it comes: every commit waits for the disk. */
export const postgresUrl = Effect.flatMap(Servers, ({ postgresUrl }) => postgresUrl)
