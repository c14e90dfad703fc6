/**
 * State in a PostgreSQL table: durable, and shared by as many processes and hosts as you like.
 *
 * What is acknowledged survives as `synchronous_commit` says: with `on`, the server's default, the death of any process
 * and of the server's machine; with `off`, the last moments before the server dies may be lost. Where standbys have to
 * confirm, a wait that was cut short is a warning of the server's: with `client_min_messages` above `warning` it is not told.
 *
 * Values lie in a `json` column, exactly as written, and can be queried there (`value ->> 'name'`); a value with a NUL
 * character or a lone surrogate makes such a query fail for the rows it reads.
 *
 * Calls inside an app's `sql.withTransaction` join it where the store was made with {@link layerFromPool},
 * {@link layerFromClient} or {@link layerWithClient}. Joined transactions must be READ COMMITTED; in others, and in those
 * of another client, every call is `Unsupported`. The keys that a transaction wrote stay locked until it ends: other
 * writers of them wait, up to the larger part of `commandTimeout`, and are `StoreUnavailable` then.
 *
 * @since 0.1.0
 */
import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Pg from "pg"
import type { Fault } from "../../store/Backend.ts"
import {
  InvalidOption,
  type LayerError,
  type StoreError,
  StoreFailure,
  StoreUnavailable,
  Unsupported
} from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import * as Options_ from "./options.ts"
import * as Store from "./store.ts"

/**
 * What all constructors take.
 *
 * @since 0.1.0
 * @category options
 */
export interface SharedOptions extends Options_.SharedOptions {}

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends Options_.Options {}

/**
 * A store with a pool of connections of its own. Building it makes the table if it is missing, and fails with
 * `InvalidOption`, within `connectTimeout` with `StoreUnavailable` if nobody answers, and with `StoreFailure` if the server
 * refuses (password, database, rights), or if the table was made by a later version of this library.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<StateStore.StateStore, LayerError> =>
  Layer.scoped(StateStore.StateStore, make(options))

/**
 * {@link layer}, with options that come from `Config`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Options>
): Layer.Layer<StateStore.StateStore, ConfigError | LayerError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layer))

/**
 * {@link layer}, and a `PgClient` over the same pool, whose transactions the store's calls join.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithClient = (
  options: Options
): Layer.Layer<StateStore.StateStore | PgClient.PgClient | SqlClient.SqlClient, LayerError> =>
  Layer.scopedContext(
    Effect.gen(function* () {
      const { pool, service } = yield* makeOwn(options, true)
      const client = yield* Effect.mapError(
        PgClient.fromPool({ acquire: Effect.succeed(pool) }),
        (cause) =>
          new StoreFailure({
            operation: "open",
            backend: "postgres",
            reason: "no client can be made over its pool",
            outcome: "not-applied",
            cause
          })
      )
      return Context.make(StateStore.StateStore, service).pipe(
        Context.add(PgClient.PgClient, client),
        Context.add(SqlClient.SqlClient, client)
      )
    })
  ).pipe(Layer.provide(Reactivity.layer))

/**
 * A store on the app's own pool, which stays the app's to end: give an effect that acquires it, or the pool. Calls join
 * the transactions of a `PgClient` over the same pool. How long connecting may take is the pool's `connectionTimeoutMillis`;
 * a pool with `pipeline` is an `InvalidOption`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromPool = <E = never, R = never>(
  pool: Pg.Pool | Effect.Effect<Pg.Pool, E, R>,
  options?: SharedOptions
): Layer.Layer<StateStore.StateStore, E | LayerError, Exclude<R, Scope.Scope>> =>
  Layer.scoped(
    StateStore.StateStore,
    Effect.flatMap(Effect.isEffect(pool) ? pool : Effect.succeed(pool), (pool) => makeFromPool(pool, options))
  )

/**
 * A store on the connections of the app's `PgClient`, whose transactions its calls join. Statements are a little slower
 * than over a pool.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromClient = (
  options?: SharedOptions
): Layer.Layer<StateStore.StateStore, LayerError, PgClient.PgClient> =>
  Layer.scoped(
    StateStore.StateStore,
    Effect.flatMap(PgClient.PgClient, (client) => makeFromClient(client, options))
  )

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<StateStore.Service, LayerError, Scope.Scope> =>
  Effect.map(makeOwn(options, false), ({ service }) => service)

/**
 * @since 0.1.0
 * @category constructors
 */
export const makeFromPool = (
  pool: Pg.Pool,
  options: SharedOptions = {}
): Effect.Effect<StateStore.Service, LayerError, Scope.Scope> =>
  Effect.gen(function* () {
    const shared = yield* Options_.checkShared(options)
    if (pool.options.pipeline === true) {
      return yield* new InvalidOption({ option: "pool", reason: "expected one whose connections are no pipelines" })
    }
    const backend = yield* Effect.mapError(Store.fromPool(pool, shared), openError)
    return yield* StateStore.make(backend, options)
  })

/**
 * @since 0.1.0
 * @category constructors
 */
export const makeFromClient = (
  client: PgClient.PgClient,
  options: SharedOptions = {}
): Effect.Effect<StateStore.Service, LayerError, Scope.Scope> =>
  Effect.gen(function* () {
    const shared = yield* Options_.checkShared(options)
    const backend = yield* Effect.mapError(Store.fromClient(client, shared), openError)
    return yield* StateStore.make(backend, options)
  })

const makeOwn = (options: Options, joins: boolean) =>
  Effect.gen(function* () {
    const shared = yield* Options_.checkShared(options)
    const config = yield* Options_.checkPool(options)
    const { pool, backend } = yield* Effect.mapError(Store.fromConfig(config, shared, joins), openError)
    return { pool, service: yield* StateStore.make(backend, options) }
  })

const openError = ({ kind, outcome, reason, cause }: Fault): StoreError => {
  const common = { operation: "open", backend: "postgres", reason }
  switch (kind) {
    case "unavailable":
      return new StoreUnavailable({ ...common, outcome, cause })
    case "failure":
      return new StoreFailure({ ...common, outcome, cause })
    case "unsupported":
      return new Unsupported(common)
  }
}
