/**
 * Broken stores, each in one way, and the case that must find it out.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Subject } from "effect-state/testing"
import * as Atomic from "../../src/store/Atomic.ts"
import type { Commit, Mutation, Outcome, ReadResult, ScanOptions, Stored } from "../../src/store/Backend.ts"
import type { FullKey } from "../../src/store/Key.ts"
import type { FullRange } from "../../src/store/KeyRange.ts"
import { NotInteger } from "../../src/store/StateError.ts"
import * as StateStore from "../../src/store/StateStore.ts"
import * as Ttl from "../../src/store/Ttl.ts"
import type { Version } from "../../src/store/Version.ts"
import type * as Writes from "../../src/store/Writes.ts"
import { Plain } from "./PlainBackend.ts"

export interface Mutant {
  readonly flaw: string
  /** The name of the case that fails. */
  readonly killedBy: string
  readonly layer: Subject["layer"]
}

const ofBackend = (flaw: string, killedBy: string, Broken: new () => Plain): Mutant => ({
  flaw,
  killedBy,
  layer: (options) => new Broken().layer(options)
})

/** Breaks the service of a plain backend, in every namespace of it. */
const ofService = (
  flaw: string,
  killedBy: string,
  broken: (store: StateStore.Service) => Partial<StateStore.Service>
): Mutant => {
  const wrap = (store: StateStore.Service): StateStore.Service => ({
    ...store,
    ...broken(store),
    namespace: (segment, options) => wrap(store.namespace(segment, options))
  })
  return {
    flaw,
    killedBy,
    layer: (options) =>
      Layer.map(new Plain().layer(options), (context) => {
        const store = Context.get(context, StateStore.StateStore)
        return Context.make(StateStore.StateStore, wrap(store))
      })
  }
}

/** Commits with their mutations changed on the way. */
const rewriting = (rewrite: (mutation: Mutation) => Mutation): (new () => Plain) =>
  class extends Plain {
    override commitOne({ checks, mutations }: Commit, nowMs: number): Outcome {
      return super.commitOne({ checks, mutations: mutations.map(rewrite) }, nowMs)
    }
  }

const withDeadline = (change: (deadline: Ttl.Deadline) => Ttl.Deadline) =>
  rewriting((mutation) => ("deadline" in mutation ? { ...mutation, deadline: change(mutation.deadline) } : mutation))

const withChecks = (keep: (check: Commit["checks"][number]) => boolean): (new () => Plain) =>
  class extends Plain {
    override commitOne({ checks, mutations }: Commit, nowMs: number): Outcome {
      return super.commitOne({ checks: checks.filter(keep), mutations }, nowMs)
    }
  }

/** Writes with the new entry changed on the way. */
const writing = (change: (entry: Stored, before: Stored | undefined) => Stored): (new () => Plain) =>
  class extends Plain {
    override write(key: string, entry: Stored | undefined): void {
      super.write(key, entry && change(entry, this.entries.get(key)))
    }
  }

/** Outcomes changed on the way. */
const answering = (change: (outcome: Outcome, commit: Commit) => Outcome): (new () => Plain) =>
  class extends Plain {
    override commitOne(commit: Commit, nowMs: number): Outcome {
      return change(super.commitOne(commit, nowMs), commit)
    }
  }

const scanning = (change: (options: ScanOptions) => ScanOptions): (new () => Plain) =>
  class extends Plain {
    override scan(range: FullRange, options: ScanOptions, nowMs: number) {
      return super.scan(range, change(options), nowMs)
    }
  }

const expired = (entry: Stored, nowMs: number): boolean => !Ttl.isLive(entry.expiresAtMs, nowMs)

