import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RedisStore } from "effect-state/redis"
import { conformance } from "effect-state/testing/vitest"
import { redisPrefix, redisUrl } from "../servers/SharedServers.ts"

const keyPrefix = Effect.runSync(redisPrefix)

conformance("redis", {
  layer: (options) =>
    Layer.unwrapEffect(Effect.map(redisUrl, (url) => RedisStore.layer({ url, keyPrefix, ...options }))),
  clock: "server"
})
