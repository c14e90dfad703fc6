/**
 * The store's primitives on a connection, each a plain function that runs without a break and throws what the driver throws.
 *
 * **Versions.** A write gives its key a version above its row's and above the *floor*, a number kept beside the entries;
 * every commit raises the floor to its version, but for unconditional puts, and so does the sweeper to the versions of what
 * it removes. So the versions of a key rise strictly: while its row is there, from the row; once it was removed, from the
 * floor, which is at least what the row had. This holds across processes, since row and floor are in the file, and it makes
 * the most frequent commit, one put, a single statement that writes a single page.
 *
 * A transaction of the app that is rolled back takes rows and floor back with it, but not from whoever saw the versions. So
 * a version is also above all that this engine gave before.
 *
 * @since 0.1.0
 */
import * as Atomic from "../../store/Atomic.ts"
import type {
  Commit,
  Info,
  Mutation,
  Outcome,
  ReadResult,
  ScanOptions,
  Select,
  Stored,
  Unreadable
} from "../../store/Backend.ts"
import type { FullKey } from "../../store/Key.ts"
import type { FullRange } from "../../store/KeyRange.ts"
import * as Plan from "../../store/Plan.ts"
import * as Ttl from "../../store/Ttl.ts"
import type { Version } from "../../store/Version.ts"
import { lonePut, type Put, Puts, versionOf } from "./puts.ts"
import { item, unpack, unpackAll } from "./row.ts"
import type { Scans, Statements } from "./schema.ts"
import * as Sizes from "./sizes.ts"

/**
 * The rows that a scan's first statement looks at, expired ones included: as many as the largest page has.
 *
 * @since 0.1.0
 * @category limits
 */
export const scanRowsMax = 1_000

/**
 * The rows that each step of a longer scan looks at.
 *
 * @since 0.1.0
 * @category limits
 */
export const stepRowsMax = 2_000

/**
 * @since 0.1.0
 * @category models
 */
export interface ScanStep {
  readonly items: ReadonlyArray<Stored | Unreadable>
  /** The last key looked at, if the range goes on behind it. */
  readonly reached: string | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export class Engine {
  readonly #sql: Statements
  readonly #nowMs: () => number
  readonly #puts: Puts

  constructor(statements: Statements, nowMs: () => number) {
    this.#sql = statements
    this.#nowMs = nowMs
    this.#puts = new Puts(statements, nowMs)
  }

  read({ namespace, text }: FullKey, select: Select): ReadResult {
    // A codec's bytes can't be packed.
    const packed = select === "entry" && namespace.codec === undefined ? this.#sql.packed(text) : null
    if (packed === undefined) return undefined
    const read = unpack(text, packed, select) ?? this.#readColumns(text, select)
    // Most entries never expire, and need no clock.
    return read?._tag === "Stored" && read.expiresAtMs === undefined ? read : live(read, this.#nowMs())
  }

  #readColumns(key: string, select: Select): Stored | Unreadable | undefined {
    const row = select === "entry" ? this.#sql.entry(key) : this.#sql.meta(key)
    return row && item(key, row, select)
  }

  /** Several keys by one statement: on an app's connection a statement costs more than the rows it finds. */
  readMany(keys: ReadonlyArray<FullKey>, select: Select): ReadonlyArray<ReadResult> {
    const nowMs = this.#nowMs()
    const texts = keys.map(({ text }) => text)
    const rows = this.#sql.packedMany[select](JSON.stringify(texts))
    const read = texts.map((text, i) => unpack(text, rows[i], select))
    const others = this.#readColumnsOf(
      texts.filter((_, i) => read[i] === undefined && rows[i] !== 0),
      select
    )
    return texts.map((text, i) => live(read[i] ?? others.get(text), nowMs))
  }