const time: ReadonlyArray<Mutant> = [
  ofBackend(
    "a time to live is ignored",
    "an entry lives until its deadline, and not a millisecond longer",
    withDeadline(() => Ttl.never)
  ),
  ofBackend(
    "an entry lives one millisecond too long",
    "an entry lives until its deadline, and not a millisecond longer",
    withDeadline((deadline) => ({ ...deadline, ttlMs: deadline.ttlMs && deadline.ttlMs + 1 }))
  ),
  ofBackend(
    "an entry still counts at its deadline",
    "an entry lives until its deadline, and not a millisecond longer",
    class extends Plain {
      override isLive(entry: Stored, nowMs: number): boolean {
        return entry.expiresAtMs === undefined || entry.expiresAtMs >= nowMs
      }
    }
  ),
  ofBackend(
    "the clock stands still",
    "an expired entry is not read",
    class extends Plain {
      #startMs: number | undefined
      override nowMs(clock: Parameters<Plain["nowMs"]>[0]): number {
        this.#startMs ??= super.nowMs(clock)
        return this.#startMs
      }
    }
  ),
  ofBackend(
    "keep clears the deadline",
    "keep keeps the deadline that is there",
    withDeadline((deadline) => ({ ...deadline, keep: false }))
  ),
  ofBackend(
    "set without a time to live keeps the old deadline",
    "set without a time to live clears an old deadline",
    withDeadline((deadline) => ({ ...deadline, keep: deadline.keep || deadline.ttlMs === undefined }))
  ),
  ofBackend(
    "the end of an entry is ignored",
    "an entry ends no later than its notAfterMs",
    withDeadline((deadline) => ({ ...deadline, notAfterMs: undefined }))
  ),
  ofBackend(
    "expire revives the expired",
    "an expired entry is not revived",
    class extends Plain {
      override commitOne(commit: Commit, nowMs: number): Outcome {
        for (const { _tag, key } of commit.mutations) {
          const entry = this.entries.get(key.text)
          if (_tag === "Touch" && entry !== undefined) this.entries.set(key.text, { ...entry, expiresAtMs: undefined })
        }
        return super.commitOne(commit, nowMs)
      }
    }
  ),
  ofBackend(
    "a check takes an expired entry for a live one",
    "a check finds an expired entry absent",
    class extends Plain {
      override commitOne(commit: Commit, nowMs: number): Outcome {
        return commit.checks.length > 0 ? super.commitOne(commit, 0) : super.commitOne(commit, nowMs)
      }
    }
  ),
  ofBackend(
    "expired entries are read",
    "an expired entry is not read",
    class extends Plain {
      override readOne(key: string): ReadResult {
        return super.readOne(key, 0)
      }
    }
  ),
  ofBackend(
    "expired entries are listed",
    "an expired entry is not listed",
    class extends Plain {
      override scan(range: FullRange, options: ScanOptions) {
        return super.scan(range, options, 0)
      }
    }
  ),
  ofBackend(
    "expired entries are counted",
    "an expired entry is not counted or cleared",
    class extends Plain {
      override count(range: FullRange): number {
        return super.count(range, 0)
      }
    }
  ),
  ofBackend(
    "pages come short where entries expired",
    "pages come full although entries expired",
    class extends Plain {
      override scan(range: FullRange, options: ScanOptions, nowMs: number) {
        const { items, more } = super.scan(range, options, 0)
        return { items: items.filter((item) => item._tag !== "Stored" || !expired(item, nowMs)), more }
      }
    }
  ),
  ofBackend(
    "sweep removes live entries",
    "sweep removes what is expired and nothing else",
    class extends Plain {
      override sweep(entriesMax: number) {
        return super.sweep(entriesMax, Number.POSITIVE_INFINITY)
      }
    }
  ),
  ofBackend(
    "sweep removes nothing",
    "sweep removes what is expired and nothing else",
    class extends Plain {
      override sweep() {
        return { removed: 0, more: false }
      }
    }
  ),
  ofBackend(
    "sweep does not stop at its limit",
    "backend: sweep removes no more than it may, and says whether to come again",
    class extends Plain {
      override sweep(_: number, nowMs: number) {
        return super.sweep(Number.MAX_SAFE_INTEGER, nowMs)
      }
    }
  )
]

