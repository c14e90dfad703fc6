/**
 * A backend as plain as can be, made of parts that a mutant can replace. It does what a server's driver does and the
 * memory backend doesn't: calls take a while, are gathered, and batches are small.
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Backend, Commit, Fault, Outcome, Page, ReadResult, ScanOptions, Stored } from "../../src/store/Backend.ts"
import { fault } from "../../src/store/Backend.ts"
import type { FullKey } from "../../src/store/Key.ts"
import type { FullRange } from "../../src/store/KeyRange.ts"
import * as Plan from "../../src/store/Plan.ts"
import * as StateStore from "../../src/store/StateStore.ts"
import { Version } from "../../src/store/Version.ts"

export class Plain {
  readonly entries = new Map<string, Stored>()
  lastVersion = 0
  closed = false

  nowMs(clock: Clock.Clock): number {
    return clock.unsafeCurrentTimeMillis()
  }

  isLive(entry: Stored, nowMs: number): boolean {
    return entry.expiresAtMs === undefined || entry.expiresAtMs > nowMs
  }

  compare(a: string, b: string): number {
    return Buffer.compare(Buffer.from(a), Buffer.from(b))
  }

  copy(entry: Stored): Stored {
    return typeof entry.payload === "object" ? { ...entry, payload: entry.payload.slice() } : entry
  }

  nextVersion(_commit: Commit): number {
    return this.lastVersion + 1
  }

  run(commit: Commit, version: Version, nowMs: number): Outcome {
    const place: Plan.Place = {
      lookup: ({ text }) => this.entries.get(text),
      write: ({ text }, entry) => this.write(text, entry)
    }
    return Plan.run(commit, place, version, nowMs)
  }

  write(key: string, entry: Stored | undefined): void {
    if (entry === undefined) {
      this.entries.delete(key)
    } else {
      this.entries.set(key, this.copy(entry))
      this.lastVersion = Math.max(this.lastVersion, entry.version)
    }
  }

  commitOne(commit: Commit, nowMs: number): Outcome {
    const version = this.nextVersion(commit)
    const outcome = this.run(commit, Version(version), nowMs)
    if (outcome._tag === "Committed") this.lastVersion = Math.max(this.lastVersion, version)
    return outcome
  }

  commit(batch: ReadonlyArray<Commit>, nowMs: number): ReadonlyArray<Outcome> {
    return batch.map((commit) => this.commitOne(commit, nowMs))
  }

  readOne(key: string, nowMs: number): ReadResult {
    const entry = this.entries.get(key)
    return entry !== undefined && this.isLive(entry, nowMs) ? this.copy(entry) : undefined
  }

  read(keys: ReadonlyArray<FullKey>, nowMs: number): ReadonlyArray<ReadResult> {
    return keys.map(({ text }) => this.readOne(text, nowMs))
  }

  inRange(range: FullRange, key: string): boolean {
    return this.compare(range.start, key) <= 0 && this.compare(key, range.end) < 0
  }

  /** The live entries of a range, in order. */
  list(range: FullRange, nowMs: number): ReadonlyArray<Stored> {
    return [...this.entries.values()]
      .filter((entry) => this.inRange(range, entry.key) && this.isLive(entry, nowMs))
      .sort((a, b) => this.compare(a.key, b.key))
  }

  isBehind(key: string, { after, reverse }: ScanOptions): boolean {
    if (after === undefined) return true
    return reverse ? this.compare(key, after) < 0 : this.compare(key, after) > 0
  }

  scan(range: FullRange, options: ScanOptions, nowMs: number): Page {
    const listed = this.list(range, nowMs)
    const found = (options.reverse ? listed.toReversed() : listed).filter(({ key }) => this.isBehind(key, options))
    return { items: found.slice(0, options.limit).map(this.copy), more: found.length > options.limit }
  }

  count(range: FullRange, nowMs: number): number {
    return this.list(range, nowMs).length
  }

  sweep(entriesMax: number, nowMs: number): { readonly removed: number; readonly more: boolean } {
    const expired = [...this.entries.values()].filter((entry) => !this.isLive(entry, nowMs)).slice(0, entriesMax)
    for (const { key } of expired) this.entries.delete(key)
    return { removed: expired.length, more: expired.length === entriesMax }
  }

  close(): void {
    this.closed = true
  }

  readonly backend = Effect.gen(this, function* () {
    const clock = yield* Effect.clock
    yield* Effect.addFinalizer(() => Effect.sync(() => this.close()))
    const later = <A>(closed: Effect.Effect<A, Fault>, answer: (nowMs: number) => A): Effect.Effect<A, Fault> =>
      Effect.zipRight(
        Effect.yieldNow(),
        Effect.suspend(() => (this.closed ? closed : Effect.sync(() => answer(this.nowMs(clock)))))
      )
    const refuse = Effect.fail(fault("unavailable", "it is closed"))
    const refuseEach = (items: ReadonlyArray<unknown>) =>
      Effect.map(Effect.flip(refuse), (closed) => items.map(() => closed))
    const backend: Backend = {
      name: "plain",
      capabilities: {
        changes: "none",
        placementOf: undefined,
        coalesce: { readsMax: 16, commitsMax: 8, inFlightMax: 2 },
        batchReadsMax: 64,
        batchCommitsMax: 32,
        commitStepsMax: 200,
        valueBytesMax: 8 * 1_024 * 1_024
      },
      // What refuses each fails never.
      read: (keys) => Effect.orDie(later<ReadonlyArray<ReadResult>>(refuseEach(keys), (now) => this.read(keys, now))),
      commit: (batch) =>
        Effect.orDie(later<ReadonlyArray<Outcome>>(refuseEach(batch), (now) => this.commit(batch, now))),
      scan: (range, options) => later(refuse, (now) => this.scan(range, options, now)),
      count: (range) => later(refuse, (now) => this.count(range, now)),
      sweep: (entriesMax) => later(refuse, (now) => this.sweep(entriesMax, now)),
      info: later(refuse, (nowMs) => ({ nowMs, server: "plain", entriesApprox: this.entries.size }))
    }
    return backend
  })

  layer(options: StateStore.Options): Layer.Layer<StateStore.StateStore, unknown> {
    return Layer.scoped(
      StateStore.StateStore,
      Effect.flatMap(this.backend, (backend) => StateStore.make(backend, options))
    )
  }
}
