/**
 * Clients in a process of their own: `client <options> <seed>`. Each line of the input asks for a run, and is answered by a
 * line before each operation, one after it, and an empty one when the run is over.
 */
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { StateStore as StateStore_ } from "effect-state"
import { StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import { RedisStore } from "effect-state/redis"
import { SqliteStore } from "effect-state/sqlite"
import type { Action, Result } from "./History.ts"
import type { Line, Run, StoreAt } from "./Protocol.ts"

const [storeText = "", seed = ""] = process.argv.slice(2)
const at: StoreAt = JSON.parse(storeText)

const layer = () => {
  const timeouts = { commandTimeout: 250, connectTimeout: 1_000, sweep: false } as const
  switch (at.kind) {
    case "sqlite":
      return SqliteStore.layer({ filename: at.filename, busyTimeout: 250 })
    case "redis":
      return RedisStore.layer({ url: at.url, ...timeouts })
    case "postgres":
      return PostgresStore.layer({ url: at.url, maxConnections: 3, ...timeouts })
  }
}

/** In one piece and at once: what was called, and what returned, is known to the parent when this process is killed. */
const print = (line: Line | "") => writeSync(1, line === "" ? "\n" : `${JSON.stringify(line)}\n`)
const nowNs = () => Number(process.hrtime.bigint())

const perform = (store: StateStore_.Service, key: string, action: Action) => {
  switch (action._tag) {
    case "Get":
      return Effect.map(
        store.get(key),
        Option.match({
          onNone: (): Result => ({ _tag: "Absent" }),
          onSome: ({ value, version }): Result => ({ _tag: "Found", value: Number(value), version })
        })
      )
    case "Set":
      return Effect.map(store.set(key, action.value), (version): Result => ({ _tag: "Written", version }))
    case "Swap":
      return store.set(key, action.value, { ifVersion: action.expected as StateStore_.Version | "absent" }).pipe(
        Effect.map((version): Result => ({ _tag: "Written", version })),
        Effect.catchTag("VersionConflict", () => Effect.succeed<Result>({ _tag: "Conflict" }))
      )
    case "Delete":
      return Effect.map(store.delete(key), (wasThere): Result => ({ _tag: "Deleted", wasThere }))
    case "Add":
      return Effect.map(store.add(key, action.delta), (sum): Result => ({ _tag: "Added", sum }))
  }
}
