/** What the clients' processes and the test tell each other, a line each. */
import type { Action, Result } from "./History.ts"

export type StoreAt =
  | { readonly kind: "sqlite"; readonly filename: string }
  | { readonly kind: "redis"; readonly url: string }
  | { readonly kind: "postgres"; readonly url: string }

/** So many operations by each of so many clients, on so many keys that are the history's own. */
export interface Run {
  readonly history: string
  /** Which process, and which one in its place: together they make names and values that nobody else has. */
  readonly process: number
  readonly life: number
  readonly clients: number
  readonly operations: number
  readonly keys: number
}

export type Line =
  | {
      readonly _tag: "Called"
      readonly id: string
      readonly client: string
      readonly key: string
      readonly calledNs: number
      readonly action: Action
    }
  | { readonly _tag: "Returned"; readonly id: string; readonly returnedNs: number; readonly result: Result }
  /** It certainly did nothing, or was a read. */
  | { readonly _tag: "Dropped"; readonly id: string }
