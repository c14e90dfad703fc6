/**
 * Stores that are wrong about versions.
 */
import type { Commit, Outcome, Stored } from "../../../src/store/Backend.ts"
import type { Version } from "../../../src/store/Version.ts"
import { Plain } from "../PlainBackend.ts"
import { type Mutant, ofBackend, withChecks, writing } from "./Mutant.ts"

export const versions: ReadonlyArray<Mutant> = [
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
