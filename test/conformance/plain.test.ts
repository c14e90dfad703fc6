import { conformance } from "effect-state/testing/vitest"
import { Plain } from "./PlainBackend.ts"

// Small batches, gathered calls: what StateStore derives must hold here too, or no mutant of this backend proves anything.
conformance("a plain backend", { layer: (options) => new Plain().layer(options), clock: "test" })
