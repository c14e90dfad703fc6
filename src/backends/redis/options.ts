/**
 * What a Redis store can be told, and what is wrong with it.
 *
 * @since 0.1.0
 */
import type { ConnectionOptions } from "node:tls"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { RedisOptions } from "ioredis"
import { InvalidOption } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { WaitReplicas } from "./replicas.ts"

/**
 * What every Redis store takes, also one on the app's own client.
 *
 * @since 0.1.0
 * @category options
 */
export interface StoreOptions extends StateStore.Options {
  /** What all keys on the server start with. It can't have braces or NUL. Default `"effect-state:"`. */
  readonly keyPrefix?: string | undefined
  /** How long a command may take, waiting for the connection included. Default 5 seconds. */
  readonly commandTimeout?: Duration.DurationInput | undefined
  /** How long building the store may wait for the server. Default 5 seconds. */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * Into how many parts the keys are split by their placement; only keys of one part can be committed together. It is
   * stored on the server at the first use and can't change. Default 1, which lets any keys be committed together.
   */
  readonly buckets?: number | undefined
  /**
   * Accepts a server whose `maxmemory-policy` evicts entries that have a time to live (`volatile-*`) before their end.
   * Default: such a server is refused.
   */
  readonly allowEviction?: boolean | undefined
  /**
   * Answers a write only when so many replicas have it; where they don't in time, its outcome is unknown. The server answers
   * nothing else on the connection meanwhile: reads wait as long, if replicas lag. Default: the master's word is enough.
   */
  readonly waitReplicas?: { readonly count: number; readonly timeout: Duration.DurationInput } | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends StoreOptions {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS; instead of the parts below. */
  readonly url?: string | Redacted.Redacted | undefined
  /** Default `"localhost"`. */
  readonly host?: string | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  /** Default 0. */
  readonly db?: number | undefined
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  /** Encrypts the connection, with options of `node:tls` if need be. Default: only with `rediss://`. */
  readonly tls?: boolean | ConnectionOptions | undefined
  /**
   * How many sockets to keep. Default 1: a server runs one command at a time, and calls are gathered and pipelined, so that
   * a second socket adds system calls and nothing else. More help only where many large values cross a slow network.
   */
  readonly connections?: number | undefined
}

/**
 * Checked, with defaults, in the units that the backend works with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  readonly keyPrefix: string
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly buckets: number
  readonly allowEviction: boolean
  readonly waitReplicas: WaitReplicas | undefined
}

/**
 * @since 0.1.0
 * @category validation
 */
export const settings = (options: StoreOptions): Either.Either<Settings, InvalidOption> =>
  Either.gen(function* () {
    const commandTimeoutMs = yield* millis("commandTimeout", options.commandTimeout, 5_000)
    return {
      keyPrefix: yield* keyPrefix(options.keyPrefix ?? "effect-state:"),
      commandTimeoutMs,
      connectTimeoutMs: yield* millis("connectTimeout", options.connectTimeout, 5_000),
      buckets: yield* integer("buckets", options.buckets ?? 1, 1, bucketsMax),
      allowEviction: options.allowEviction ?? false,
      waitReplicas: options.waitReplicas && (yield* waitReplicas(options.waitReplicas, commandTimeoutMs))
    }
  })

/**
 * Where to connect to, as the driver takes it.
 *
 * @since 0.1.0
 * @category validation
 */
export const address = (options: Options): Either.Either<RedisOptions, InvalidOption> =>
  options.url === undefined ? fromParts(options) : fromUrl(options, options.url)

/**
 * @since 0.1.0
 * @category validation
 */
export const connections = (options: Options): Either.Either<number, InvalidOption> =>
  integer("connections", options.connections ?? 1, 1, connectionsMax)

const bucketsMax = 1_024
const connectionsMax = 64
const timeoutMsMax = 24 * 60 * 60 * 1_000

const fromParts = ({ host, port, db, username, password, tls }: Options): Either.Either<RedisOptions, InvalidOption> =>
  Either.gen(function* () {
    if (host === "") return yield* invalid("host", "it is empty")
    return {
      host: host ?? "localhost",
      port: yield* integer("port", port ?? 6379, 1, 65_535),
      db: yield* integer("db", db ?? 0, 0, Number.MAX_SAFE_INTEGER),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: Redacted.value(password) }),
      ...(tls === undefined || tls === false ? {} : { tls: tls === true ? {} : tls })
    }
  })

