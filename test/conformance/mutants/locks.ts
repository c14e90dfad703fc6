/**
 * Locks that keep nobody out.
 */
import { isVersion, type Version } from "../../../src/store/Version.ts"
import { type Mutant, ofService } from "./Mutant.ts"

/** Breaks locks: leaves those checks of locks away that have such a version. */
const uncheckedLocks = (flaw: string, killedBy: string, isLeftAway: (version: Version | "absent") => boolean): Mutant =>
  ofService(flaw, killedBy, (store) => ({
    commit: (commit) =>
      store.commit({
        ...commit,
        steps: commit.steps.filter(
          (step) =>
            step._tag !== "Check" ||
            typeof step.key === "string" ||
            !step.key.namespace.path.endsWith("~lock") ||
            !isLeftAway(step.version)
        )
      })
  }))

export const locks: ReadonlyArray<Mutant> = [
  uncheckedLocks("a lock is released whoever holds it", "a release frees nobody else's lock", isVersion),
  uncheckedLocks("a fence lets everybody through", "a released lock fences no more", isVersion),
  uncheckedLocks(
    "a fence keeps nobody out for long",
    "the fence of an earlier holder holds nobody's later lock",
    isVersion
  ),
  uncheckedLocks(
    "a lock is taken that is not free",
    "a lock that another process holds is not taken",
    (v) => v === "absent"
  ),
  ofService("a renewal is a new write", "a renewal keeps the fence", (store) => ({
    commit: (commit) =>
      store.commit({
        ...commit,
        steps: commit.steps.map((step) =>
          step._tag === "Expire" ? { _tag: "Set", key: step.key, value: null, options: { ttl: step.ttl } } : step
        )
      })
  }))
]
