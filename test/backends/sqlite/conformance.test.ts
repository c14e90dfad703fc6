import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { SqliteStore } from "effect-state/sqlite"
import { conformance } from "effect-state/testing/vitest"
import * as OwnHandle from "../../../src/backends/sqlite/ownHandle.ts"
import * as Schema from "../../../src/backends/sqlite/schema.ts"
import * as SharedClient from "../../../src/backends/sqlite/sharedClient.ts"
import { temporaryFile } from "./support.ts"

const table = "entries"
const options = { busyTimeoutMs: 5_000, table, names: Either.getOrThrow(Schema.names(table)) }

for (const durability of ["normal", "full"] as const) {
  conformance(`sqlite at durability ${durability}`, {
    layer: (options) =>
      Layer.unwrapScoped(
        Effect.map(temporaryFile, (filename) => SqliteStore.layer({ ...options, filename, durability, table }))
      ),
    backend: Effect.flatMap(temporaryFile, (filename) => OwnHandle.make({ ...options, filename, durability })),
    clock: "test"
  })
}

const client = SqliteClient.layer({ filename: ":memory:" })

conformance("sqlite on a client", {
  layer: (options) => Layer.provide(SqliteStore.layerFromClient({ ...options, table }), client),
  backend: Effect.flatMap(Layer.build(client), (context) =>
    SharedClient.make(Context.get(context, SqliteClient.SqliteClient), options)
  ),
  clock: "test"
})
