/**
 * Services that are wrong above their backend.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { AtomicKey } from "../../../src/store/Atomic.ts"
import type { ReadResult, Stored } from "../../../src/store/Backend.ts"
import type * as StateStore from "../../../src/store/StateStore.ts"
import type * as Writes from "../../../src/store/Writes.ts"
import { Plain } from "../PlainBackend.ts"
import { type Mutant, ofBackend, ofService } from "./Mutant.ts"

export const services: ReadonlyArray<Mutant> = [
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
      AtomicKey,
      StateStore.Service["get"] extends (key: AtomicKey) => Effect.Effect<infer A, infer _E> ? A : never
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
  ),
  ofService(
    "a commit that is too large is made in parts",
    "a commit whose values together are too large is refused, and nothing of it is written",
    (store) => ({
      commit: (atomic) =>
        Effect.catchIf(store.commit(atomic), isTooLarge, () =>
          Effect.map(
            Effect.forEach(atomic.steps, (step) => store.commit({ ...atomic, steps: [step] })),
            // Of several steps, the last.
            (committed) => committed.at(-1) as Writes.Committed
          )
        )
    })
  )
]

const isTooLarge = (error: { readonly _tag: string }) => error._tag === "CommitTooLarge"