const versions: ReadonlyArray<Mutant> = [
  ofBackend(
    "versions are not checked",
    "set with ifVersion writes only over that one",
    withChecks(({ version }) => version === "absent")
  ),
  ofBackend(
    "absence is not checked",
    "set if absent writes only where nothing is",
    withChecks(({ version }) => version !== "absent")
  ),
  ofBackend(
    "only the first check counts",
    "a check that fails changes nothing, and names its key",
    class extends Plain {
      override commitOne({ checks, mutations }: Commit, nowMs: number): Outcome {
        return super.commitOne({ checks: checks.slice(0, 1), mutations }, nowMs)
      }
    }
  ),
  ofBackend(
    "a version returns after a delete",
    "they rise across delete and re-creation",
    class extends Plain {
      override nextVersion({ mutations }: Commit): number {
        return 1 + Math.max(0, ...mutations.map(({ key }) => this.entries.get(key.text)?.version ?? 0))
      }
    }
  ),
  ofBackend(
    "a version returns after expiry",
    "they rise across expiry and re-creation, swept or not",
    class extends Plain {
      override sweep(entriesMax: number, nowMs: number) {
        const swept = super.sweep(entriesMax, nowMs)
        this.lastVersion = Math.max(0, ...[...this.entries.values()].map(({ version }) => version))
        return swept
      }
    }
  ),
  ofBackend(
    "an equal value keeps its version",
    "writing an equal value is a new one",
    writing((entry, before) =>
      before?.payload === entry.payload && before !== undefined ? { ...entry, version: before.version } : entry
    )
  ),
  ofBackend(
    "createdAt outlives the entry",
    "re-creation starts createdAt anew",
    class extends Plain {
      readonly #createdAtMs = new Map<string, number>()
      override write(key: string, entry: Stored | undefined): void {
        const createdAtMs = this.#createdAtMs.get(key) ?? entry?.createdAtMs ?? 0
        this.#createdAtMs.set(key, createdAtMs)
        super.write(key, entry && { ...entry, createdAtMs })
      }
    }
  ),
  ofBackend(
    "an update starts createdAt anew",
    "an update keeps createdAt and moves updatedAt",
    writing((entry) => ({ ...entry, createdAtMs: entry.updatedAtMs }))
  ),
  ofBackend(
    "expire makes a new version",
    "expire and persist keep version and updatedAt",
    class extends Plain {
      override commitOne(commit: Commit, nowMs: number): Outcome {
        const outcome = super.commitOne(commit, nowMs)
        for (const { _tag, key } of commit.mutations) {
          const entry = this.entries.get(key.text)
          if (_tag === "Touch" && entry !== undefined)
            this.entries.set(key.text, { ...entry, version: this.lastVersion as Version }) // It was one.
        }
        return outcome
      }
    }
  ),
  ofBackend(
    "expire moves updatedAt",
    "expire and persist keep version and updatedAt",
    class extends Plain {
      override commitOne(commit: Commit, nowMs: number): Outcome {
        const outcome = super.commitOne(commit, nowMs)
        for (const { _tag, key } of commit.mutations) {
          const entry = this.entries.get(key.text)
          if (_tag === "Touch" && entry !== undefined) this.entries.set(key.text, { ...entry, updatedAtMs: nowMs })
        }
        return outcome
      }
    }
  ),
  ofBackend(
    "an install takes an older version",
    "backend: install writes an entry as it is, if it is newer",
    class extends Plain {
      override commitOne(commit: Commit, nowMs: number): Outcome {
        for (const { _tag, key } of commit.mutations) if (_tag === "Install") this.entries.delete(key.text)
        return super.commitOne(commit, nowMs)
      }
    }
  ),
  ofBackend(
    "an install is forgotten by the counter",
    "backend: writes after an install have greater versions",
    class extends Plain {
      override write(key: string, entry: Stored | undefined): void {
        const { lastVersion } = this
        super.write(key, entry)
        this.lastVersion = lastVersion
      }
    }
  )
]

