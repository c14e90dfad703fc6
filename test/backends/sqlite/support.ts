import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import Database from "better-sqlite3"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { SqliteStore } from "effect-state/sqlite"

/** A store on a handle of its own, which does not sweep unless it is told to. */
export const open = (options: Partial<SqliteStore.Options> & { readonly filename: string }) =>
  SqliteStore.make({ sweep: false, ...options })

/** A handle of the test's own, to look behind the store's back. */
export const raw = (filename: string) =>
  Effect.acquireRelease(
    Effect.sync(() => new Database(filename)),
    (db) => Effect.sync(() => db.close())
  )

export const client = (filename: string) => SqliteClient.layer({ filename })

/** The name of a file in a directory of its own, which the scope removes. */
export const temporaryFile = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "effect-state-"))),
    (directory) => Effect.sync(() => fs.rmSync(directory, { recursive: true, force: true }))
  ),
  (directory) => path.join(directory, "state.db")
)

/**
 * Runs a test with a wait until a store that it builds has found its file locked several times: whenever it does, it draws how
 * long it pauses.
 */
export const withLocksSeen = <A, E, R>(
  test: (locksSeen: Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Deferred.make<void>(), (seen) => {
    let pauses = 0
    const random: Random.Random = Object.create(Random.make("pauses"), {
      next: {
        value: Effect.suspend(() => (++pauses < 3 ? Effect.void : Deferred.succeed(seen, undefined))).pipe(
          Effect.as(0.5)
        )
      }
    })
    return Effect.withRandom(test(Deferred.await(seen)), random)
  })
