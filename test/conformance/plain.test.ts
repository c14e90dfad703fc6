import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StateStore } from "effect-state"
import { conformance } from "effect-state/testing/vitest"
import { Plain } from "./PlainBackend.ts"

// Small batches, gathered calls: what StateStore derives must hold here too, or no mutant of this backend proves anything.
const backend = Effect.suspend(() => new Plain().backend)

conformance("a plain backend", {
  layer: (options) =>
    Layer.scoped(
      StateStore.StateStore,
      Effect.flatMap(backend, (backend) => StateStore.make(backend, options))
    ),
  backend,
  clock: "test"
})
