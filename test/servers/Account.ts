/**
 * Whom the servers run as. PostgreSQL refuses to run as root, so root lends it the account `nobody` (initdb looks its
 * user up by name, so a made-up id won't do). Everybody else runs the servers as they are.
 */
import * as ChildProcess from "node:child_process"
import * as Effect from "effect/Effect"
import { ServerError } from "./ServerError.ts"

export interface Account {
  readonly uid: number
  readonly gid: number
}

const idOf = (flag: "-u" | "-g") => Number(ChildProcess.execFileSync("id", [flag, "nobody"], { encoding: "utf8" }))

/** The account for a server that refuses root; `undefined` when we are not root. */
export const unprivileged: Effect.Effect<Account | undefined, ServerError> = Effect.try({
  try: () => (process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : undefined),
  catch: (cause) =>
    new ServerError({
      reason: "system",
      server: "postgres",
      message: "PostgreSQL refuses to run as root, and there is no account `nobody` to run it as",
      cause
    })
})