const order: ReadonlyArray<Mutant> = [
  ofBackend(
    "keys lie in the order of UTF-16 units",
    "keys lie in the order of their UTF-8 bytes",
    class extends Plain {
      override compare(a: string, b: string): number {
        return a < b ? -1 : a > b ? 1 : 0
      }
    }
  ),
  ofBackend(
    "keys lie in the order of a language",
    "keys lie in the order of their UTF-8 bytes",
    class extends Plain {
      override list(range: FullRange, nowMs: number) {
        return super.list(range, nowMs).toSorted((a, b) => a.key.localeCompare(b.key))
      }
    }
  ),
  ofBackend(
    "the limit is ignored",
    "a page has at most its limit, and every page but the last is full",
    scanning((options) => ({ ...options, limit: 1_000 }))
  ),
  ofBackend(
    "a page is one short",
    "a page has at most its limit, and every page but the last is full",
    scanning((options) => ({ ...options, limit: Math.max(1, options.limit - 1) }))
  ),
  ofBackend(
    "reverse is ignored",
    "ranges are half-open",
    scanning((options) => ({ ...options, reverse: false }))
  ),
  ofBackend(
    "a page starts at its cursor",
    "a page goes on behind its cursor although that entry is gone",
    class extends Plain {
      override isBehind(key: string, options: ScanOptions): boolean {
        return key === options.after || super.isBehind(key, options)
      }
      override write(key: string, entry: Stored | undefined): void {
        // The cursor's own entry stays where it was.
        if (entry !== undefined) super.write(key, entry)
      }
    }
  ),
  ofBackend(
    "a page skips one",
    "pages neither skip nor repeat what was there throughout",
    class extends Plain {
      override scan(range: FullRange, options: ScanOptions, nowMs: number) {
        const { items, more } = super.scan(range, { ...options, limit: options.limit + 1 }, nowMs)
        return { items: items.slice(options.after === undefined ? 0 : 1).slice(0, options.limit), more }
      }
    }
  ),
  ofBackend(
    "there is never a next page",
    "a stream of entries goes over more than one page",
    class extends Plain {
      override scan(range: FullRange, options: ScanOptions, nowMs: number) {
        return { ...super.scan(range, options, nowMs), more: false }
      }
    }
  ),
  ofBackend(
    "a range has its end",
    "ranges are half-open",
    class extends Plain {
      override inRange(range: FullRange, key: string): boolean {
        return key === range.end || super.inRange(range, key)
      }
    }
  ),
  ofBackend(
    "a range lacks its start",
    "ranges are half-open",
    class extends Plain {
      override inRange(range: FullRange, key: string): boolean {
        return key !== range.start && super.inRange(range, key)
      }
    }
  ),
  ofBackend(
    "% and _ in a prefix are wildcards",
    "a prefix is literal text",
    class extends Plain {
      override inRange(range: FullRange, key: string): boolean {
        const at = range.start.indexOf(":") + 1
        const wild = /^[%_]/.test(range.start.slice(at)) && key.startsWith(range.start.slice(0, at))
        return wild || super.inRange(range, key)
      }
    }
  ),
  ofBackend(
    "keys are compared without case",
    "any text is a key of its own",
    class extends Plain {
      override write(key: string, entry: Stored | undefined): void {
        for (const other of [...this.entries.keys()])
          if (other.toLowerCase() === key.toLowerCase()) this.entries.delete(other)
        super.write(key, entry)
      }
    }
  ),
  ofBackend(
    "keys are normalized",
    "any text is a key of its own",
    class extends Plain {
      override write(key: string, entry: Stored | undefined): void {
        for (const other of [...this.entries.keys()])
          if (other.normalize() === key.normalize()) this.entries.delete(other)
        super.write(key, entry)
      }
    }
  ),
  ofBackend(
    "keys are trimmed",
    "any text is a key of its own",
    class extends Plain {
      override write(key: string, entry: Stored | undefined): void {
        super.write(key.trimEnd(), entry)
      }
    }
  )
]

