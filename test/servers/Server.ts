/**
 * A throw-away server process: started on a free loopback port in a directory of its own, killed, paused and started
 * again at will, and gone when its scope closes or its owner dies.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Account } from "./Account.ts"
import type * as Reaper from "./Reaper.ts"
import { ServerError } from "./ServerError.ts"

export interface Server {
  readonly url: string
  readonly host: string
  readonly port: number
  /** The process id now; `undefined` while the server is down. */
  readonly pid: Effect.Effect<number | undefined>
  /** What the server has printed so far. */
  readonly log: Effect.Effect<string>
  /** Starts the server on its port and data directory and waits until it answers; nothing if it runs. */
  readonly start: Effect.Effect<void, ServerError>
  /** Ends the server in good order and starts it again. */
  readonly restart: Effect.Effect<void, ServerError>
  /** Sends an ending signal (`SIGKILL` unless told, to the server's children too) and waits until the server is gone. */
  readonly kill: (signal?: NodeJS.Signals) => Effect.Effect<void, ServerError>
  /** Stops the server and its children where they are: connections stay open and nothing answers. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
}

export interface Options {
  readonly name: string
  readonly url: string
  readonly host: string
  readonly port: number
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly env: NodeJS.ProcessEnv
  readonly directory: string
  /** Made before the server, so that it outlives it. */
  readonly reaper: Reaper.Reaper
  readonly account: Account | undefined
  /** The signal that ends the server in good order. */
  readonly stopSignal: NodeJS.Signals
  /** Succeeds when the server answers as its clients need it. */
  readonly probe: Effect.Effect<void, unknown>
  /** Whether this log of a failed start speaks of something that passes by itself. */
  readonly isTransient: (log: string) => boolean
}

interface Running {
  readonly pid: number
  readonly ended: Promise<string>
  hasEnded: boolean
}

const answersWithin = "30 seconds"
const endsWithin = "20 seconds"
const logTailChars = 2_000

/** Makes the server and starts it. */
export const make = (options: Options): Effect.Effect<Server, ServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const reaper = options.reaper
    const logFile = Path.join(options.directory, "server.log")
    const readLog = () => (Fs.existsSync(logFile) ? Fs.readFileSync(logFile, "utf8") : "")
    let running: Running | undefined

    const fail = (reason: ServerError["reason"], what: string) =>
      new ServerError({
        reason,
        server: options.name,
        message: `${options.name} on port ${options.port} ${what}. Its last words:\n${readLog().slice(-logTailChars)}`
      })

    const spawn = Effect.suspend(() => {
      const log = Fs.openSync(logFile, "a")
      const child = ChildProcess.spawn(options.command, options.args, {
        cwd: options.directory,
        env: options.env,
        stdio: ["ignore", log, log],
        detached: true,
        ...options.account
      })
      Fs.closeSync(log)
      return Effect.async<Running, ServerError>((resume) => {
        child.once("error", (cause) => resume(fail("system", `can't be started: ${cause.message}`)))
        child.once("spawn", () => {
          const pid = child.pid
          if (pid === undefined) return
          const ended = new Promise<string>((resolve) => {
            child.once("exit", (code, signal) => {
              started.hasEnded = true
              if (running === started) {
                running = undefined
                reaper.watch(undefined)
              }
              resolve(signal ?? `code ${code}`)
            })
          })
          const started: Running = { pid, ended, hasEnded: false }
          running = started
          reaper.watch(pid)
          child.unref()
          resume(Effect.succeed(started))
        })
      })
    })

    const answers = options.probe.pipe(Effect.retry({ schedule: Schedule.spaced("20 millis") }))

    const startOnce = Effect.gen(function* () {
      const started = yield* spawn
      const ended = Effect.flatMap(
        Effect.promise(() => started.ended),
        (how) => Effect.fail(fail("exited", `ended (${how}) before it answered`))
      )
      yield* Effect.raceFirst(Effect.orDie(answers), ended)
      // Somebody else may answer on the port while ours is failing to bind it.
      if (started.hasEnded) yield* ended
    })

    const start = Effect.suspend(() => (running === undefined ? startOnce : Effect.void)).pipe(
      Effect.retry({
        while: (error) => error.reason === "exited" && options.isTransient(error.message),
        schedule: Schedule.spaced("100 millis")
      }),
      Effect.timeoutFail({
        duration: answersWithin,
        onTimeout: () => fail("timeout", `did not answer in ${answersWithin}`)
      })
    )

    const kill = (signal: NodeJS.Signals = "SIGKILL") =>
      Effect.suspend(() => {
        const target = running
        if (target === undefined) return Effect.void
        // Listed before the parent dies: orphans have another parent. Its own end is what ends them on softer signals.
        const children = signal === "SIGKILL" ? childrenOf(target.pid) : []
        send(target.pid, signal)
        for (const child of children) send(child, signal)
        send(target.pid, "SIGCONT")
        return Effect.promise(() => target.ended).pipe(
          Effect.asVoid,
          Effect.timeoutFail({
            duration: endsWithin,
            onTimeout: () => fail("timeout", `did not end on ${signal} in ${endsWithin}`)
          })
        )
      })

    // The parent is stopped first and continued last: in between its list of children can't change.
    const pause = Effect.sync(() => {
      if (running === undefined) return
      send(running.pid, "SIGSTOP")
      for (const child of childrenOf(running.pid)) send(child, "SIGSTOP")
    })
    const resume = Effect.sync(() => {
      if (running === undefined) return
      for (const child of childrenOf(running.pid)) send(child, "SIGCONT")
      send(running.pid, "SIGCONT")
    })

    // A clean end at the scope's close; the reaper, released after it, ends what does not end so.
    yield* Effect.addFinalizer(() => Effect.ignoreLogged(Effect.zipRight(resume, kill(options.stopSignal))))
    yield* start

    return {
      url: options.url,
      host: options.host,
      port: options.port,
      pid: Effect.sync(() => running?.pid),
      log: Effect.sync(readLog),
      start,
      restart: Effect.zipRight(kill(options.stopSignal), start),
      kill,
      pause,
      resume
    }
  })

/** A process that is gone already needs no signal. */
const send = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error
  }
}

const childrenOf = (pid: number): ReadonlyArray<number> => {
  const list =
    process.platform === "linux"
      ? Fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      : ChildProcess.spawnSync("pgrep", ["-P", String(pid)], { encoding: "utf8" }).stdout
  return list.split(/\s+/).filter(Boolean).map(Number)
}
