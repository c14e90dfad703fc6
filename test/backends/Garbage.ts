/**
 * Garbage collection, for tests of what is held on to.
 */
import * as V8 from "node:v8"
import * as Vm from "node:vm"

/** Collects what nobody holds any more; only then does a weak reference tell. */
export const collect = async (): Promise<void> => {
  // What a weak reference was made of stays until the turn ends.
  await new Promise(setImmediate)
  V8.setFlagsFromString("--expose-gc")
  Vm.runInNewContext("gc")()
}
