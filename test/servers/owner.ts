/** A process that owns a Redis server, says where, and stays. The tests kill it. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as RedisServer from "./RedisServer.ts"

await RedisServer.make().pipe(
  Effect.tap((server) => Console.log(server.url)),
  Effect.zipRight(Effect.never),
  Effect.scoped,
  Effect.runPromise
)
