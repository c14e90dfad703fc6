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
  closedFault,
  type Fault,
  type Outcome,
  type Payload,
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

/** The entries of a namespace by their keys in it: those come with their hash, the full text would be put together first. */
type Space = Map<string, Cell>

class State {
  readonly #spaces = new Map<string, Space>()
  #index = RedBlackTree.empty<string, Cell>(Utf8.order)
  readonly #lookup = ({ namespace, local }: FullKey): Cell | undefined => this.#spaces.get(namespace.start)?.get(local)
  readonly #place: Plan.Place<Cell> = {
    lookup: this.#lookup,
    write: (key, entry, present) => {
      if (entry === undefined) this.#remove(key.namespace.start, key.local)
      else if (present !== undefined) present.write(entry)
      else this.#add(key, entry)
    }
  }
  #version = 0
  #swept = this.#cells()

  get size(): number {
    return RedBlackTree.size(this.#index)
  }

  clear(): void {
    this.#spaces.clear()
    this.#index = RedBlackTree.empty<string, Cell>(Utf8.order)
  }

  /** Most entries never expire, and reading the clock takes as long as finding one. */
  read(key: FullKey, nowMs: () => number): Stored | undefined {
    const cell = this.#lookup(key)
    return cell !== undefined && (cell.expiresAtMs === undefined || Ttl.isLive(cell.expiresAtMs, nowMs()))
      ? cell.read()
      : undefined
  }

  commit(commit: Commit, nowMs: number): Outcome {
    const version = (this.#version + 1) as Version // It counts up from one.
    const outcome = Plan.run(commit, this.#place, version, nowMs)
    if (outcome._tag === "Committed") this.#version = Plan.versionMax(commit, version)
    return outcome
  }

  scan(range: FullRange, { after, limit, reverse }: ScanOptions, nowMs: number) {
    const items: Array<Stored> = []
    for (const cell of this.#live(range, after, reverse, nowMs)) {
      if (items.length === limit) return { items, more: true }
      items.push(cell.read())
    }
    return { items, more: false }
  }

  count(range: FullRange, nowMs: number): number {
    let count = 0
    for (const _ of this.#live(range, undefined, false, nowMs)) count++
    return count
  }

  /**
   * Looks at entries for a bounded time, from where the last step ended to the end of the last map; a map's iterator bears
   * what is written meanwhile.
   */
  sweep(entriesMax: number, nowMs: number) {
    let removed = 0
    const untilMs = performance.now() + sweepMsMax
    while (removed < entriesMax && performance.now() < untilMs) {
      const next = this.#swept.next()
      if (next.done === true) {
        this.#swept = this.#cells()
        return { removed, more: false }
      }
      const { start, local, cell } = next.value
      if (Ttl.isLive(cell.expiresAtMs, nowMs)) continue
      this.#remove(start, local)
      removed++
    }
    return { removed, more: true }
  }

  *#cells(): Generator<{ readonly start: string; readonly local: string; readonly cell: Cell }> {
    for (const [start, space] of this.#spaces) {
      for (const [local, cell] of space) yield { start, local, cell }
    }
  }

  *#live(range: FullRange, after: string | undefined, reverse: boolean, nowMs: number): Generator<Cell> {
    for (const [key, cell] of reverse
      ? RedBlackTree.lessThanReversed(this.#index, after ?? range.end)
      : after === undefined
        ? RedBlackTree.greaterThanEqual(this.#index, range.start)
        : RedBlackTree.greaterThan(this.#index, after)) {
      if (Utf8.compare(key, reverse ? range.start : range.end) < 0 === reverse) return
      if (Ttl.isLive(cell.expiresAtMs, nowMs)) yield cell
    }
  }

  #add(key: FullKey, entry: Stored): void {
    const cell = new Cell(entry)
    const { start } = key.namespace
    const space = this.#spaces.get(start)
    if (space === undefined) this.#spaces.set(start, new Map([[key.local, cell]]))
    else space.set(key.local, cell)
    this.#index = RedBlackTree.insert(this.#index, cell.key, cell)
  }

  #remove(start: string, local: string): void {
    const space = this.#spaces.get(start)
    const cell = space?.get(local)
    if (space === undefined || cell === undefined) return
    space.delete(local)
    if (space.size === 0) this.#spaces.delete(start)
    this.#index = RedBlackTree.removeFirst(this.#index, cell.key)
  }
}

/** An entry where it lies. Writes change it in place: to replace what lives long would keep the collector busy. */
class Cell implements Stored {
  readonly _tag = "Stored"
  readonly key: string
  version: Version
  createdAtMs: number
  updatedAtMs: number
  expiresAtMs: number | undefined
  payload: Payload | undefined

  constructor({ key, version, createdAtMs, updatedAtMs, expiresAtMs, payload }: Stored) {
    this.key = key
    this.version = version
    this.createdAtMs = createdAtMs
    this.updatedAtMs = updatedAtMs
    this.expiresAtMs = expiresAtMs
    this.payload = copy(payload)
  }

  write({ version, createdAtMs, updatedAtMs, expiresAtMs, payload }: Stored): void {
    this.version = version
    this.createdAtMs = createdAtMs
    this.updatedAtMs = updatedAtMs
    this.expiresAtMs = expiresAtMs
    this.payload = copy(payload)
  }

  read(): Stored {
    const { key, version, createdAtMs, updatedAtMs, expiresAtMs, payload } = this
    return { _tag: "Stored", key, version, createdAtMs, updatedAtMs, expiresAtMs, payload: copy(payload) }
  }
}

/** Text can't be changed, bytes can: those that lie here are nobody else's. */
const copy = (payload: Payload | undefined): Payload | undefined =>
  typeof payload === "object" ? payload.slice() : payload

/** For how long a step of the sweep may hold the process up, in milliseconds: not all entries and machines are equally fast. */
const sweepMsMax = 2
