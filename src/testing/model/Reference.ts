/**
 * The model: what a store means, in as few words as possible, and sharing none with the stores it is compared to.
 *
 * @since 0.1.0
 */
import type { KeyRange } from "../../store/KeyRange.ts"
import type { At, Deadline, Step } from "./Command.ts"

/**
 * An entry. `write` numbers the writes of a run: it stands for the version, whose number is the store's own affair.
 *
 * @since 0.1.0
 * @category models
 */
export interface Item {
  readonly json: string
  readonly write: number
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly expiresAtMs: number | undefined
}

/**
 * What a call comes to: its result, or its error with the number of keys that it names.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome<A> = { readonly ok: A } | { readonly error: string; readonly keys?: number }

/**
 * A demand on a key: absent, or last written by this write.
 *
 * @since 0.1.0
 * @category models
 */
export interface Check {
  readonly at: At
  readonly write: number | "absent"
}

/**
 * What a transaction did: which write it was, and what each step found.
 *
 * @since 0.1.0
 * @category models
 */
export interface Done {
  readonly write: number
  readonly results: ReadonlyArray<boolean | number>
}

/**
 * @since 0.1.0
 * @category models
 */
export class Reference {
  nowMs: number
  readonly #defaultTtlMs: readonly [number | undefined, number | undefined]
  #items = new Map<string, Item>()
  #writes = 0

  /** With the default time to live of each of the two namespaces. */
  constructor(nowMs: number, defaultTtlMs: readonly [number | undefined, number | undefined]) {
    this.nowMs = nowMs
    this.#defaultTtlMs = defaultTtlMs
  }

  get(at: At): Item | undefined {
    const item = this.#items.get(name(at))
    return item !== undefined && (item.expiresAtMs === undefined || item.expiresAtMs > this.nowMs) ? item : undefined
  }

  transact(checks: ReadonlyArray<Check>, steps: ReadonlyArray<Step>): Outcome<Done> {
    for (const { at } of checks) if (isBadKey(at.key)) return { error: "InvalidKey" }
    for (const step of steps) {
      const error = problem(step)
      if (error === "NotInteger") return { error, keys: 1 }
      if (error !== undefined) return { error }
    }
    const failed = checks.filter(({ at, write }) => (this.get(at)?.write ?? "absent") !== write)
    if (failed.length > 0) return { error: "VersionConflict", keys: new Set(failed.map(({ at }) => name(at))).size }
    const before = new Map(this.#items)
    const write = ++this.#writes
    const results: Array<boolean | number> = []
    for (const step of steps) {
      const result = this.#apply(step, write)
      if (result === undefined) {
        this.#items = before
        return { error: "NotInteger", keys: 1 }
      }
      results.push(result)
    }
    return { ok: { write, results } }
  }

  /** The live keys of a range, in order. */
  list(space: 0 | 1, range: KeyRange): Outcome<ReadonlyArray<string>> {
    const { end, prefix, start } = range
    if (start !== undefined && end !== undefined && compare(start, end) > 0) return { error: "InvalidRange" }
    const keys = [...this.#items.keys()]
      .filter((full) => full[0] === String(space))
      .map((full) => full.slice(1))
      .filter((key) => this.get({ space, key }) !== undefined)
      .filter((key) => prefix === undefined || key.startsWith(prefix))
      .filter(
        (key) => (start === undefined || compare(start, key) <= 0) && (end === undefined || compare(key, end) < 0)
      )
    return { ok: keys.sort(compare) }
  }

  #apply(step: Step, write: number): boolean | number | undefined {
    const { at } = step
    const item = this.get(at)
    switch (step._tag) {
      case "Set":
        this.#put(at, JSON.stringify(step.value), write, step.deadline)
        return true
      case "Add": {
        const count: unknown = item === undefined ? 0 : JSON.parse(item.json)
        if (typeof count !== "number" || !Number.isSafeInteger(count)) return undefined
        if (!Number.isSafeInteger(count + step.delta)) return undefined
        this.#put(at, String(count + step.delta), write, { ttl: "keep", notAfterInMs: undefined })
        return count + step.delta
      }
      case "Delete":
        this.#items.delete(name(at))
        return item !== undefined
      default: {
        if (item === undefined) return false
        const ttl = step._tag === "Persist" ? Number.POSITIVE_INFINITY : step.ttl
        this.#items.set(name(at), { ...item, expiresAtMs: this.#end(at, { ttl, notAfterInMs: undefined }) })
        return true
      }
    }
  }

  #put(at: At, json: string, write: number, deadline: Deadline): void {
    this.#items.set(name(at), {
      json,
      write,
      createdAtMs: this.get(at)?.createdAtMs ?? this.nowMs,
      updatedAtMs: this.nowMs,
      expiresAtMs: this.#end(at, deadline)
    })
  }

  #end(at: At, { notAfterInMs, ttl }: Deadline): number | undefined {
    const ends: Array<number | undefined> = []
    const item = this.get(at)
    if (ttl === "keep" && item !== undefined) ends.push(item.expiresAtMs)
    else {
      const ttlMs = ttl === undefined || ttl === "keep" ? this.#defaultTtlMs[at.space] : ttl
      ends.push(ttlMs === undefined ? undefined : this.nowMs + Math.ceil(ttlMs))
    }
    if (notAfterInMs !== undefined) ends.push(this.nowMs + notAfterInMs)
    const end = Math.min(...ends.map((end) => end ?? Number.POSITIVE_INFINITY))
    return Number.isFinite(end) ? end : undefined
  }
}

/**
 * Whether no store takes this for a key.
 *
 * @since 0.1.0
 * @category guards
 */
export const isBadKey = (key: string): boolean => key === "" || key.includes("\0") || !key.isWellFormed()

/**
 * What is wrong with a step before anything is looked at.
 *
 * @since 0.1.0
 * @category guards
 */
export const problem = (step: Step): string | undefined => {
  if (isBadKey(step.at.key)) return "InvalidKey"
  const ttl = step._tag === "Set" ? step.deadline.ttl : step._tag === "Expire" ? step.ttl : undefined
  if (typeof ttl === "number" && !(ttl > 0)) return "InvalidTtl"
  if (step._tag === "Set" && isBadValue(step.value)) return "EncodeError"
  return step._tag === "Add" && !Number.isSafeInteger(step.delta) ? "NotInteger" : undefined
}

const isBadValue = (value: unknown): boolean =>
  value === undefined || typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value))

/**
 * The order of keys.
 *
 * @since 0.1.0
 * @category order
 */
export const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/**
 * One name for a key of both namespaces.
 *
 * @since 0.1.0
 * @category keys
 */
export const name = ({ key, space }: At): string => `${space}${key}`
