/**
 * State in a SQLite file, or in a database in memory: durable, for one host, and for as many of its processes as you like.
 *
 * The death of a process loses nothing that was acknowledged. A power cut may undo the last commits at durability
 * `"normal"`, and none at `"full"`. The file must lie on a local disk.
 *
 * @since 0.1.0
 */
import * as SqliteClient from "@effect/sql-sqlite-node/SqliteClient"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
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
import * as OwnHandle from "./ownHandle.ts"
import * as Schema from "./schema.ts"
import * as SharedClient from "./sharedClient.ts"

/**
 * What both constructors take.
 *
 * @since 0.1.0
 * @category options
 */
export interface ClientOptions extends StateStore.Options {
  /** How long a call waits while another process has the file locked, before it is `StoreUnavailable`. Default 5 seconds. */
  readonly busyTimeout?: Duration.DurationInput | undefined
  /** The table's name, at most 128 characters; two more names start with it. Default `effect_state`. */
  readonly table?: string | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends ClientOptions {
  /** The path of the file, made if it is not there, or `:memory:`. */
  readonly filename: string
  /** Whether a commit waits for the disk (`"full"`), or for the operating system alone. Default `"normal"`. */
  readonly durability?: "normal" | "full" | undefined
}

/**
 * A store in a file, on a handle of its own, in WAL mode. A store that writes much starts a worker thread, which copies the
 * log into the file meanwhile; where threads are forbidden, commits do it themselves. Time is the `Clock` that the layer is
 * built with, so that `TestClock` moves it. Building fails with `InvalidOption`, with `StoreFailure` where the file can't be opened, is no database, keeps
 * text in UTF-16 or was written by a later version of this library, and with `StoreUnavailable` while it stays locked.
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
 * A store on the connection of the app's `SqliteClient`: calls inside `sql.withTransaction` belong to that transaction, and
 * are undone with it. Durability is what the app's connection is set to. Inside the transaction of another client every
 * call is `Unsupported`.
 *
 * A version that was seen inside a transaction which was rolled back is never given again by this store; by another one on
 * the same file, as in another process or after a restart, it may be. So keep such a version no longer than its transaction.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFromClient = (
  options?: ClientOptions
): Layer.Layer<StateStore.StateStore, LayerError, SqliteClient.SqliteClient> =>
  Layer.scoped(
    StateStore.StateStore,
    Effect.flatMap(SqliteClient.SqliteClient, (client) => makeFromClient(client, options))
  )

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<StateStore.Service, LayerError, Scope.Scope> =>
  Effect.gen(function* () {
    const { filename, durability = "normal" } = options
    if (typeof filename !== "string" || filename === "" || filename.includes("\0")) {
      return yield* invalid("filename", "expected the path of a file, or :memory:")
    }
    if (durability !== "normal" && durability !== "full") {
      return yield* invalid("durability", 'expected "normal" or "full"')
    }
    const checked = yield* check(options)
    const backend = yield* Effect.mapError(OwnHandle.make({ filename, durability, ...checked }), openError)
    return yield* StateStore.make(backend, options)
  })

/**
 * @since 0.1.0
 * @category constructors
 */
export const makeFromClient = (
  client: SqliteClient.SqliteClient,
  options: ClientOptions = {}
): Effect.Effect<StateStore.Service, LayerError, Scope.Scope> =>
  Effect.gen(function* () {
    const checked = yield* check(options)
    const backend = yield* Effect.mapError(SharedClient.make(client, checked), openError)
    return yield* StateStore.make(backend, options)
  })

const check = ({ busyTimeout = "5 seconds", table = "effect_state" }: ClientOptions) =>
  Either.gen(function* () {
    const names = yield* Schema.names(table)
    const busyTimeoutMs = Option.map(Duration.decodeUnknown(busyTimeout), Duration.toMillis)
    if (Option.isNone(busyTimeoutMs) || !Number.isFinite(busyTimeoutMs.value)) {
      return yield* invalid("busyTimeout", "expected a finite duration")
    }
    return { table, names, busyTimeoutMs: busyTimeoutMs.value }
  })

const invalid = (option: string, reason: string) => Either.left(new InvalidOption({ option, reason }))

const openError = ({ kind, outcome, reason, cause }: Fault): StoreError => {
  const common = { operation: "open", backend: "sqlite", reason }
  switch (kind) {
    case "unavailable":
      return new StoreUnavailable({ ...common, outcome, cause })
    case "failure":
      return new StoreFailure({ ...common, outcome, cause })
    case "unsupported":
      return new Unsupported(common)
  }
}
