/**
 * Picks the backend by a URL; its driver is imported when it is asked for, and not before.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { hasProperty } from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as MemoryStore from "../backends/memory/MemoryStore.ts"
import type { LayerError } from "../store/StateError.ts"
import type * as StateStore from "../store/StateStore.ts"

/**
 * The URLs that are understood, for messages.
 *
 * @since 0.1.0
 * @category urls
 */
export const acceptedForms: ReadonlyArray<string> = [
  "memory:",
  "sqlite:./state.db",
  "redis://user:password@host:6379/0",
  "rediss://host:6380",
  "postgres://user:password@host:5432/database"
]

/**
 * The driver that a URL needs is not installed. The message says how to install it.
 *
 * @since 0.1.0
 * @category errors
 */
export class DriverMissing extends Schema.TaggedError<DriverMissing>("effect-state/DriverMissing")("DriverMissing", {
  backend: Schema.String,
  packages: Schema.Array(Schema.String),
  cause: Schema.optional(Schema.Defect)
}) {
  get isRetryable(): boolean {
    return false
  }
  override get message(): string {
    return `The ${this.backend} store needs its driver: npm install ${this.packages.join(" ")}`
  }
}

/**
 * A URL, read: which backend it names, and what that backend takes.
 *
 * @since 0.1.0
 * @category urls
 */
export type Target =
  | { readonly backend: "memory" }
  | { readonly backend: "sqlite"; readonly filename: string }
  | { readonly backend: "redis" | "postgres"; readonly url: Redacted.Redacted }

/**
 * Reads a URL. One that is none of the {@link acceptedForms} is a `ConfigError` that names them, and shows no password.
 *
 * @since 0.1.0
 * @category urls
 */
export const parse = (url: Redacted.Redacted | string): Either.Either<Target, ConfigError.ConfigError> => {
  const text = typeof url === "string" ? url : Redacted.value(url)
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase()
  const rest = text.slice((scheme ?? "").length + 1)
  switch (scheme) {
    case "memory":
      return rest === "" || rest === "//"
        ? Either.right({ backend: "memory" })
        : invalid("memory: takes nothing behind it")
    case "sqlite": {
      const filename = rest.startsWith("///") ? rest.slice(2) : rest.startsWith("//") ? rest.slice(2) : rest
      return filename === ""
        ? invalid("sqlite: needs the name of a file")
        : Either.right({ backend: "sqlite", filename })
    }
    case "redis":
    case "rediss":
      return server("redis", text)
    case "postgres":
    case "postgresql":
      return server("postgres", text)
    case undefined:
      return invalid("it has no scheme")
    default:
      return invalid(`no backend has the scheme ${scheme}:`)
  }
}

/**
 * The store of a URL, with the options that every backend takes.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  url: Redacted.Redacted | string,
  options?: StateStore.Options
): Layer.Layer<StateStore.StateStore, ConfigError.ConfigError | DriverMissing | LayerError> =>
  Layer.unwrapEffect(Effect.flatMap(parse(url), (target) => layerOf(target, options)))

/**
 * The store that the configuration's `STATE_URL` names.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig: Layer.Layer<StateStore.StateStore, ConfigError.ConfigError | DriverMissing | LayerError> =
  Layer.unwrapEffect(Effect.map(Config.redacted("STATE_URL"), (url) => layer(url)))

const layerOf = (
  target: Target,
  options: StateStore.Options | undefined
): Effect.Effect<Layer.Layer<StateStore.StateStore, LayerError>, DriverMissing> => {
  switch (target.backend) {
    case "memory":
      return Effect.succeed(MemoryStore.layer(options))
    case "sqlite":
      return Effect.map(
        driver(
          "SQLite",
          ["better-sqlite3", "@effect/sql-sqlite-node"],
          () => import("../backends/sqlite/SqliteStore.ts")
        ),
        (SqliteStore) => SqliteStore.layer({ ...options, filename: target.filename })
      )
    case "redis":
      return Effect.map(
        driver("Redis", ["ioredis"], () => import("../backends/redis/RedisStore.ts")),
        (RedisStore) => RedisStore.layer({ ...options, url: target.url })
      )
    case "postgres":
      return Effect.map(
        driver("PostgreSQL", ["pg", "@effect/sql-pg"], () => import("../backends/postgres/PostgresStore.ts")),
        (PostgresStore) => PostgresStore.layer({ ...options, url: target.url })
      )
  }
}

const driver = <A>(backend: string, packages: ReadonlyArray<string>, load: () => Promise<A>) =>
  Effect.catchAll(Effect.tryPromise({ try: load, catch: (cause) => cause }), (cause) =>
    isModuleMissing(cause) ? new DriverMissing({ backend, packages, cause }) : Effect.die(cause)
  )

/** Anything else that an import fails with is no matter of what is installed. */
const isModuleMissing = (cause: unknown): boolean =>
  hasProperty(cause, "code") && (cause.code === "ERR_MODULE_NOT_FOUND" || cause.code === "MODULE_NOT_FOUND")

const server = (backend: "redis" | "postgres", text: string): Either.Either<Target, ConfigError.ConfigError> => {
  if (!URL.canParse(text))
    return invalid("it can't be parsed; special characters of a password must be percent-encoded")
  return new URL(text).hostname === ""
    ? invalid("it names no host")
    : Either.right({ backend, url: Redacted.make(text) })
}

const invalid = (reason: string) =>
  Either.left(
    ConfigError.InvalidData(
      ["STATE_URL"],
      `The store's URL is not understood: ${reason}. Accepted forms: ${acceptedForms.join(", ")}`
    )
  )
