/**
 * Stores that give back something else.
 */
import type { ReadResult, Stored } from "../../../src/store/Backend.ts"
import type { FullKey } from "../../../src/store/Key.ts"
import { Plain } from "../PlainBackend.ts"
import { type Mutant, ofBackend, writing } from "./Mutant.ts"

export const reads: ReadonlyArray<Mutant> = [
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
