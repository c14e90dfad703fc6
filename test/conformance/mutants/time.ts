/**
 * Stores that are wrong about time.
 */
import type { Commit, Outcome, ReadResult, ScanOptions, Stored } from "../../../src/store/Backend.ts"
import type { FullRange } from "../../../src/store/KeyRange.ts"
import * as Ttl from "../../../src/store/Ttl.ts"
import { Plain } from "../PlainBackend.ts"
import { expired, type Mutant, ofBackend, withDeadline } from "./Mutant.ts"

export const time: ReadonlyArray<Mutant> = [
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
