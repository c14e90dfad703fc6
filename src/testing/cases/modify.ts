/**
 * Read-modify-write: nobody's change is lost.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Modification from "../../store/Modification.ts"
import { type Case, entry, storeCase, value } from "../Case.ts"

const atomic = storeCase("atomic")

/**
 * @since 0.1.0
 * @category cases
 */
export const modifyCases: ReadonlyArray<Case> = [
  atomic("modify writes what its function decides, and gives its answer", (store) =>
    Effect.gen(function* () {
      const first = yield* store.modify("a", (current) =>
        Effect.succeed([Option.isNone(current), Modification.write({ n: 1 })])
      )
      assert.equal(first, true)
      const second = yield* store.modify("a", (current) => {
        const found = Option.getOrThrow(current)
        return Effect.succeed([[found.key, found.value], Modification.write({ n: 2 })])
      })
      assert.deepEqual(second, ["a", { n: 1 }])
      assert.deepEqual(yield* value(store, "a"), { n: 2 })
    })
  ),
  atomic("modify can delete, or leave things be", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      const before = yield* entry(store, "a")
      assert.equal(yield* store.modify("a", () => Effect.succeed(["kept", Modification.keep])), "kept")
      assert.deepEqual(yield* entry(store, "a"), before)
      assert.equal(yield* store.modify("a", () => Effect.succeed(["gone", Modification.delete])), "gone")
      assert.equal(yield* store.exists("a"), false)
      yield* store.modify("a", () => Effect.succeed([0, Modification.delete]))
      yield* store.modify("a", () => Effect.succeed([0, Modification.keep]))
      assert.equal(yield* store.exists("a"), false)
    })
  ),
  atomic("a modify whose function fails changes nothing", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      const before = yield* entry(store, "a")
      assert.equal(yield* Effect.flip(store.modify("a", () => Effect.fail("no" as const))), "no")
      yield* Effect.exit(store.modify("a", () => Effect.die("bug")))
      yield* Effect.exit(store.modify("a", () => Effect.interrupt))
      assert.deepEqual(yield* entry(store, "a"), before)
    })
  ),
  atomic("modify looks again when somebody was faster", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      const seen: Array<unknown> = []
      yield* store.modify("a", (current) =>
        Effect.gen(function* () {
          const n = Number(Option.getOrThrow(current).value)
          seen.push(n)
          if (seen.length === 1) yield* store.set("a", 10)
          return [undefined, Modification.write(n + 1)] as const
        })
      )
      assert.deepEqual(seen, [1, 10])
      assert.equal(yield* value(store, "a"), 11)
    })
  ),
  atomic("modify notices that its entry came, went, or came back", (store) =>
    Effect.gen(function* () {
      const meddle = (meddler: Effect.Effect<unknown, unknown>) =>
        Effect.gen(function* () {
          let runs = 0
          yield* store.modify("a", (current) =>
            Effect.gen(function* () {
              if (runs++ === 0) yield* meddler
              return [undefined, Modification.write(Option.isSome(current) ? "over" : "new")] as const
            })
          )
          return [runs, yield* value(store, "a")]
        })
      assert.deepEqual(yield* meddle(store.set("a", 1)), [2, "over"])
      assert.deepEqual(yield* meddle(store.delete("a")), [2, "new"])
      assert.deepEqual(yield* meddle(Effect.zipRight(store.delete("a"), store.set("a", "new"))), [2, "over"])
      assert.deepEqual(yield* meddle(store.expire("a", "1 hour")), [1, "over"])
      assert.notEqual((yield* entry(store, "a")).expiresAtMs, undefined)
    })
  ),
  atomic("many modifies at once lose nothing", (store) =>
    Effect.gen(function* () {
      const push = (i: number) =>
        store.modify("a", (current) => {
          const list = Option.match(current, {
            onNone: () => [],
            onSome: ({ value }) => value as ReadonlyArray<number>
          }) // Only push writes here.
          return Effect.succeed([list.length, Modification.write([...list, i])])
        })
      const members = Array.from({ length: 24 }, (_, i) => i)
      yield* Effect.forEach(members, push, { concurrency: "unbounded" })
      const list = (yield* value(store, "a")) as ReadonlyArray<number> // As above.
      assert.deepEqual(
        list.toSorted((a, b) => a - b),
        members
      )
    })
  )
]
