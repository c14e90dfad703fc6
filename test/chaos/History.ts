/**
 * What clients did to keys, and what they were told, on one clock.
 *
 * Times are nanoseconds of `process.hrtime.bigint()`, which on Linux is CLOCK_MONOTONIC: one clock for all processes of
 * the host. So "a returned before b was called" means the same whoever ran them.
 */

export type Action =
  | { readonly _tag: "Get" }
  | { readonly _tag: "Set"; readonly value: number }
  /** A set with `ifVersion`. */
  | { readonly _tag: "Swap"; readonly value: number; readonly expected: number | "absent" }
  | { readonly _tag: "Delete" }
  | { readonly _tag: "Add"; readonly delta: number }

export type Result =
  | { readonly _tag: "Found"; readonly value: number; readonly version: number }
  | { readonly _tag: "Absent" }
  | { readonly _tag: "Written"; readonly version: number }
  | { readonly _tag: "Conflict" }
  | { readonly _tag: "Deleted"; readonly wasThere: boolean }
  | { readonly _tag: "Added"; readonly sum: number }
  /** It may take effect at any time after its call, or never. */
  | { readonly _tag: "Unknown" }

/** One operation on one key. One that certainly did nothing, and a read without an answer, are not recorded. */
export interface Operation {
  readonly client: string
  readonly key: string
  readonly calledNs: number
  /** Infinity for an unknown result. */
  readonly returnedNs: number
  readonly action: Action
  readonly result: Result
}
