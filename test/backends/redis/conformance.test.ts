import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RedisStore } from "effect-state/redis"
import { conformance } from "effect-state/testing/vitest"
import type * as StateStore from "../../../src/store/StateStore.ts"
import * as SharedServers from "../../servers/SharedServers.ts"

for (const buckets of [1, 4]) {
  // One store for all cases: they keep apart by themselves.
  const keyPrefix = `${Effect.runSync(SharedServers.redisPrefix)}:`
  const options = Effect.map(SharedServers.redisUrl, (url) => ({ url, keyPrefix, buckets }))
  conformance(`redis with ${buckets} buckets`, {
    layer: (own: StateStore.Options) =>
      Layer.unwrapEffect(Effect.map(options, (shared) => RedisStore.layer({ ...own, ...shared }))),
    backend: Effect.flatMap(options, RedisStore.makeBackend),
    clock: "server"
  })
}
