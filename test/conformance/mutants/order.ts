/**
 * Stores that are wrong about order, ranges and keys.
 */
import type { ScanOptions, Stored } from "../../../src/store/Backend.ts"
import type { FullRange } from "../../../src/store/KeyRange.ts"
import { Plain } from "../PlainBackend.ts"
import { type Mutant, ofBackend, scanning } from "./Mutant.ts"

export const order: ReadonlyArray<Mutant> = [
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
