import { MemoryStore } from "effect-state"
import { conformance } from "effect-state/testing/vitest"

conformance("memory", { layer: MemoryStore.layer, clock: "test" })
