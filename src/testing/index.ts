/**
 * Proof that a store keeps its promises, for authors of backends: the conformance suite, and the model.
 *
 * @since 0.1.0
 */
export * as Case from "./Case.ts"
export * as Conformance from "./Conformance.ts"
export type { Subject } from "./Harness.ts"
export * as Harness from "./Harness.ts"
export * as Model from "./Model.ts"
