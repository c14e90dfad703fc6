/**
 * The driver of `@keyv/sqlite` is compiled at installation, for minutes and for this one rival alone. So npm is told not
 * to (`allowScripts` in package.json), and it is compiled here, the first time that it is measured.
 */
import * as ChildProcess from "node:child_process"
import { createRequire } from "node:module"
import * as Path from "node:path"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const require = createRequire(import.meta.url)

export const isBuilt = (): boolean => {
  try {
    require("sqlite3")
    return true
  } catch {
    return false
  }
}

export const build: Effect.Effect<void> = Effect.gen(function* () {
  if (isBuilt()) return
  yield* Console.log("Compiling sqlite3 for @keyv/sqlite, which takes some minutes, once.")
  yield* Effect.sync(() =>
    ChildProcess.execFileSync("npx", ["--no-install", "node-gyp", "rebuild"], {
      cwd: Path.dirname(require.resolve("sqlite3/package.json")),
      stdio: ["ignore", "ignore", "inherit"]
    })
  )
})
