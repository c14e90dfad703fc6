/**
 * What a typed collection adds to the store below it: compared with decoding by hand what the store's get gives.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Collection, MemoryStore, StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import { RedisStore } from "effect-state/redis"
import { SqliteStore } from "effect-state/sqlite"
import type { Backend, Contest, Group } from "../Case.ts"
import * as Servers from "../Servers.ts"
import { effect } from "../Workload.ts"
import { files } from "./sqlite.ts"
import { toolkit } from "./Toolkit.ts"

const Session = Schema.Struct({
  id: Schema.String,
  userId: Schema.Int,
  email: Schema.String,
  roles: Schema.Array(Schema.String),
  cart: Schema.Array(Schema.Struct({ sku: Schema.String, quantity: Schema.Int })),
  csrfToken: Schema.String,
  lastSeenMs: Schema.Number,
  cookie: Schema.Struct({ path: Schema.String, httpOnly: Schema.Boolean, originalMaxAge: Schema.Number })
})

const decode = Schema.decodeUnknownEither(Session)

const contest = (layer: Layer.Layer<StateStore.StateStore, unknown>): Effect.Effect<Contest, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Layer.build(layer)
    const sessions = yield* Effect.provide(Collection.make("sessions", { schema: Session }), context)
    const store = Context.get(context, StateStore.StateStore).namespace("by hand")
    return {
      ours: { ...toolkit(sessions.store), calls: { get: effect(({ key }) => sessions.get(key)) } },
      rivals: {
        "get + decodeUnknownEither": {
          ...toolkit(store),
          calls: {
            get: effect(({ key }) =>
              Effect.flatMap(
                store.get(key),
                Option.match({
                  onNone: () => Either.right(Option.none()),
                  onSome: (entry) => Either.map(decode(entry.value), Option.some)
                })
              )
            )
          }
        }
      }
    }
  })

const group = (
  backend: Backend,
  fibers: number,
  layer: Effect.Effect<Layer.Layer<StateStore.StateStore, unknown>, unknown, Scope.Scope | Servers.Servers>
): Group => ({
  backend,
  setting: "Collection",
  cases: [{ operation: "get", fibers, rivals: { "get + decodeUnknownEither": 0.9 } }],
  open: Effect.flatMap(layer, contest)
})

export const collections: ReadonlyArray<Group> = [
  group("memory", 1, Effect.succeed(MemoryStore.layer())),
  group(
    "sqlite",
    1,
    Effect.map(files, (file) => SqliteStore.layer({ filename: file("collection") }))
  ),
  group(
    "redis",
    64,
    Effect.map(Servers.redisUrl, (url) => RedisStore.layer({ url }))
  ),
  group(
    "postgres",
    64,
    Effect.map(Servers.postgresUrl, (url) => PostgresStore.layer({ url }))
  )
]