const atomic: ReadonlyArray<Mutant> = [
  ofBackend(
    "a failed commit has done its first part",
    "a commit with a bad change changes nothing",
    class extends Plain {
      override commitOne(commit: Commit, nowMs: number): Outcome {
        const outcome = super.commitOne(commit, nowMs)
        if (outcome._tag === "NotInteger")
          super.commitOne({ checks: [], mutations: commit.mutations.slice(0, 1) }, nowMs)
        return outcome
      }
    }
  ),
  ofBackend(
    "the changes of a commit apply backwards",
    "changes apply in order: the later one wins",
    class extends Plain {
      override commitOne({ checks, mutations }: Commit, nowMs: number): Outcome {
        const outcome = super.commitOne({ checks, mutations: mutations.toReversed() }, nowMs)
        return outcome._tag === "Committed" ? { ...outcome, results: outcome.results.toReversed() } : outcome
      }
    }
  ),
  ofBackend(
    "each change looks at what was there before the commit",
    "changes apply in order: the later one wins",
    class extends Plain {
      override commitOne(commit: Commit, nowMs: number): Outcome {
        const before = new Map(this.entries)
        const results = commit.mutations.map((mutation) => {
          const after = new Map(this.entries)
          this.entries.clear()
          for (const [key, entry] of before) this.entries.set(key, entry)
          const outcome = super.commitOne({ checks: [], mutations: [mutation] }, nowMs)
          for (const [key, entry] of after) if (key !== mutation.key.text) this.entries.set(key, entry)
          return outcome._tag === "Committed" ? (outcome.results[0] ?? false) : false
        })
        return { _tag: "Committed", version: this.lastVersion as Version, atMs: nowMs, results } // It was one.
      }
    }
  ),
  ofBackend(
    "a commit of many changes draws many versions",
    "a commit does all of its changes, under one version",
    class extends Plain {
      override write(key: string, entry: Stored | undefined): void {
        super.write(key, entry && { ...entry, version: (this.lastVersion + 1) as Version }) // Above a version.
      }
    }
  ),
  ofBackend(
    "a conflict names no keys",
    "a check that fails changes nothing, and names its key",
    answering((outcome) => (outcome._tag === "Conflict" ? { ...outcome, keys: [] } : outcome))
  ),
  ofBackend(
    "delete always finds something",
    "delete removes one key, and tells whether it was there",
    answering((outcome, { mutations }) =>
      outcome._tag === "Committed"
        ? { ...outcome, results: outcome.results.map((result, i) => mutations[i]?._tag === "Delete" || result) }
        : outcome
    )
  ),
  ofBackend(
    "expire always finds something",
    "nothing is under a key that was never written",
    answering((outcome, { mutations }) =>
      outcome._tag === "Committed"
        ? { ...outcome, results: outcome.results.map((result, i) => mutations[i]?._tag === "Touch" || result) }
        : outcome
    )
  ),
  ofBackend(
    "the last of a batch is lost",
    "many writers of many keys all find theirs",
    class extends Plain {
      override commit(batch: ReadonlyArray<Commit>, nowMs: number): ReadonlyArray<Outcome> {
        if (batch.length < 2) return super.commit(batch, nowMs)
        const outcomes = super.commit(batch.slice(0, -1), nowMs)
        return [...outcomes, ...outcomes.slice(-1)]
      }
    }
  ),
  ofBackend(
    "a conflict undoes its batch-mates",
    "backend: each commit of a batch has its own outcome",
    class extends Plain {
      override commit(batch: ReadonlyArray<Commit>, nowMs: number): ReadonlyArray<Outcome> {
        const before = new Map(this.entries)
        const outcomes = super.commit(batch, nowMs)
        if (outcomes.every(({ _tag }) => _tag === "Committed")) return outcomes
        this.entries.clear()
        for (const [key, entry] of before) this.entries.set(key, entry)
        return outcomes
      }
    }
  ),
  ofBackend(
    "a batch shares one version",
    "many writers at once all get their own",
    class extends Plain {
      override commit(batch: ReadonlyArray<Commit>, nowMs: number): ReadonlyArray<Outcome> {
        const { lastVersion } = this
        const outcomes = batch.map((commit) => {
          this.lastVersion = lastVersion
          return super.commitOne(commit, nowMs)
        })
        return outcomes
      }
    }
  ),
  ofBackend(
    "a batch is applied backwards",
    "backend: commits of one batch to one key apply in order, each under its own version",
    class extends Plain {
      override commit(batch: ReadonlyArray<Commit>, nowMs: number): ReadonlyArray<Outcome> {
        return super.commit(batch.toReversed(), nowMs).toReversed()
      }
    }
  ),
  ofBackend(
    "an add is lost when two meet in a batch",
    "a hundred adds at once are a hundred",
    class extends Plain {
      override commit(batch: ReadonlyArray<Commit>, nowMs: number): ReadonlyArray<Outcome> {
        const before = new Map(this.entries)
        return batch.map((commit) => {
          for (const { _tag, key } of commit.mutations) {
            const entry = before.get(key.text)
            if (_tag === "Add" && entry !== undefined) this.entries.set(key.text, entry)
          }
          return super.commitOne(commit, nowMs)
        })
      }
    }
  ),
  ofBackend(
    "add rounds large sums",
    "add keeps to safe integers",
    answering((outcome) =>
      outcome._tag === "Committed"
        ? {
            ...outcome,
            results: outcome.results.map((result) =>
              typeof result === "number" ? Number(result.toPrecision(13)) : result
            )
          }
        : outcome
    )
  ),
  ofBackend(
    "an append takes the plain key",
    "append makes keys in the order of their commits",
    rewriting((mutation) => (mutation._tag === "Put" ? { ...mutation, stamped: false } : mutation))
  ),
  ofService("add reads, then writes", "a hundred adds at once are a hundred", (store) => ({
    add: (key, delta) =>
      Effect.gen(function* () {
        const sum = Number(Option.getOrUndefined(yield* Effect.orDie(store.get(key)))?.value ?? 0) + delta
        if (!Number.isSafeInteger(sum))
          return yield* new NotInteger({ operation: "add", backend: "plain", keys: [key] })
        yield* store.set(key, sum, { ttl: "keep" })
        return sum
      })
  })),
  ofService("modify reads, then writes", "many modifies at once lose nothing", (store) => ({
    modify: (key, f) =>
      Effect.gen(function* () {
        const [result, decision] = yield* f(yield* store.get(key))
        if (decision._tag === "Write") yield* store.set(key, decision.value, decision.options)
        if (decision._tag === "Delete") yield* store.delete(key)
        return result
      })
  })),
  ofService("a commit is made change by change", "commits never show half of themselves", (store) => ({
    commit: (commit) =>
      Effect.map(
        Effect.forEach(commit.steps, (step) => store.commit({ ...Atomic.make, steps: [step] })),
        (all) => ({
          version: all[0]?.version ?? (0 as Version),
          atMs: 0,
          results: all.flatMap(({ results }) => results)
        }) // Nobody looks.
      )
  }))
]