const fromUrl = (options: Options, url: string | Redacted.Redacted): Either.Either<RedisOptions, InvalidOption> => {
  for (const option of ["host", "port", "db", "username", "password"] as const) {
    if (options[option] !== undefined) return invalid(option, "it is given by the url already")
  }
  const parsed = parseUrl(Redacted.isRedacted(url) ? Redacted.value(url) : url)
  // The text may have a password, and so is not shown.
  if (parsed === undefined) return invalid("url", "expected redis://[user:password@]host[:port][/db], or rediss://")
  return fromParts({ ...parsed, tls: options.tls ?? parsed.tls })
}

const parseUrl = (text: string): Options | undefined => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === "") return undefined
  if (url.search !== "" || url.hash !== "" || !/^(\/\d*)?$/.test(url.pathname)) return undefined
  try {
    return {
      // The brackets of an IPv6 address belong to the URL.
      host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
      port: url.port === "" ? undefined : Number(url.port),
      db: url.pathname.length > 1 ? Number(url.pathname.slice(1)) : undefined,
      username: url.username === "" ? undefined : decodeURIComponent(url.username),
      password: url.password === "" ? undefined : Redacted.make(decodeURIComponent(url.password)),
      tls: url.protocol === "rediss:"
    }
  } catch {
    // A stray percent sign.
    return undefined
  }
}

const keyPrefix = (prefix: string): Either.Either<string, InvalidOption> => {
  if (prefix === "") return invalid("keyPrefix", "it is empty")
  if (/[{}\0]/.test(prefix)) return invalid("keyPrefix", "it has a brace or a NUL character")
  if (!prefix.isWellFormed()) return invalid("keyPrefix", "it is no well-formed Unicode (a lone surrogate)")
  return prefix.length <= 256 ? Either.right(prefix) : invalid("keyPrefix", "it is longer than 256 characters")
}

const waitReplicas = (
  { count, timeout }: NonNullable<StoreOptions["waitReplicas"]>,
  commandTimeoutMs: number
): Either.Either<WaitReplicas, InvalidOption> =>
  Either.gen(function* () {
    const timeoutMs = yield* millis("waitReplicas.timeout", timeout, 0)
    if (timeoutMs >= commandTimeoutMs) {
      return yield* invalid("waitReplicas.timeout", "expected less than commandTimeout")
    }
    return { count: yield* integer("waitReplicas.count", count, 1, 100), timeoutMs }
  })

const millis = (
  option: string,
  input: Duration.DurationInput | undefined,
  otherwise: number
): Either.Either<number, InvalidOption> => {
  if (input === undefined) return Either.right(otherwise)
  const duration = Duration.decodeUnknown(input)
  const ms = Option.isNone(duration) ? Number.NaN : Math.ceil(Duration.toMillis(duration.value))
  return ms >= 1 && ms <= timeoutMsMax
    ? Either.right(ms)
    : invalid(option, "expected a duration of 1 millisecond to 24 hours")
}

const integer = (option: string, n: number, min: number, max: number): Either.Either<number, InvalidOption> =>
  Number.isInteger(n) && n >= min && n <= max
    ? Either.right(n)
    : invalid(option, `expected an integer from ${min} to ${max}, got ${n}`)

const invalid = (option: string, reason: string): Either.Either<never, InvalidOption> =>
  Either.left(new InvalidOption({ option, reason }))
