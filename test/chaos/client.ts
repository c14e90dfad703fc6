/**
 * Clients in a process of their own: `client <options> <seed>`. Each line of the input asks for a run, and is answered by a
 * line before each operation, one after it, and an empty one when the run is over.
 */
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import { StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import { RedisStore } from "effect-state/redis"
import { SqliteStore } from "effect-state/sqlite"
import type * as StateError from "../../src/store/StateError.ts"
import type { Version } from "../../src/store/Version.ts"
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

/** At once: what was called, and what returned, is known to the parent when this process is killed. */
const print = (line: Line | "") => {
  let left = Buffer.from(line === "" ? "\n" : `${JSON.stringify(line)}\n`)
  while (left.length > 0) left = left.subarray(writeNow(left))
}

/** To wait for, in vain, without the event loop. */
const nobody = new Int32Array(new SharedArrayBuffer(4))

/** How much of it the pipe took; it may be full while the parent is busy. */
const writeNow = (bytes: Uint8Array): number => {
  try {
    return writeSync(1, bytes)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) throw error
    Atomics.wait(nobody, 0, 0, 1)
    return 0
  }
}

const nowNs = () => Number(process.hrtime.bigint())

/** A version that a store gave, come back. */
const versionOf = (expected: number | "absent") => expected as Version | "absent"

const perform = (
  store: StateStore.Service,
  key: string,
  action: Action
): Effect.Effect<Result, StateError.ReadError | StateError.WriteError | StateError.NotInteger> => {
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
      return store.set(key, action.value, { ifVersion: versionOf(action.expected) }).pipe(
        Effect.map((version): Result => ({ _tag: "Written", version })),
        Effect.catchTag("VersionConflict", () => Effect.succeed<Result>({ _tag: "Conflict" }))
      )
    case "Delete":
      return Effect.map(store.delete(key), (wasThere): Result => ({ _tag: "Deleted", wasThere }))
    case "Add":
      return Effect.map(store.add(key, action.delta), (sum): Result => ({ _tag: "Added", sum }))
  }
}

const choose = (told: number | "absent", value: number) =>
  Effect.gen(function* () {
    const choice = yield* Random.nextIntBetween(0, 10)
    if (choice < 3) return { _tag: "Get" } as const
    if (choice < 5) return { _tag: "Set", value } as const
    if (choice < 7) return { _tag: "Swap", value, expected: told } as const
    if (choice < 8) return { _tag: "Delete" } as const
    return { _tag: "Add", delta: yield* Random.nextIntBetween(1, deltaMax) } as const
  })

// Each write has a value of its own, and adds hardly ever the same sum: so what is read tells what was done.
const valueStep = 1e9
const deltaMax = 1e6
const attemptsMax = 10_000

const client = (store: StateStore.Service, run: Run, number: number) =>
  Effect.gen(function* () {
    const name = `${run.process}.${run.life}/${number}`
    const first = ((run.process * 100 + run.life) * run.clients + number) * attemptsMax
    const told = new Map<string, number | "absent">()
    let attempts = 0
    for (let n = 0; n < run.operations; ) {
      const key = `${run.history}.${yield* Random.nextIntBetween(0, run.keys)}`
      const value = (first + ++attempts) * valueStep
      if (attempts > attemptsMax || !Number.isSafeInteger(value + valueStep)) throw new Error("too many attempts")
      const action = yield* choose(told.get(key) ?? "absent", value)
      const id = `${name}/${attempts}`
      print({ _tag: "Called", id, client: name, key, calledNs: nowNs(), action })
      const outcome = yield* Effect.either(perform(store, key, action))
      const returnedNs = nowNs()
      if (outcome._tag === "Right") {
        const result = outcome.right
        print({ _tag: "Returned", id, returnedNs, result })
        if ("version" in result) told.set(key, result.version)
        else if (result._tag === "Absent") told.set(key, "absent")
        n++
      } else if (outcome.left._tag === "StoreUnavailable") {
        const isUnknown = outcome.left.outcome === "unknown" && action._tag !== "Get"
        if (isUnknown) print({ _tag: "Returned", id, returnedNs, result: { _tag: "Unknown" } })
        else print({ _tag: "Dropped", id })
        // What did nothing is no operation: the client waits a little and goes on.
        if (isUnknown) n++
        else yield* Effect.sleep("5 millis")
      } else return yield* outcome.left
    }
  })

/** A server may be down at the start, too. */
const program = Effect.gen(function* () {
  const store = yield* StateStore.StateStore
  const lines = createInterface(process.stdin)[Symbol.asyncIterator]()
  for (;;) {
    const line = yield* Effect.promise(() => lines.next())
    if (line.done === true) return
    const run: Run = JSON.parse(line.value)
    const numbers = Array.from({ length: run.clients }, (_, number) => number)
    yield* Effect.forEach(numbers, (number) => client(store, run, number), { concurrency: "unbounded", discard: true })
    print("")
  }
}).pipe(Effect.withRandom(Random.make(seed)))

const opened = Layer.retry(
  layer(),
  Schedule.addDelay(Schedule.recurs(100), () => "50 millis")
)

Effect.runPromise(Effect.provide(program, opened)).catch((error) => {
  console.error(error)
  // The input is still open, and would keep it alive.
  process.exit(1)
})