const reads: ReadonlyArray<Mutant> = [
  ofBackend(
    "reads are stale",
    "setting again replaces",
    class extends Plain {
      readonly #seen = new Map<string, ReadResult>()
      override write(key: string, entry: Stored | undefined): void {
        this.#seen.set(key, this.entries.get(key) ?? entry)
        super.write(key, entry)
      }
      override readOne(key: string, nowMs: number): ReadResult {
        return this.#seen.has(key) ? this.#seen.get(key) : super.readOne(key, nowMs)
      }
    }
  ),
  ofBackend(
    "reads are answered once per key",
    "getMany answers in the order of its keys, absent and repeated ones included",
    class extends Plain {
      override read(keys: ReadonlyArray<FullKey>, nowMs: number): ReadonlyArray<ReadResult> {
        const texts = keys.map(({ text }) => text)
        return texts.map((text, i) => (texts.indexOf(text) === i ? this.readOne(text, nowMs) : undefined))
      }
    }
  ),
  ofBackend(
    "reads come in the order of keys",
    "getMany answers in the order of its keys, absent and repeated ones included",
    class extends Plain {
      override read(keys: ReadonlyArray<FullKey>, nowMs: number): ReadonlyArray<ReadResult> {
        return super.read(
          keys.toSorted((a, b) => this.compare(a.text, b.text)),
          nowMs
        )
      }
    }
  ),
  ofBackend(
    "bytes are shared with who wrote and read them",
    "backend: bytes and text are kept apart, each exactly",
    class extends Plain {
      override copy(entry: Stored): Stored {
        return entry
      }
    }
  ),
  ofBackend(
    "bytes become text",
    "backend: bytes and text are kept apart, each exactly",
    writing((entry) => ({
      ...entry,
      payload: typeof entry.payload === "object" ? Buffer.from(entry.payload).toString("latin1") : entry.payload
    }))
  ),
  ofBackend(
    "NUL ends a text",
    "any text comes back exactly",
    writing((entry) => ({
      ...entry,
      payload: typeof entry.payload === "string" ? entry.payload.replaceAll("\\u0000", "") : entry.payload
    }))
  ),
  ofBackend(
    "properties lose their order",
    "the order of properties is kept",
    writing((entry) => {
      const value: unknown = typeof entry.payload === "string" ? JSON.parse(entry.payload) : undefined
      const isRecord = typeof value === "object" && value !== null && !Array.isArray(value)
      return isRecord ? { ...entry, payload: JSON.stringify(Object.fromEntries(Object.entries(value).sort())) } : entry
    })
  ),
  ofBackend(
    "numbers are kept in 15 digits",
    "numbers come back exactly",
    writing((entry) => ({
      ...entry,
      payload:
        typeof entry.payload === "string"
          ? JSON.stringify(
              JSON.parse(entry.payload, (_, value) =>
                typeof value === "number" ? Number(value.toPrecision(15)) : value
              )
            )
          : entry.payload
    }))
  ),
  ofBackend(
    "a large value is cut",
    "a large value comes back whole",
    writing((entry) => ({
      ...entry,
      payload: entry.payload && entry.payload.length > 65_536 ? '"cut"' : entry.payload
    }))
  )
]

