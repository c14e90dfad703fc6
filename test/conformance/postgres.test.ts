import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { PostgresStore } from "effect-state/postgres"
import { conformance } from "effect-state/testing/vitest"
import { checkPool, checkShared } from "../../src/backends/postgres/options.ts"
import { fromConfig } from "../../src/backends/postgres/store.ts"
import * as SharedServers from "../servers/SharedServers.ts"

conformance("postgres", {
  layer: (options) =>
    Layer.unwrapEffect(
      Effect.map(SharedServers.postgresUrl, (url) => PostgresStore.layer({ ...options, url, maxConnections: 4 }))
    ),
  backend: Effect.gen(function* () {
    const options: PostgresStore.Options = { url: yield* SharedServers.postgresUrl, maxConnections: 4 }
    const config = Either.getOrThrow(checkPool(options))
    return (yield* fromConfig(config, Either.getOrThrow(checkShared(options)), false)).backend
  }),
  clock: "server"
})
