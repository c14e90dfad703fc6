/**
 * What a commit does, for backends that run this code where the state is: which checks hold, and what each mutation makes
 * of the entry it meets. Pure: the backend looks up, and writes what comes out.
 *
 * @since 0.1.0
 */
import * as Atomic from "./Atomic.ts"
import type { Check, Commit, Mutation, Outcome, Stored } from "./Backend.ts"
import { extend, type FullKey } from "./Key.ts"
import * as Ttl from "./Ttl.ts"
import type { Version } from "./Version.ts"

/**
 * An entry to write under a full key; `undefined` removes the one that is there.
 *
 * @since 0.1.0
 * @category models
 */
export type Write = readonly [key: FullKey, entry: Stored | undefined]

/**
 * The outcome of a commit and, if it is `Committed`, what to write, in order.
 *
 * @since 0.1.0
 * @category models
 */
export interface Plan {
  readonly outcome: Exclude<Outcome, { readonly _tag: "Fault" }>
  readonly writes: ReadonlyArray<Write>
}

/**
 * Plans a commit. `lookup` gives what lies under a full key, expired or not, and `version` is the one to give if it happens.
 *
 * @since 0.1.0
 * @category planning
 */
export const make = (
  { checks, mutations }: Commit,
  lookup: (key: FullKey) => Stored | undefined,
  version: Version,
  nowMs: number
): Plan => {
  const conflicts = checks.length === 0 ? checks : checks.filter((check) => !holds(check, lookup, nowMs))
  if (conflicts.length > 0) return refused({ _tag: "Conflict", keys: conflicts.map(({ key }) => key.text) })
  const [mutation] = mutations
  if (mutation !== undefined && mutations.length === 1) return makeOne(mutation, lookup, version, nowMs)
  const results: Array<boolean | number> = []
  const writes: Array<Write> = []
  // What earlier mutations made of their keys.
  const written = new Map<string, Stored | undefined>()
  for (const mutation of mutations) {
    const key = keyOf(mutation, version)
    const current = written.has(key.text) ? written.get(key.text) : lookup(key)
    const change = apply(mutation, key.text, current, version, nowMs)
    if (change === undefined) return refused({ _tag: "NotInteger", keys: [key.text] })
    if (change.next !== current) {
      writes.push([key, change.next])
      written.set(key.text, change.next)
    }
    results.push(change.result)
  }
  return { outcome: { _tag: "Committed", version, atMs: nowMs, results }, writes }
}

/** A single mutation, as most commits have, meets nothing but what is there. */
const makeOne = (
  mutation: Mutation,
  lookup: (key: FullKey) => Stored | undefined,
  version: Version,
  nowMs: number
): Plan => {
  const key = keyOf(mutation, version)
  const current = lookup(key)
  const change = apply(mutation, key.text, current, version, nowMs)
  if (change === undefined) return refused({ _tag: "NotInteger", keys: [key.text] })
  return {
    outcome: { _tag: "Committed", version, atMs: nowMs, results: change.result === true ? done : [change.result] },
    writes: change.next === current ? [] : [[key, change.next]]
  }
}

const done: ReadonlyArray<boolean> = [true]

/**
 * The greatest version that a commit brings: its own, or one that it installs from elsewhere, if only for a removal. A later
 * commit must get a greater one.
 *
 * @since 0.1.0
 * @category planning
 */
export const versionMax = (commit: Commit, version: Version): Version =>
  commit.mutations.reduce<Version>(
    (max, mutation) => (mutation._tag === "Install" && mutation.entry.version > max ? mutation.entry.version : max),
    version
  )

/**
 * The sum of a counter's payload and a delta; `undefined` unless the payload is the JSON text of a safe integer and the
 * sum is one.
 *
 * @since 0.1.0
 * @category counters
 */
export const sum = (payload: Stored["payload"], delta: number): number | undefined => {
  if (typeof payload !== "string" || !/^-?\d{1,16}$/.test(payload)) return undefined
  const total = Number(payload) + delta
  return Number.isSafeInteger(Number(payload)) && Number.isSafeInteger(total) ? total : undefined
}

interface Change {
  readonly next: Stored | undefined
  readonly result: boolean | number
}

/** What a mutation makes of what lies under its key; `undefined` if that is no counter. */
const apply = (
  mutation: Mutation,
  key: string,
  present: Stored | undefined,
  version: Version,
  nowMs: number
): Change | undefined => {
  const current = live(present, nowMs)
  switch (mutation._tag) {
    case "Put":
      return { next: written(mutation, key, current, mutation.payload, version, nowMs), result: true }
    case "Add": {
      const total = sum(current === undefined ? "0" : current.payload, mutation.delta)
      // Adding zero keeps -0 out: its JSON text is "0".
      return total === undefined
        ? undefined
        : { next: written(mutation, key, current, JSON.stringify(total), version, nowMs), result: total + 0 }
    }
    case "Touch":
      return current === undefined
        ? { next: present, result: false }
        : {
            next: { ...current, expiresAtMs: Ttl.expiresAtMs(mutation.deadline, nowMs, current.expiresAtMs) },
            result: true
          }
    case "Delete":
      return { next: undefined, result: current !== undefined }
    case "Install": {
      if (current !== undefined && current.version >= mutation.entry.version) return { next: present, result: false }
      const removes = mutation.entry.payload === undefined
      return {
        next: removes ? undefined : { ...mutation.entry, _tag: "Stored", key },
        result: !removes || current !== undefined
      }
    }
  }
}

const written = (
  { deadline }: Extract<Mutation, { readonly _tag: "Put" | "Add" }>,
  key: string,
  current: Stored | undefined,
  payload: NonNullable<Stored["payload"]>,
  version: Version,
  nowMs: number
): Stored => ({
  _tag: "Stored",
  // The text that is there already: what lies here lives long, and one copy of a key is enough.
  key: current?.key ?? key,
  version,
  createdAtMs: current?.createdAtMs ?? nowMs,
  updatedAtMs: nowMs,
  expiresAtMs: Ttl.expiresAtMs(deadline, nowMs, current === undefined ? "absent" : current.expiresAtMs),
  payload
})

const holds = (check: Check, lookup: (key: FullKey) => Stored | undefined, nowMs: number): boolean => {
  const current = live(lookup(check.key), nowMs)
  return check.version === "absent" ? current === undefined : current?.version === check.version
}

const live = (stored: Stored | undefined, nowMs: number): Stored | undefined =>
  stored !== undefined && Ttl.isLive(stored.expiresAtMs, nowMs) ? stored : undefined

const keyOf = (mutation: Mutation, version: Version): FullKey =>
  mutation._tag === "Put" && mutation.stamped ? extend(mutation.key, Atomic.stamped("", version)) : mutation.key

const refused = (outcome: Plan["outcome"]): Plan => ({ outcome, writes: [] })
