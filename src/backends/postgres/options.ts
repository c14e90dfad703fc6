/**
 * What users say about the server, checked before anything is sent.
 *
 * @since 0.1.0
 */
import type { ConnectionOptions } from "node:tls"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Pg from "pg"
import { InvalidOption } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Table from "./table.ts"

/**
 * When a commit counts as done; PostgreSQL's setting `synchronous_commit`. `"off"` loses the last commits, some hundreds of
 * milliseconds of them, if the server's machine or process dies; the others wait for its disk, or for standbys too.
 *
 * @since 0.1.0
 * @category options
 */
export type SynchronousCommit = "off" | "local" | "remote_write" | "on" | "remote_apply"

/**
 * What all constructors take.
 *
 * @since 0.1.0
 * @category options
 */
export interface SharedOptions extends StateStore.Options {
  /** The schema of the table, made if it is missing. Default `public`. */
  readonly schema?: string | undefined
  /** The table, made if it is missing; more names start with its. At most 48 bytes. Default `effect_state`. */
  readonly table?: string | undefined
  /** How long a statement may take before its connection is given up. Default 30 seconds. */
  readonly commandTimeout?: Duration.DurationInput | undefined
  /** When a write counts as done. Default: what the server or its connections are set to. */
  readonly synchronousCommit?: SynchronousCommit | undefined
  /** Whether statements are prepared, once a connection. Turn it off behind PgBouncer's transaction mode. Default true. */
  readonly namedStatements?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends SharedOptions {
  /** `postgres://user:password@host:port/database`, instead of the five options below. */
  readonly url?: Redacted.Redacted | string | undefined
  /** Default: `PGHOST`, else `localhost`. */
  readonly host?: string | undefined
  /** Default: `PGPORT`, else 5432. */
  readonly port?: number | undefined
  /** Default: `PGDATABASE`, else the user's name. */
  readonly database?: string | undefined
  /** Default: `PGUSER`, else the system's user. */
  readonly username?: string | undefined
  /** Default: `PGPASSWORD`. */
  readonly password?: Redacted.Redacted | undefined
  readonly ssl?: boolean | ConnectionOptions | undefined
  /** How many connections are opened at once, and stay open. Default none. */
  readonly minConnections?: number | undefined
  /** How many connections there are at most. Default 10. */
  readonly maxConnections?: number | undefined
  /** How long connecting, or waiting for a free connection, may take. Default 5 seconds. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /** As the server's views and logs show it. Default `effect-state`. */
  readonly applicationName?: string | undefined
}

/**
 * Checked {@link SharedOptions}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Shared {
  readonly table: Table.Table
  readonly commandTimeoutMs: number
  readonly synchronousCommit: SynchronousCommit | undefined
  readonly namedStatements: boolean
}

/**
 * @since 0.1.0
 * @category checks
 */
export const checkShared = (options: SharedOptions): Either.Either<Shared, InvalidOption> =>
  Either.gen(function* () {
    const { synchronousCommit, namedStatements = true } = options
    if (synchronousCommit !== undefined && !levels.includes(synchronousCommit)) {
      return yield* invalid("synchronousCommit", `expected one of ${levels.join(", ")}`)
    }
    return {
      table: yield* Table.make(options),
      commandTimeoutMs: yield* timeout("commandTimeout", options.commandTimeout ?? "30 seconds"),
      synchronousCommit,
      namedStatements
    }
  })

const levels: ReadonlyArray<string> = [
  "off",
  "local",
  "remote_write",
  "on",
  "remote_apply"
] satisfies ReadonlyArray<SynchronousCommit>

/**
 * The pool's configuration. It has secrets.
 *
 * @since 0.1.0
 * @category checks
 */
export const checkPool = (options: Options): Either.Either<Pg.PoolConfig, InvalidOption> =>
  Either.gen(function* () {
    const max = yield* integer("maxConnections", options.maxConnections ?? 10, 1, 10_000)
    const common = {
      ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
      min: yield* integer("minConnections", options.minConnections ?? 0, 0, max),
      max,
      connectionTimeoutMillis: yield* timeout("connectTimeout", options.connectTimeout ?? "5 seconds"),
      application_name: yield* applicationName(options.applicationName ?? "effect-state")
    }
    if (options.url !== undefined) {
      const also = addressOptions.find((option) => options[option] !== undefined)
      return also === undefined
        ? { ...common, connectionString: yield* url(options.url) }
        : yield* invalid(also, "the option url says it already; give one of the two")
    }
    const { host, database, username } = options
    return {
      ...common,
      ...(host === undefined ? {} : { host: yield* text("host", host) }),
      ...(options.port === undefined ? {} : { port: yield* integer("port", options.port, 1, 65_535) }),
      ...(database === undefined ? {} : { database: yield* text("database", database) }),
      ...(username === undefined ? {} : { user: yield* text("username", username) }),
      ...(options.password === undefined ? {} : { password: Redacted.value(options.password) })
    }
  })

const addressOptions = ["host", "port", "database", "username", "password"] as const

const urlForm = "expected postgres://user:password@host:port/database, and certificates that can be read"

const url = (given: Redacted.Redacted | string): Either.Either<string, InvalidOption> => {
  const text = typeof given === "string" ? given : Redacted.value(given)
  // What is wrong with it stays unsaid: an error that quotes it could quote its password.
  const parsed = URL.canParse(text) ? new URL(text) : undefined
  return parsed !== undefined && /^postgres(ql)?:$/.test(parsed.protocol) && isDecodable(text) && isTaken(text)
    ? Either.right(text)
    : invalid("url", urlForm)
}

/** `%` signs that start no escape are read in one way here and in another way there. */
const isDecodable = (text: string): boolean => !/%(?![0-9a-fA-F]{2})/.test(text)

/** The driver decodes every part and reads the certificates that are named, and throws where it can't. */
const isTaken = (connectionString: string): boolean =>
  Either.isRight(Either.try(() => new Pg.Client({ connectionString })))

const timeout = (option: string, given: Duration.DurationInput): Either.Either<number, InvalidOption> => {
  const ms = Option.map(Duration.decodeUnknown(given), Duration.toMillis)
  return Option.isSome(ms) && ms.value >= 1 && ms.value <= timeoutMsMax
    ? Either.right(Math.ceil(ms.value))
    : invalid(option, "expected a duration from 1 millisecond to 24 days")
}

/** What a timer can count. */
const timeoutMsMax = 24 * 24 * 60 * 60 * 1_000

const integer = (option: string, given: number, min: number, max: number): Either.Either<number, InvalidOption> =>
  Number.isInteger(given) && given >= min && given <= max
    ? Either.right(given)
    : invalid(option, `expected an integer from ${min} to ${max}, got ${given}`)

const text = (option: string, given: string): Either.Either<string, InvalidOption> =>
  given !== "" && !given.includes("\0") ? Either.right(given) : invalid(option, "expected text without NUL characters")

/** The server cuts it at 63 bytes and replaces what is no printable ASCII. */
const applicationName = (given: string): Either.Either<string, InvalidOption> =>
  /^[ -~]{1,63}$/.test(given)
    ? Either.right(given)
    : invalid("applicationName", "expected 1 to 63 printable ASCII characters")

const invalid = (option: string, reason: string) => Either.left(new InvalidOption({ option, reason }))
