/**
 * Broken stores, each in one way, and the case that must find it out.
 */
import { atomic } from "./atomic.ts"
import { locks } from "./locks.ts"
import type { Mutant } from "./Mutant.ts"
import { order } from "./order.ts"
import { reads } from "./reads.ts"
import { services } from "./services.ts"
import { time } from "./time.ts"
import { versions } from "./versions.ts"

export const mutants: ReadonlyArray<Mutant> = [
  ...time,
  ...versions,
  ...order,
  ...atomic,
  ...reads,
  ...services,
  ...locks
]
