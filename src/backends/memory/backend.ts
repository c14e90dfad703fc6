/**
 * The memory backend: a `Map` of entries, and an ordered index of their keys.
 *
 * Every primitive runs without a break, so that it is atomic by itself. A removed entry leaves no trace: versions come from
 * a counter of the store, and so never return.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as RedBlackTree from "effect/RedBlackTree"
import type * as Scope from "effect/Scope"
import {
  type Backend,
  type Commit,
  type Fault,
  fault,
  type Outcome,
  type ScanOptions,
  type Stored
} from "../../store/Backend.ts"
import type { FullKey } from "../../store/Key.ts"
import type { FullRange } from "../../store/KeyRange.ts"
import * as Plan from "../../store/Plan.ts"
import * as Ttl from "../../store/Ttl.ts"
import * as Utf8 from "../../store/Utf8.ts"
import type { Version } from "../../store/Version.ts"

/**
 * A backend of its own, by the clock of the effect that makes it. Closing the scope forgets its entries and refuses later
 * calls.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Backend, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Effect.clock
  const nowMs = () => clock.unsafeCurrentTimeMillis()
  const state = new State()
  let closed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
      state.clear()
    })
  )
  const read = (key: FullKey) => (closed ? closedFault : state.read(key, nowMs))
  const commit = (commit: Commit) => (closed ? closedFault : state.commit(commit, nowMs()))
  const unlessClosed = <A>(answer: () => A): Effect.Effect<A, Fault> =>
    Effect.suspend(() => (closed ? Effect.fail(closedFault) : Effect.succeed(answer())))
  return {
    name: "memory",
    capabilities: {
      changes: "none",
      placementOf: undefined,
      coalesce: undefined,
      batchReadsMax: 1_000,
      batchCommitsMax: 1_000,
      commitStepsMax: 1_000,
      valueBytesMax: 64 * 1_024 * 1_024
    },
    now: { read, commit },
    read: (keys) => Effect.sync(() => keys.map(read)),
    commit: (batch) => Effect.sync(() => batch.map(commit)),
    scan: (range, options) => unlessClosed(() => state.scan(range, options, nowMs())),
    count: (range) => unlessClosed(() => state.count(range, nowMs())),
    sweep: (entriesMax) => unlessClosed(() => state.sweep(entriesMax, nowMs())),
    info: unlessClosed(() => ({ nowMs: nowMs(), server: "memory", entriesApprox: state.size }))
  }
})

const closedFault = fault("unavailable", "it is closed")

class State {
  readonly #entries = new Map<string, Stored>()
  #index = RedBlackTree.empty<string, undefined>(Utf8.order)
  readonly #lookup = (key: string): Stored | undefined => this.#entries.get(key)
  #version = 0
  #swept: Iterator<Stored> = this.#entries.values()

  get size(): number {
    return this.#entries.size
  }

  clear(): void {
    this.#entries.clear()
    this.#index = RedBlackTree.empty<string, undefined>(Utf8.order)
  }

  /** Most entries never expire, and reading the clock takes as long as finding one. */
  read({ text }: FullKey, nowMs: () => number): Stored | undefined {
    const entry = this.#entries.get(text)
    return entry !== undefined && (entry.expiresAtMs === undefined || Ttl.isLive(entry.expiresAtMs, nowMs()))
      ? copy(entry)
      : undefined
  }

  commit(commit: Commit, nowMs: number): Outcome {
    const version = (this.#version + 1) as Version // It counts up from one.
    const { outcome, writes } = Plan.make(commit, this.#lookup, version, nowMs)
    if (outcome._tag === "Committed") this.#version = Plan.versionMax(commit, version)
    for (const [key, entry] of writes) {
      if (entry === undefined) this.#remove(key)
      else this.#put(key, entry)
    }
    return outcome
  }

  scan(range: FullRange, { after, limit, reverse }: ScanOptions, nowMs: number) {
    const items: Array<Stored> = []
    for (const entry of this.#live(range, after, reverse, nowMs)) {
      if (items.length === limit) return { items, more: true }
      items.push(copy(entry))
    }
    return { items, more: false }
  }

  count(range: FullRange, nowMs: number): number {
    let count = 0
    for (const _ of this.#live(range, undefined, false, nowMs)) count++
    return count
  }

  /**
   * Looks at a bounded number of entries, from where the last step ended to the end of the map; a map's iterator bears
   * what is written meanwhile.
   */
  sweep(entriesMax: number, nowMs: number) {
    let removed = 0
    for (let looked = 0; looked < entriesMax * looksPerRemoval && removed < entriesMax; looked++) {
      const next = this.#swept.next()
      if (next.done === true) {
        this.#swept = this.#entries.values()
        return { removed, more: false }
      }
      if (Ttl.isLive(next.value.expiresAtMs, nowMs)) continue
      this.#remove(next.value.key)
      removed++
    }
    return { removed, more: true }
  }

  *#live(range: FullRange, after: string | undefined, reverse: boolean, nowMs: number): Generator<Stored> {
    for (const [key] of reverse
      ? RedBlackTree.lessThanReversed(this.#index, after ?? range.end)
      : after === undefined
        ? RedBlackTree.greaterThanEqual(this.#index, range.start)
        : RedBlackTree.greaterThan(this.#index, after)) {
      if (Utf8.compare(key, reverse ? range.start : range.end) < 0 === reverse) return
      const entry = this.#entries.get(key)
      if (entry !== undefined && Ttl.isLive(entry.expiresAtMs, nowMs)) yield entry
    }
  }

  #put(key: string, entry: Stored): void {
    if (!this.#entries.has(key)) this.#index = RedBlackTree.insert(this.#index, key, undefined)
    this.#entries.set(key, copy(entry))
  }

  #remove(key: string): void {
    if (this.#entries.delete(key)) this.#index = RedBlackTree.removeFirst(this.#index, key)
  }
}

/** How many entries a step of the sweep may look at for each that it may remove. */
const looksPerRemoval = 10

/** Text can't be changed, bytes can: those that lie here are nobody else's. */
const copy = (entry: Stored): Stored =>
  typeof entry.payload === "object" ? { ...entry, payload: entry.payload.slice() } : entry
