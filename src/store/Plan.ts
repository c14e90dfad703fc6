/**
 * What a commit does, for backends that run this code where the state is: which checks hold, and what each mutation makes
 * of the entry it meets. The backend looks up, and writes what comes out.
 *
 * @since 0.1.0
 */
import * as Atomic from "./Atomic.ts"
import {
  type Check,
  type Commit,
  type Fault,
  fault,
  type Mutation,
  type Outcome,
  type Stored,
  type Unreadable
} from "./Backend.ts"
import { extend, type FullKey } from "./Key.ts"
import * as Ttl from "./Ttl.ts"
import type { Version } from "./Version.ts"

/**
 * Where a commit happens: what lies under a full key, expired or not, and what is to lie there in place of what was
 * `present`; `undefined` is nothing.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place<Present extends Stored | Unreadable = Stored | Unreadable> {
  readonly lookup: (key: FullKey) => Present | undefined
  readonly write: (key: FullKey, entry: Stored | undefined, present: Present | undefined) => void
}

/**
 * Carries out a commit. Nothing is written before all of it is known to happen, and then in order; `version` is the one to
 * give.
 *
 * @since 0.1.0
 * @category planning
 */
export const run = <Present extends Stored | Unreadable>(
  { checks, mutations }: Commit,
  place: Place<Present>,
  version: Version,
  nowMs: number
): Outcome => {
  const conflicts = checks.length === 0 ? checks : checks.filter((check) => !holds(check, place, nowMs))
  if (conflicts.length > 0) return { _tag: "Conflict", keys: conflicts.map(({ key }) => key.text) }
  const mutation = mutations[0] // By index: taking an array apart goes through its iterator.
  if (mutation !== undefined && mutations.length === 1) return runOne(mutation, place, version, nowMs)
  const results: Array<boolean | number> = []
  // What the mutations so far made of their keys.
  const written = new Map<string, readonly [FullKey, Stored | undefined, Present | undefined]>()
  for (const mutation of mutations) {
    const key = keyOf(mutation, version)
    const earlier = written.get(key.text)
    const present = earlier === undefined ? place.lookup(key) : earlier[2]
    const current = earlier === undefined ? present : earlier[1]
    const change = meet(mutation, key.text, current, version, nowMs)
    if (change === undefined) return { _tag: "NotInteger", keys: [key.text] }
    if ("_tag" in change) return change
    if (change.next !== current) written.set(key.text, [key, change.next, present])
    results.push(change.result)
  }
  for (const [key, entry, present] of written.values()) place.write(key, entry, present)
  return { _tag: "Committed", version, atMs: nowMs, results }
}

/** A single mutation, as most commits have, meets nothing but what is there. */
const runOne = <Present extends Stored | Unreadable>(
  mutation: Mutation,
  place: Place<Present>,
  version: Version,
  nowMs: number
): Outcome => {
  const key = keyOf(mutation, version)
  const present = place.lookup(key)
  const change = meet(mutation, key.text, present, version, nowMs)
  if (change === undefined) return { _tag: "NotInteger", keys: [key.text] }
  if ("_tag" in change) return change
  if (change.next !== present) place.write(key, change.next, present)
  return { _tag: "Committed", version, atMs: nowMs, results: change.result === true ? done : [change.result] }
}

const done: ReadonlyArray<boolean> = [true]

/**
 * The greatest version that a commit brings: its own, or one that it installs from elsewhere, if only for a removal. A later
 * commit must get a greater one.
 *
 * @since 0.1.0
 * @category planning
 */
export const versionMax = ({ mutations }: Commit, version: Version): Version => {
  let max = version
  for (const mutation of mutations) {
    if (mutation._tag === "Install" && mutation.entry.version > max) max = mutation.entry.version
  }
  return max
}

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

/** What a mutation makes of what lies under its key; `undefined` if that is no counter. What can't be read is replaced. */
const meet = (
  mutation: Mutation,
  key: string,
  present: Stored | Unreadable | undefined,
  version: Version,
  nowMs: number
): Change | Fault | undefined => {
  if (present?._tag !== "Unreadable") return apply(mutation, key, present, version, nowMs)
  if (mutation._tag === "Touch") return untouchable
  if (mutation._tag === "Add") return undefined
  const change = apply(mutation, key, undefined, version, nowMs)
  return change && { ...change, result: true }
}

const untouchable = fault("failure", "a value whose deadline was to change was not written by this store")

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

const holds = (check: Check, place: Pick<Place, "lookup">, nowMs: number): boolean => {
  const present = place.lookup(check.key)
  if (present?._tag === "Unreadable") return false
  const current = live(present, nowMs)
  return check.version === "absent" ? current === undefined : current?.version === check.version
}

const live = (stored: Stored | undefined, nowMs: number): Stored | undefined =>
  stored !== undefined && Ttl.isLive(stored.expiresAtMs, nowMs) ? stored : undefined

const keyOf = (mutation: Mutation, version: Version): FullKey =>
  mutation._tag === "Put" && mutation.stamped ? extend(mutation.key, Atomic.stamped("", version)) : mutation.key
