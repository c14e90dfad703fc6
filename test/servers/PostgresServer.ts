/**
 * A PostgreSQL server of one's own.
 */
import * as ChildProcess from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Pg from "pg"
import * as Account from "./Account.ts"
import * as Binaries from "./Binaries.ts"
import * as Port from "./Port.ts"
import * as Reaper from "./Reaper.ts"
import * as Server from "./Server.ts"
import { ServerError } from "./ServerError.ts"

export interface Options {
  /** Server settings, such as `{ fsync: "off" }`. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** How clients prove who they are: not at all (the default), or by the password in the URL. */
  readonly auth?: "trust" | "scram-sha-256" | undefined
}

// Linguistic order by default, so that a query that forgets to ask for byte order is found out.
const locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=icu", "--icu-locale=en"]

// Fast shutdown: open transactions are rolled back.
const stopSignal = "SIGINT"

/** Starts a PostgreSQL server on loopback, with the superuser `postgres`, and waits until it takes connections. */
export const make = (options: Options = {}): Effect.Effect<Server.Server, ServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const account = yield* Account.unprivileged
    const found = yield* Binaries.postgres()
    const port = yield* Port.free
    const { directory, reaper } = yield* Reaper.make({ name: "postgres", stopSignal })
    if (account !== undefined) Fs.chownSync(directory, account.uid, account.gid)
    const binaries = yield* reachable(found, directory, account)
    const data = Path.join(directory, "data")
    const auth = options.auth ?? "trust"
    const password = Crypto.randomBytes(12).toString("hex")
    const passwordFile = Path.join(directory, "password")
    Fs.writeFileSync(passwordFile, password)
    const env = { ...process.env, LC_ALL: "C" }

    yield* run(
      binaries.initdb,
      ["-D", data, "-U", "postgres", "-A", auth, `--pwfile=${passwordFile}`, "--no-sync", ...locale],
      { cwd: directory, env, ...account }
    )

    const settings = {
      listen_addresses: Port.host,
      unix_socket_directories: "",
      // In the data directory, so that a killed server leaves nothing in /dev/shm.
      dynamic_shared_memory_type: "mmap",
      ...options.settings
    }
    const url = `postgres://postgres:${password}@${Port.host}:${port}/postgres`
    return yield* Server.make({
      name: "postgres",
      url,
      host: Port.host,
      port,
      command: binaries.postgres,
      args: [
        "-D",
        data,
        "-p",
        String(port),
        ...Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`])
      ],
      env,
      directory,
      reaper,
      account,
      stopSignal,
      probe: connects(url),
      // The last children of a killed server may outlive it by a moment.
      isTransient: (log) => /pre-existing shared memory block .*is still in use/.test(log)
    })
  })

/**
 * The binaries, where the account can run them: a checkout below root's home is closed to everybody else, so then they
 * are copied into the server's own directory, with the libraries and files that they find beside themselves.
 */
const reachable = (
  binaries: Binaries.Postgres,
  directory: string,
  account: Account.Account | undefined
): Effect.Effect<Binaries.Postgres, ServerError> =>
  run(binaries.postgres, ["--version"], { cwd: directory, ...account }).pipe(
    Effect.as(binaries),
    Effect.catchIf(
      () => account !== undefined,
      () =>
        Effect.tryPromise({
          try: async () => {
            const source = Path.resolve(binaries.postgres, "../..")
            const copy = Path.join(directory, "native")
            await Fs.promises.cp(source, copy, { recursive: true, verbatimSymlinks: true })
            const moved = (file: string) => Path.join(copy, Path.relative(source, file))
            return { postgres: moved(binaries.postgres), initdb: moved(binaries.initdb) }
          },
          catch: (cause) => commandFailed("cp", cause)
        })
    )
  )

const run = (command: string, args: ReadonlyArray<string>, options: ChildProcess.ExecFileOptions) =>
  Effect.async<string, ServerError>((resume) => {
    ChildProcess.execFile(command, args, options, (error, stdout, stderr) =>
      resume(
        error === null ? Effect.succeed(String(stdout)) : Effect.fail(commandFailed(command, error, String(stderr)))
      )
    )
  })

const commandFailed = (command: string, cause: unknown, stderr = "") =>
  new ServerError({
    reason: "system",
    server: "postgres",
    message: `${command} failed: ${stderr.trim() || String(cause)}. \`npm run setup\` checks what PostgreSQL needs`,
    cause
  })

const connectTimeoutMs = 2_000

const connects = (url: string) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const client = new Pg.Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs })
      // A server that dies while the probe is connected also fails the query below.
      client.on("error", () => undefined)
      return client
    }),
    (client) => Effect.tryPromise(() => client.connect().then(() => client.query("SELECT 1"))),
    (client) => Effect.promise(() => client.end())
  )
