/**
 * The projects that install the package: what each imports, and what it has installed beside `effect` for it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ServerError } from "../servers/ServerError.ts"
import * as SharedServers from "../servers/SharedServers.ts"

export interface Consumer {
  readonly name: string
  /** The packages that it depends on, beside `effect-state` and `effect`. What they need comes with them. */
  readonly peers: ReadonlyArray<string>
  readonly program: string
  /** The URL of the server that the program is given as `STATE_URL`. */
  readonly url?: Effect.Effect<string, ServerError, Scope.Scope> | undefined
  /** Set where the declarations of the packages that it has installed contradict each other. */
  readonly skipLibCheck?: boolean | undefined
  /** Set where the program is only type-checked, because it runs in a test runner. */
  readonly typesOnly?: boolean | undefined
}

/** A program that writes and reads through a layer, and prints what it read. */
const writesAndReads = (imports: string, layer: string): string => `
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { StateStore } from "effect-state"
${imports}

const program = Effect.gen(function* () {
  const store = yield* StateStore.StateStore
  yield* store.set("greeting", { hello: "world" })
  const entry = yield* store.get("greeting")
  console.log(JSON.stringify(Option.getOrThrow(entry).value))
})

await Effect.runPromise(Effect.provide(program, ${layer}))
`

const fromEnvironment = `{ url: process.env["STATE_URL"] ?? "" }`

/** What {@link writesAndReads} prints. */
export const printed = `{"hello":"world"}\n`

export const consumers: ReadonlyArray<Consumer> = [
  {
    name: "effect-state",
    peers: [],
    program: writesAndReads(`import { MemoryStore } from "effect-state"`, "MemoryStore.layer()")
  },
  {
    name: "effect-state for declarations of its own",
    peers: [],
    program: `
import * as Effect from "effect/Effect"
import type { Entry, StateError } from "effect-state"
import { Atomic, StateStore } from "effect-state"

export const page = Effect.flatMap(StateStore.StateStore, (store) => store.page({}))
export const commit = Effect.flatMap(StateStore.StateStore, (store) =>
  store.commit(Atomic.make.pipe(Atomic.check("key", "absent"), Atomic.set("key", 1)))
)

console.log(JSON.stringify({ hello: "world" }))
`
  },
  {
    name: "effect-state/testing",
    peers: [],
    program: `
import { Conformance } from "effect-state/testing"

if (Conformance.cases.length > 0) console.log(JSON.stringify({ hello: "world" }))
`
  },
  {
    name: "effect-state/testing/vitest",
    peers: ["vitest", "@effect/vitest"],
    program: `
import { conformance } from "effect-state/testing/vitest"

export const check: (name: string, subject: never) => void = conformance
`,
    // vitest 3 and the declarations of chai that it installs both declare \`containSubset\`.
    skipLibCheck: true,
    typesOnly: true
  },
  {
    name: "effect-state/sqlite",
    peers: ["@effect/sql-sqlite-node", "better-sqlite3", "@types/better-sqlite3"],
    program: writesAndReads(
      `import { SqliteStore } from "effect-state/sqlite"`,
      `SqliteStore.layer({ filename: "state.db" })`
    )
  },
  {
    name: "effect-state/redis",
    peers: ["ioredis"],
    program: writesAndReads(`import { RedisStore } from "effect-state/redis"`, `RedisStore.layer(${fromEnvironment})`),
    url: SharedServers.redisUrl
  },
  {
    name: "effect-state/postgres",
    peers: ["@effect/sql-pg", "pg", "@types/pg"],
    program: writesAndReads(
      `import { PostgresStore } from "effect-state/postgres"`,
      `PostgresStore.layer(${fromEnvironment})`
    ),
    url: SharedServers.postgresDatabase
  },
  {
    name: "effect-state/langgraph",
    peers: ["@langchain/core", "@langchain/langgraph-checkpoint"],
    program: `
import * as Effect from "effect/Effect"
import { MemoryStore } from "effect-state"
import { LangGraph } from "effect-state/langgraph"

const program = Effect.gen(function* () {
  const saver = yield* LangGraph.checkpointer()
  const store = yield* LangGraph.store({ ttl: "1 hour" })
  yield* Effect.promise(() => store.put(["greetings"], "first", { hello: "world" }))
  const item = yield* Effect.promise(() => store.get(["greetings"], "first"))
  const tuple = yield* Effect.promise(() => saver.getTuple({ configurable: { thread_id: "none" } }))
  console.log(JSON.stringify(tuple ?? item?.value))
})

await Effect.runPromise(Effect.provide(program, MemoryStore.layer()))
`,
    // LangChain's declarations contradict themselves where \`undefined\` is no value of an optional property.
    skipLibCheck: true
  },
  {
    name: "effect-state/url",
    peers: [],
    program: writesAndReads(`import { StoreUrl } from "effect-state/url"`, "StoreUrl.layerConfig"),
    url: Effect.succeed("memory:")
  }
]
