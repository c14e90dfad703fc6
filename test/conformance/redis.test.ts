import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { RedisStore } from "effect-state/redis"
import { conformance } from "effect-state/testing/vitest"
import { vi } from "vitest"
import * as SharedServers from "../servers/SharedServers.ts"

// Vitest's own: projects need set no other for the suite, which waits for the server's clock.
vi.setConfig({ testTimeout: 5_000 })

for (const buckets of [1, 4]) {
  conformance(`redis with ${buckets} bucket${buckets === 1 ? "" : "s"}`, {
    layer: (options) =>
      Layer.unwrapEffect(
        Effect.map(Effect.all([SharedServers.redisUrl, SharedServers.redisPrefix]), ([url, prefix]) =>
          RedisStore.layer({ ...options, url, buckets, keyPrefix: `${prefix}:` })
        )
      ),
    clock: "server"
  })
}
