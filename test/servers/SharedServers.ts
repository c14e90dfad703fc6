/**
 * One Redis and one PostgreSQL for the whole run, started when first asked for. Many files use them at once, so each
 * keeps to its own key prefix or database; and nobody kills or pauses them: faults are for servers of one's own.
 */
import * as Crypto from "node:crypto"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Pg from "pg"
import { inject } from "vitest"
import { ServerError } from "./ServerError.ts"
import type * as Shared from "./Shared.ts"

/** Asked for once in a process: a second request could meet a connection that was just given up. */
const urlOf = (name: Shared.Name): Effect.Effect<string, ServerError> => Effect.runSync(Effect.cached(ask(name)))

const ask = (name: Shared.Name): Effect.Effect<string, ServerError> =>
  Effect.tryPromise({
    try: async () => {
      const response = await fetch(`${inject("sharedServersUrl")}/${name}`)
      const text = await response.text()
      if (!response.ok) throw new Error(text)
      return text
    },
    catch: (cause) =>
      new ServerError({
        reason: "system",
        server: name,
        message: `The shared ${name} is not to be had: ${cause}`,
        cause
      })
  })

/** The shared Redis. Take a {@link redisPrefix} for the keys. */
export const redisUrl: Effect.Effect<string, ServerError> = urlOf("redis")

/** The shared PostgreSQL's maintenance database. Take a {@link postgresDatabase} for tables. */
export const postgresUrl: Effect.Effect<string, ServerError> = urlOf("postgres")

const unique = Effect.sync(() => `t${Crypto.randomBytes(8).toString("hex")}`)

/** A key prefix that nobody else has: letters and digits only, so no pattern sign. */
export const redisPrefix: Effect.Effect<string> = unique

/** A schema or table name that nobody else has, which needs no quotes. */
export const postgresName: Effect.Effect<string> = unique

/** The URL of an empty database of one's own; the scope's close drops it, whoever is still connected. */
export const postgresDatabase: Effect.Effect<string, ServerError, Scope.Scope> = Effect.gen(function* () {
  const server = yield* postgresUrl
  const name = yield* unique
  yield* Effect.acquireRelease(query(server, `CREATE DATABASE ${name}`), () =>
    Effect.orDie(query(server, `DROP DATABASE ${name} WITH (FORCE)`))
  )
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
})

const query = (url: string, sql: string): Effect.Effect<void, ServerError> =>
  Effect.tryPromise({
    try: async () => {
      const client = new Pg.Client(url)
      await client.connect()
      try {
        await client.query(sql)
      } finally {
        await client.end()
      }
    },
    catch: (cause) => new ServerError({ reason: "system", server: "postgres", message: `${sql}: ${cause}`, cause })
  })
