/**
 * State on a Redis server, shared by all processes that use it.
 *
 * Entries are strings that `redis-cli` shows (see `value.ts`), and deadlines are kept by the server's clock. What was
 * acknowledged survives as the server's persistence says (`appendonly`, `appendfsync`), and a failover may lose the last
 * writes; `waitReplicas` makes that less likely.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Redis } from "ioredis"
import type * as Backend from "../../store/Backend.ts"
import type { LayerError } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import { make as fromServer } from "./backend.ts"
import * as Client from "./client.ts"
import { Connection } from "./connection.ts"
import { Connections } from "./connections.ts"
import * as Layout from "./layout.ts"
import * as RedisOptions from "./options.ts"
import { Replicas } from "./replicas.ts"
import * as Setup from "./setup.ts"

export type {
  /**
   * @since 0.1.0
   * @category options
   */
  Options,
  /**
   * @since 0.1.0
   * @category options
   */
  StoreOptions
} from "./options.ts"

/**
 * A store on connections of its own. Building it fails with `StoreUnavailable` when the server can't be reached within
 * `connectTimeout`, and with `StoreFailure` or `InvalidOption` when it can't serve: wrong password, too old, evicting, or
 * holding a store of other `buckets`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: RedisOptions.Options = {}): Layer.Layer<StateStore.StateStore, LayerError> =>
  Layer.scoped(StateStore.StateStore, make(options))

/**
 * {@link layer}, with options that come from `Config`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<RedisOptions.Options>
): Layer.Layer<StateStore.StateStore, ConfigError | LayerError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(options), layer))

/**
 * A store on a client that the app has, which stays the app's to close. The client must be made with
 * `autoResendUnfulfilledCommands: false`, `maxRetriesPerRequest: 0` and `enableOfflineQueue: false`, else it is an
 * `InvalidOption`: it would repeat writes, or make them after their callers were told of a failure. Its `keyPrefix` does
 * not count here.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromClient = (
  client: Redis,
  options: RedisOptions.StoreOptions = {}
): Layer.Layer<StateStore.StateStore, LayerError> =>
  Layer.scoped(StateStore.StateStore, makeFromClient(client, options))

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: RedisOptions.Options = {}): Effect.Effect<StateStore.Service, LayerError, Scope.Scope> =>
  Effect.flatMap(makeBackend(options), (backend) => StateStore.make(backend, options))

/**
 * @since 0.1.0
 * @category constructors
 */
export const makeFromClient = (
  client: Redis,
  options: RedisOptions.StoreOptions = {}
): Effect.Effect<StateStore.Service, LayerError, Scope.Scope> =>
  Effect.gen(function* () {
    const settings = yield* RedisOptions.settings(options)
    yield* Client.checkGiven(client)
    yield* Effect.mapError(Client.awaitReady(client, settings.connectTimeoutMs), Setup.toError)
    return yield* StateStore.make(yield* fromClients([client], false, settings), options)
  })

/**
 * The backend alone, on connections of its own.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeBackend = (
  options: RedisOptions.Options = {}
): Effect.Effect<Backend.Backend, LayerError, Scope.Scope> =>
  Effect.gen(function* () {
    const settings = yield* RedisOptions.settings(options)
    const address = yield* RedisOptions.address(options)
    const count = yield* RedisOptions.connections(options)
    const open = Effect.mapError(Client.open(address, settings.connectTimeoutMs), Setup.toError)
    return yield* fromClients(yield* Effect.replicateEffect(open, count), true, settings)
  })

const fromClients = (
  clients: ReadonlyArray<Redis>,
  owned: boolean,
  settings: RedisOptions.Settings
): Effect.Effect<Backend.Backend, LayerError, Scope.Scope> =>
  Effect.gen(function* () {
    const connections = new Connections(
      yield* Effect.forEach(clients, (client) =>
        Effect.acquireRelease(
          Effect.sync(() => new Connection(client, { commandTimeoutMs: settings.commandTimeoutMs, owned })),
          (connection) => Effect.sync(() => connection.detach())
        )
      )
    )
    const layout = Layout.make(settings.keyPrefix, settings.buckets)
    const description = yield* Setup.check(connections.next, layout, settings.allowEviction)
    const replicas = settings.waitReplicas && new Replicas(settings.waitReplicas)
    return fromServer({ connections, layout, description, replicas })
  })
