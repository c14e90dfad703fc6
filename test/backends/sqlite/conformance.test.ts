import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { SqliteStore } from "effect-state/sqlite"
import { conformance } from "effect-state/testing/vitest"
import { temporaryFile } from "./support.ts"

for (const durability of ["normal", "full"] as const) {
  conformance(`sqlite at durability ${durability}`, {
    layer: (options) =>
      Layer.unwrapScoped(
        Effect.map(temporaryFile, (filename) => SqliteStore.layer({ ...options, filename, durability }))
      ),
    clock: "test"
  })
}

conformance("sqlite on a client", {
  layer: (options) => Layer.provide(SqliteStore.layerFromClient(options), SqliteClient.layer({ filename: ":memory:" })),
  clock: "test"
})
