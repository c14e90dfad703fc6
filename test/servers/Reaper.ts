/**
 * Ends a server and removes its directory when its owner is gone, however the owner went.
 *
 * An exit handler does not run on SIGTERM or SIGKILL, which is how test workers die. So each server gets a tiny shell
 * in a session of its own that reads process ids from a pipe: when the pipe closes (by the scope or by the owner's
 * death) it ends the last process it was told of and removes the directory. Both ends of life are one path.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface Reaper {
  /** Tells which process to end from now on; `undefined` for none. */
  readonly watch: (pid: number | undefined) => void
}

// A paused process acts on its stop signal once it is continued. A hundred waits of 0.1 s, then it is killed.
const script = `
trap '' INT TERM HUP
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ]; then
  kill "-$1" "$pid"; kill -CONT "$pid"
  waits=0
  while kill -0 "$pid" && [ $waits -lt 100 ]; do sleep 0.1; waits=$((waits + 1)); done
  kill -KILL "$pid"
fi 2>/dev/null
if [ -n "$2" ]; then rm -rf "$2"; fi
`

/**
 * Starts a reaper over the given directory, which stays, or over a new temporary one, which is removed at the end.
 * Closing the scope waits until it is through.
 */
export const make = (options: {
  readonly name: string
  readonly stopSignal: NodeJS.Signals
  readonly directory?: string | undefined
}): Effect.Effect<{ readonly directory: string; readonly reaper: Reaper }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const temporary = options.directory ?? Fs.mkdtempSync(Path.join(Os.tmpdir(), `effect-state-${options.name}-`))
      const signal = options.stopSignal.replace(/^SIG/, "")
      const args = ["-c", script, "reaper", signal, options.directory === undefined ? temporary : ""]
      const child = ChildProcess.spawn("/bin/sh", args, { detached: true, stdio: ["pipe", "ignore", "ignore"] })
      const ended = new Promise<void>((resolve, reject) => {
        child.once("exit", () => resolve())
        child.once("error", reject)
      })
      return { directory: temporary, child, ended }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.stdin.end()
        return ended
      })
  ).pipe(
    Effect.map(({ child, directory }) => ({
      directory,
      reaper: {
        watch: (pid) => {
          child.stdin.write(`${pid ?? ""}\n`)
        }
      }
    }))
  )
