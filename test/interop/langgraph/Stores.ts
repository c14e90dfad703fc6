/** A store on each backend, in a namespace that nobody else has. */
import { it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { MemoryStore, StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import { RedisStore } from "effect-state/redis"
import { SqliteStore } from "effect-state/sqlite"
import * as SharedServers from "../../servers/SharedServers.ts"

type Stores = Readonly<Record<string, Layer.Layer<StateStore.StateStore, unknown>>>

const stores: Stores = {
  memory: MemoryStore.layer(),
  sqlite: SqliteStore.layer({ filename: ":memory:" }),
  // As on a cluster: what is committed together must lie together.
  redis: Layer.unwrapEffect(
    Effect.map(Effect.all([SharedServers.redisUrl, SharedServers.redisPrefix]), ([url, prefix]) =>
      RedisStore.layer({ url, buckets: 4, keyPrefix: `${prefix}:` })
    )
  ),
  postgres: Layer.unwrapEffect(
    Effect.map(Effect.all([SharedServers.postgresUrl, SharedServers.postgresName]), ([url, table]) =>
      PostgresStore.layer({ url, table, maxConnections: 4 })
    )
  )
}

/** Runs a test on each backend. */
export const onEach = (
  name: string,
  test: Effect.Effect<void, unknown, StateStore.StateStore | Scope.Scope>,
  only: ReadonlyArray<string> = Object.keys(stores)
): void => {
  for (const backend of only) {
    it.scopedLive(`${name} (${backend})`, () =>
      Effect.gen(function* () {
        const layer = stores[backend]
        if (layer === undefined) return yield* Effect.dieMessage(`no backend ${backend}`)
        const context = yield* Layer.build(Layer.fresh(layer))
        yield* Effect.provideService(test, StateStore.StateStore, Context.get(context, StateStore.StateStore))
      })
    )
  }
}

/** Waits until something comes true; the test's time limit ends it. */
export const until = (condition: Effect.Effect<boolean, unknown>): Effect.Effect<void, unknown> =>
  Effect.flatMap(condition, (holds) =>
    holds ? Effect.void : Effect.zipRight(Effect.sleep("10 millis"), until(condition))
  )
