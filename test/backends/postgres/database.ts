/**
 * Stores in databases that nobody else has, and a look at them by plain SQL.
 */

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { PostgresStore } from "effect-state/postgres"
import * as Pg from "pg"
import * as StateStore from "../../../src/store/StateStore.ts"

/** The store of a layer, for as long as the scope is open. */
export const open = <R, E>(layer: Layer.Layer<StateStore.StateStore | R, E>) =>
  Effect.map(Layer.build(layer), Context.get(StateStore.StateStore))

/** A store at a URL, without the sweeper. */
export const openAt = (url: string, options: PostgresStore.Options = {}) =>
  open(PostgresStore.layer({ url, sweep: false, ...options }))

/** A connection besides the store's. */
export const connect = (url: string): Effect.Effect<Pg.Client, unknown, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise(async () => {
      const client = new Pg.Client({ connectionString: url })
      client.on("error", () => undefined)
      await client.connect()
      return client
    }),
    (client) => Effect.promise(() => client.end())
  )

/** A pool as an app has it. One without a listener ends the process where the server ends a connection that the pool is closing. */
export const poolAt = (url: string): Effect.Effect<Pg.Pool, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Pg.Pool({ connectionString: url, max: 4 }).on("error", () => undefined)),
    (pool) => Effect.promise(() => pool.end())
  )

/** The rows of a statement. */
export const query = (client: Pg.Client | Pg.Pool, sql: string, values: ReadonlyArray<unknown> = []) =>
  Effect.tryPromise(async () => (await client.query<Record<string, unknown>>(sql, [...values])).rows)

/** Looks again and again until it holds. */
export const until = <A, E>(look: Effect.Effect<A, E>, holds: (a: A) => boolean) =>
  look.pipe(
    Effect.filterOrFail(holds, (a) => `it stays ${JSON.stringify(a)}`),
    Effect.retry(Schedule.spaced("10 millis").pipe(Schedule.upTo("20 seconds")))
  )
