/**
 * The suite that every backend must pass: each promise of a store as cases, which are data.
 *
 * To write a backend: implement `Backend`, make a layer with `StateStore.layerFromBackend`, and run this suite. With
 * vitest that is three lines:
 *
 * ```ts skip-run
 * import { conformance } from "effect-state/testing/vitest"
 *
 * conformance("mine", { layer: (options) => MyStore.layer(options), clock: "server" })
 * ```
 *
 * With another runner, register a test for each of {@link cases} that runs {@link run}. What passes keeps the promises, as
 * far as one store can show it; what `Model` checks besides are the combinations nobody thought of.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Case } from "./Case.ts"
import { atomicCases } from "./cases/atomic.ts"
import { backendCases } from "./cases/backend.ts"
import { cachedCases } from "./cases/cached.ts"
import { codecCases } from "./cases/codecs.ts"
import { counterCases } from "./cases/counters.ts"
import { customerCases } from "./cases/customers.ts"
import { errorCases } from "./cases/errors.ts"
import { expiryCases } from "./cases/expiry.ts"
import { historyCases } from "./cases/history.ts"
import { keyCases } from "./cases/keys.ts"
import { lockCases } from "./cases/lock.ts"
import { machineCases } from "./cases/machine.ts"
import { meaningCases } from "./cases/meaning.ts"
import { migrationCases } from "./cases/migration.ts"
import { modifyCases } from "./cases/modify.ts"
import { namespaceCases } from "./cases/namespaces.ts"
import { orderCases } from "./cases/order.ts"
import { ownerCases } from "./cases/owners.ts"
import { progressCases } from "./cases/progress.ts"
import { scopeCases } from "./cases/scope.ts"
import { timeCases } from "./cases/time.ts"
import { valueCases } from "./cases/values.ts"
import { versionCases } from "./cases/versions.ts"
import { workflowCases } from "./cases/workflow.ts"
import * as Harness from "./Harness.ts"

/**
 * All cases. Each runs by itself, in a namespace of its own.
 *
 * @since 0.1.0
 * @category cases
 */
export const cases: ReadonlyArray<Case> = [
  ...meaningCases,
  ...atomicCases,
  ...counterCases,
  ...modifyCases,
  ...lockCases,
  ...versionCases,
  ...timeCases,
  ...expiryCases,
  ...orderCases,
  ...keyCases,
  ...namespaceCases,
  ...valueCases,
  ...errorCases,
  ...scopeCases,
  ...backendCases,
  ...historyCases,
  ...migrationCases,
  ...machineCases,
  ...ownerCases,
  ...progressCases,
  ...customerCases,
  ...cachedCases,
  ...codecCases,
  ...workflowCases
]

/**
 * Runs a case against a subject; a failure or a defect says what is broken.
 *
 * @since 0.1.0
 * @category running
 */
export const run = (subject: Harness.Subject, { run }: Case): Effect.Effect<void, unknown> => Harness.run(subject, run)
