/**
 * This toolkit as a contender.
 */
import type { StateStore } from "effect-state"
import type { Contender } from "../Case.ts"
import { effect } from "../Workload.ts"

export const toolkit = (store: StateStore.Service): Contender => ({
  fill: (items) => store.setMany(items),
  calls: {
    get: effect(({ key }) => store.get(key)),
    set: effect(({ key, value }) => store.set(key, value))
  }
})
