import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import { afterAll } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { SqliteStore } from "effect-state/sqlite"
import { conformance } from "effect-state/testing/vitest"

const folder = mkdtempSync(join(tmpdir(), "effect-state-"))
afterAll(() => rmSync(folder, { recursive: true }))

for (const durability of ["normal", "full"] as const) {
  const filename = join(folder, `${durability}.db`)
  conformance(`sqlite at durability ${durability}`, {
    layer: (options) => SqliteStore.layer({ ...options, filename, durability }),
    clock: "test"
  })
}

conformance("sqlite on an app's client", {
  layer: (options) =>
    Layer.provide(SqliteStore.layerFromClient(options), SqliteClient.layer({ filename: join(folder, "client.db") })),
  clock: "test"
})
