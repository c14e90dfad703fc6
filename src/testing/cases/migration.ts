/**
 * Migrating in bulk: each entry is upgraded once, keeps its deadline, and gives way to whoever writes in between.
 */
import { strict as assert } from "node:assert"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Migration from "../../state/migration/Migration.ts"
import * as Versioned from "../../state/migration/Versioned.ts"
import { type Case, entry, failure, numbered, storeCase, value } from "../Case.ts"

const nothingLost = storeCase("nothing lost")
const atomic = storeCase("atomic")

const N = Schema.Struct({ n: Schema.Number })
const Plus = Versioned.make(N).next(N, ({ n }) => ({ n: n + 1 }))

const old = (n: number) => ({ "~v": "1", value: { n } })
const now = (n: number) => ({ "~v": "2", value: { n } })

export const migrationCases: ReadonlyArray<Case> = [
  nothingLost("a bulk migration upgrades every entry once, and keeps its deadline", (store) =>
    Effect.gen(function* () {
      const keys = numbered("k", 60)
      yield* store.setMany(keys.map((key, i) => ({ key, value: old(i), ttl: "1 hour" })))
      const { expiresAtMs } = yield* entry(store, "k007")
      const runs = yield* Effect.all(
        Arr.replicate(Migration.migrateAll(store, Plus, { batch: 25, resume: false }), 3),
        {
          concurrency: "unbounded"
        }
      )
      assert.equal(
        runs.reduce((sum, { upgraded }) => sum + upgraded, 0),
        60
      )
      for (const [i, key] of keys.entries()) assert.deepEqual(yield* value(store, key), now(i + 1))
      assert.equal((yield* entry(store, "k007")).expiresAtMs, expiresAtMs)
    })
  ),
  atomic("a bulk migration never writes over a concurrent writer", (store) =>
    Effect.gen(function* () {
      const keys = numbered("k", 40)
      yield* store.setMany(keys.map((key, i) => ({ key, value: old(i) })))
      const write = Effect.forEach(keys, (key, i) => store.set(key, now(1000 + i)), { concurrency: 4 })
      yield* Effect.all([Migration.migrateAll(store, Plus, { batch: 10 }), write], { concurrency: "unbounded" })
      for (const [i, key] of keys.entries()) assert.deepEqual(yield* value(store, key), now(1000 + i))
    })
  ),
  nothingLost("quarantine and back is one move, with the deadline", (store) =>
    Effect.gen(function* () {
      yield* store.set("bad", "?", { ttl: "1 hour" })
      const { expiresAtMs } = yield* entry(store, "bad")
      assert.equal((yield* Migration.migrateAll(store, Plus)).quarantined, 1)
      assert.equal(yield* store.exists("bad"), false)
      const quarantine = yield* Migration.quarantine(store)
      assert.equal(Option.getOrThrow(yield* quarantine.get("bad")).value, "?")
      yield* store.set("bad", now(1))
      yield* failure(quarantine.restore("bad"), "VersionConflict")
      yield* store.delete("bad")
      assert.equal(yield* quarantine.restore("bad"), true)
      const restored = yield* entry(store, "bad")
      assert.deepEqual([restored.value, restored.expiresAtMs], ["?", expiresAtMs])
      assert.equal(yield* quarantine.count, 0)
    })
  )
]