const services: ReadonlyArray<Mutant> = [
  ofBackend(
    "a closed store goes on",
    "a closed store is unavailable, and says so at once",
    class extends Plain {
      override close(): void {}
    }
  ),
  ofBackend(
    "the names of namespaces run into each other",
    "no namespace sees the keys of another",
    class extends Plain {
      override write(key: string, entry: Stored | undefined): void {
        const plain = key.replace("%2F", "/")
        super.write(plain, entry && { ...entry, key: plain })
      }
    }
  ),
  ofService("clear removes one page", "getMany, setMany and deleteMany take more than one batch", (store) => ({
    clear: (range) =>
      Effect.gen(function* () {
        const { entries } = yield* Effect.orDie(store.page(range))
        yield* Effect.orDie(store.deleteMany(entries.map(({ key }) => key)))
        return entries.length
      })
  })),
  ofService("setMany stops at the first that fails", "one bad item of setMany fails alone", (store) => ({
    setMany: (items) => {
      const bad = items.findIndex(({ key }) => key === "")
      return bad === -1 ? store.setMany(items) : store.setMany(items.slice(0, bad + 1))
    }
  })),
  ofService("what can't be watched looks quiet", "a change feed that is not there is Unsupported", () => ({
    watch: () => Stream.empty
  })),
  ofService("a pattern matches a part of the key", "patterns match whole keys", (store) => ({
    keys: (pattern) => store.keys(`${pattern}*`)
  })),
  ofBackend(
    "undecodable entries look absent",
    "backend: an undecodable entry is a DecodeError with its key, and the rest can be had",
    class extends Plain {
      override readOne(key: string, nowMs: number): ReadResult {
        const found = super.readOne(key, nowMs)
        return found?._tag === "Stored" && typeof found.payload === "object" ? undefined : found
      }
    }
  ),
  ofService("values are shared with who read them", "values are copies", (store) => {
    const seen = new Map<
      string,
      StateStore.Service["get"] extends (key: string) => Effect.Effect<infer A, infer _E> ? A : never
    >()
    return {
      get: (key) =>
        Effect.map(store.get(key), (found) => {
          const before = seen.get(key) ?? found
          seen.set(key, before)
          return before
        })
    }
  }),
  ofService(
    "set swallows what JSON would lose",
    "what JSON would lose is an EncodeError, and nothing is written",
    (store) => ({
      // JSON.parse gives what any set takes.
      set: ((key: string, value: unknown, options: Writes.SetOptions = {}) =>
        store.set(key, JSON.parse(JSON.stringify(value) ?? "null"), options)) as typeof store.set
    })
  )
]

export const mutants: ReadonlyArray<Mutant> = [...time, ...versions, ...order, ...atomic, ...reads, ...services]