  #readColumnsOf(keys: ReadonlyArray<string>, select: Select): Map<string, Stored | Unreadable> {
    const rows = keys.length === 0 ? [] : this.#sql.many[select](JSON.stringify(keys))
    return new Map(rows.map((row) => [String(row[5]), item(String(row[5]), row, select)]))
  }

  /** An unconditional put as a statement that commits by itself; `undefined` for any other commit. */
  commitAlone(commit: Commit): Outcome | undefined {
    const put = lonePut(commit)
    return put && this.#puts.alone(put)
  }

  /**
   * Commits that are an unconditional put each, which leave the floor as it is; `undefined` if one is none. To be called
   * inside a transaction.
   */
  commitPuts(batch: ReadonlyArray<Commit>): ReadonlyArray<Outcome> | undefined {
    const puts: Array<Put> = []
    for (const commit of batch) {
      const put = lonePut(commit)
      if (put === undefined) return undefined
      puts.push(put)
    }
    return this.#puts.all(puts, this.floor)
  }

  /** Commits one after the other; to be called inside a transaction. */
  commit(batch: ReadonlyArray<Commit>): ReadonlyArray<Outcome> {
    const before = this.floor
    let floor = before
    const outcomes = batch.map((commit) => {
      const result = this.#commitOne(commit, floor)
      floor = result.floor
      return result.outcome
    })
    if (floor !== before) this.#sql.setFloor(floor)
    return outcomes
  }

  /** Commits one; to be called inside a transaction. */
  commitOne(commit: Commit): Outcome {
    const before = this.floor
    const { floor, outcome } = this.#commitOne(commit, before)
    if (floor !== before) this.#sql.setFloor(floor)
    return outcome
  }

  #commitOne(commit: Commit, floor: number): { readonly outcome: Outcome; readonly floor: number } {
    const nowMs = this.#nowMs()
    const present = this.#present(commit)
    const version = this.#draw(commit, present, floor)
    const place: Plan.Place = {
      lookup: ({ text }) => present.get(text),
      write: ({ text }, entry) => {
        if (entry === undefined) return void this.#sql.delete(text)
        const { version, createdAtMs, updatedAtMs, expiresAtMs, payload } = entry
        this.#sql.put(text, version, createdAtMs, updatedAtMs, expiresAtMs ?? null, payload ?? null)
      }
    }
    const outcome = Plan.run(commit, place, version, nowMs)
    if (outcome._tag !== "Committed") return { outcome, floor }
    const raised = Plan.versionMax(commit, version)
    this.#puts.meet(raised)
    return { outcome, floor: raised }
  }

  /** What lies under the keys of a commit, before it. */
  #present({ checks, mutations }: Commit): Map<string, Stored | Unreadable | undefined> {
    const present = new Map<string, Stored | Unreadable | undefined>()
    for (const { key } of checks) present.set(key.text, this.#readColumns(key.text, "meta"))
    for (const mutation of mutations) {
      const key = mutation.key.text
      const needsPayload = mutation._tag === "Add" || mutation._tag === "Touch"
      if (isStamped(mutation) || (present.has(key) && !needsPayload)) continue
      present.set(key, this.#readColumns(key, needsPayload ? "entry" : "meta"))
    }
    return present
  }

  /** A version above all given here, the floor and all rows that the commit meets; under it, appended keys are known, too. */
  #draw({ mutations }: Commit, present: Map<string, Stored | Unreadable | undefined>, floor: number): Version {
    this.#puts.meet(floor)
    let version = this.#puts.next
    for (const entry of present.values()) if (entry?._tag === "Stored") version = Math.max(version, entry.version + 1)
    for (let settled = false; !settled; ) {
      settled = true
      for (const mutation of mutations) {
        if (!isStamped(mutation)) continue
        const key = Atomic.stamped(mutation.key.text, version as Version) // Above a version, and so positive.
        const entry = this.#readColumns(key, "meta")
        present.set(key, entry)
        if (entry?._tag !== "Stored" || entry.version < version) continue
        version = entry.version + 1
        settled = false
        break
      }
    }
    return version as Version // A safe integer for as long as the rows' versions are.
  }

  /** While it stays as it is, nothing is removed that was live: only commits do that which raise it. */
  get floor(): number {
    const floor = this.#sql.floor()?.[0]
    if (typeof floor !== "number" || !Number.isSafeInteger(floor)) throw new TypeError("the version counter is gone")
    return floor
  }

  /** A bounded part of a range's live entries, in order, by one statement: in between, one could move to another key. */
  scan(range: FullRange, options: ScanOptions): ScanStep {
    const nowMs = this.#nowMs()
    const rowsMax = Math.min(options.limit, scanRowsMax)
    const read = itemsIn(this.#sql.scans[options.select], range, options, nowMs, rowsMax)
    const items = read.flatMap((item) => live(item, nowMs) ?? [])
    return { items, reached: read.length === rowsMax ? read.at(-1)?.key : undefined }
  }

  /** The live entries among so many rows, or in all of the range: as many as the page takes, by one statement, too. */
  scanLive(range: FullRange, options: ScanOptions, rowsMax: number | "all"): ScanStep {
    const [last] = rowsMax === "all" ? [] : rowsIn(this.#sql.keyAt, range, options, [], rowsMax - 1)
    const reached = last === undefined ? undefined : String(last)
    const items = itemsIn(
      this.#sql.liveScans[options.select],
      reached === undefined ? range : upTo(range, reached, options.reverse),
      options,
      this.#nowMs(),
      options.limit
    )
    return { items, reached }
  }

  /** The number of live entries in a bounded part of a range. */
  count(range: FullRange, after: string | undefined) {
    const statement = after === undefined ? this.#sql.countFirst : this.#sql.countNext
    const row = statement(this.#nowMs(), after ?? range.start, range.end, countRowsMax)
    const [looked, last, count] = row ?? []
    return { count: Number(count ?? 0), reached: looked === countRowsMax ? String(last) : undefined }
  }

  get hasExpired(): boolean {
    return this.#sql.anyExpired(this.#nowMs()) !== undefined
  }

  /** To be called inside a transaction. */
  sweep(entriesMax: number): { readonly removed: number; readonly more: boolean } {
    const nowMs = this.#nowMs()
    const stepMax = Math.min(entriesMax, sweepRowsMax)
    const versions = this.#sql.sweep(nowMs, nowMs, stepMax).map(versionOf)
    const floor = this.floor
    const raised = versions.reduce((max, version) => Math.max(max, version), floor)
    if (raised > floor) this.#sql.setFloor(raised)
    return { removed: versions.length, more: versions.length === stepMax }
  }

  info(): Info {
    return { nowMs: this.#nowMs(), ...Sizes.read(this.#sql) }
  }
}

const countRowsMax = 5_000
const sweepRowsMax = 250

const itemsIn = (
  { packed, columns }: Statements["scans"][Select],
  range: FullRange,
  options: ScanOptions,
  nowMs: number,
  rowsMax: number
): ReadonlyArray<Stored | Unreadable> =>
  unpackAll(rowsIn(packed, range, options, [nowMs], rowsMax), options.select) ??
  rowsIn(columns, range, options, [nowMs], rowsMax).map((row) => item(String(row[5]), row, options.select))

const rowsIn = <A>(
  { first, next, reverse }: Scans<A>,
  { start, end }: FullRange,
  options: ScanOptions,
  time: ReadonlyArray<number>,
  limit: number
): ReadonlyArray<A> => {
  const { after } = options
  if (options.reverse) return reverse(...time, start, after ?? end, limit)
  return after === undefined ? first(...time, start, end, limit) : next(...time, after, end, limit)
}

/** The part of a range up to a key and with it: as keys have no NUL, the next text after one is the key with a NUL. */
const upTo = (range: FullRange, key: string, reverse: boolean): FullRange =>
  reverse ? { ...range, start: key } : { ...range, end: `${key}\0` }

const live = (read: Stored | Unreadable | undefined, nowMs: number): Stored | Unreadable | undefined =>
  read?._tag === "Stored" && !Ttl.isLive(read.expiresAtMs, nowMs) ? undefined : read

const isStamped = (mutation: Mutation): mutation is Put => mutation._tag === "Put" && mutation.stamped
