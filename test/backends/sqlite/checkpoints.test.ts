import * as fs from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { StateStore } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import * as Checkpoints from "../../../src/backends/sqlite/checkpoints.ts"
import { temporaryFile } from "./support.ts"

const open = (filename: string) => SqliteStore.make({ filename, sweep: false })

const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (condition() ? Effect.void : Effect.zipRight(Effect.sleep("5 millis"), until(condition))))

const items = Array.from({ length: 1_000 }, (_, i) => ({ key: `k${i}`, value: "v".repeat(300) }))

/** Writes, until the file has it: it grows by checkpoints alone, and these few pages are none to a commit. */
const copied = (store: StateStore.Service, filename: string) =>
  Effect.zipRight(
    store.setMany(items),
    until(() => fs.statSync(filename).size > 300 * items.length)
  )

describe("SQLite checkpoints", () => {
  it.live("copy what many writes left in the log into the file, though no commit finds the log at its limit", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open(filename)
          yield* copied(store, filename)
          assert.isBelow(fs.statSync(`${filename}-wal`).size, 4_000 * 4_096)
        })
      )
      // Who closes the file last, and that is the store, takes the log with it.
      assert.isFalse(fs.existsSync(`${filename}-wal`))
      const db = new Database(filename, { readonly: true })
      assert.deepStrictEqual(db.prepare("SELECT count(*) FROM effect_state").pluck().all(), [items.length])
      db.close()
    }).pipe(Effect.scoped)
  )

  it.live("have ended when the store is closed, in whatever they are stopped", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 5; round++) {
        const filename = yield* temporaryFile
        yield* Effect.scoped(
          Effect.gen(function* () {
            const store = yield* open(filename)
            yield* copied(store, filename)
            yield* store.setMany(items)
          })
        )
        assert.isFalse(fs.existsSync(`${filename}-wal`))
      }
    }).pipe(Effect.scoped)
  )

  it.live("end also while somebody goes on writing", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      new Database(filename).close()
      const scope = yield* Scope.make()
      const written = yield* Scope.extend(Checkpoints.make(filename), scope)
      written(Checkpoints.rowsBetween)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Effect.yieldNow()
      written(Checkpoints.rowsBetween)
      yield* Fiber.join(closing).pipe(Effect.timeout("5 seconds"))
    }).pipe(Effect.scoped)
  )

  it.live("do not need their file for a commit to succeed", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* open(filename)
          fs.renameSync(filename, `${filename}.elsewhere`)
          for (let round = 0; round < 3; round++) assert.lengthOf(yield* store.setMany(items), items.length)
          fs.renameSync(`${filename}.elsewhere`, filename)
        })
      )
    }).pipe(Effect.scoped)
  )
})
