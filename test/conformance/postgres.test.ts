import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { PostgresStore } from "effect-state/postgres"
import { conformance } from "effect-state/testing/vitest"
import * as SharedServers from "../servers/SharedServers.ts"

conformance("postgres", {
  layer: (options) =>
    Layer.unwrapEffect(
      Effect.map(SharedServers.postgresUrl, (url) => PostgresStore.layer({ ...options, url, maxConnections: 4 }))
    ),
  clock: "server"
})
