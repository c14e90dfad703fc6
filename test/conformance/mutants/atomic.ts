/**
 * Stores that do things by halves.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Commit, Outcome, Stored } from "../../../src/store/Backend.ts"
import { NotInteger } from "../../../src/store/StateError.ts"
import type { Version } from "../../../src/store/Version.ts"
import { Plain } from "../PlainBackend.ts"
import { answering, type Mutant, ofBackend, ofService, rewriting } from "./Mutant.ts"

export const atomic: ReadonlyArray<Mutant> = [
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
          return yield* new NotInteger({ operation: "add", backend: "plain", keys: [String(key)] })
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
        Effect.forEach(commit.steps, (step) => store.commit({ ...commit, steps: [step] })),
        (all) => ({
          version: all[0]?.version ?? (0 as Version),
          atMs: 0,
          results: all.flatMap(({ results }) => results)
        }) // Nobody looks.
      )
  }))
]
