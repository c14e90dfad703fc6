import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "@effect/vitest"
import { SqliteStore } from "effect-state/sqlite"
import { conformance } from "effect-state/testing/vitest"

const folder = mkdtempSync(join(tmpdir(), "effect-state-"))
afterAll(() => rmSync(folder, { recursive: true }))

const filename = join(folder, "state.db")
conformance("sqlite", { layer: (options) => SqliteStore.layer({ filename, ...options }), clock: "test" })
