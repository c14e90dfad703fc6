import { MemoryStore } from "effect-state"
import { conformance } from "effect-state/testing/vitest"
import { make } from "../../src/backends/memory/backend.ts"

conformance("memory", { layer: MemoryStore.layer, backend: make, clock: "test" })
