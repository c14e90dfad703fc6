/**
 * Runs LangGraph's own validation suite in a process of its own: it brings another vitest than this one, and neither bears
 * the other beside it.
 */
import { execFile } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { build } from "esbuild"

export interface Report {
  readonly passed: number
  /** The names and messages of those that did not pass, skipped ones included. */
  readonly others: ReadonlyArray<string>
}

export interface Validation {
  readonly run: (stateUrl: string) => Promise<Report>
  readonly dispose: () => void
}

const require = createRequire(import.meta.url)
const folderOf = (name: string) => dirname(require.resolve(`${name}/package.json`))
const suite = folderOf("@langchain/langgraph-checkpoint-validation")
const checkpoint = join(folderOf("@langchain/langgraph-checkpoint"), "dist/index.js")
const vitest = join(suite, "node_modules/vitest/vitest.mjs")

/** LangGraph's classes must be those that the suite knows, so they are not bundled. */
const bundle = async (outfile: string): Promise<void> => {
  const sqlite = require.resolve("better-sqlite3")
  await build({
    entryPoints: [fileURLToPath(new URL("initializer.ts", import.meta.url))],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url)` },
    alias: { "better-sqlite3": sqlite, "@langchain/langgraph-checkpoint": checkpoint },
    external: [sqlite, checkpoint, "pg-native", "@langchain/langgraph-checkpoint-validation"]
  })
}

const tests = `
import { deltaChannelHistoryTests, validate } from ${JSON.stringify(pathToFileURL(join(suite, "dist/index.js")))}
import { initializer } from "./initializer.mjs"

validate(initializer)
describe("and of deltas", () => deltaChannelHistoryTests({ ...initializer, afterAll: undefined }))
`

/** A file's results in the reporter's format, which is Jest's. */
interface Results {
  readonly testResults: ReadonlyArray<{
    readonly message: string
    readonly assertionResults: ReadonlyArray<{
      readonly status: string
      readonly fullName: string
      readonly failureMessages: ReadonlyArray<string> | null
    }>
  }>
}

export const make = async (): Promise<Validation> => {
  const folder = mkdtempSync(join(tmpdir(), "effect-state-langgraph-"))
  await bundle(join(folder, "initializer.mjs"))
  writeFileSync(join(folder, "validation.test.mjs"), tests)
  const options = { globals: true, include: ["*.test.mjs"], reporters: ["json"], outputFile: "results.json" }
  writeFileSync(join(folder, "vitest.config.mjs"), `export default ${JSON.stringify({ test: options })}`)
  const run = async (stateUrl: string): Promise<Report> => {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("VITEST")))
    const output = await new Promise<string>((resolve) => {
      // It ends with 1 where a test fails: the results tell which.
      execFile(
        process.execPath,
        [vitest, "run", "--root", folder],
        { cwd: folder, env: { ...env, STATE_URL: stateUrl, NODE_OPTIONS: "" } },
        (_, stdout, stderr) => resolve(stdout + stderr)
      )
    })
    const results = join(folder, "results.json")
    let text: string
    try {
      text = readFileSync(results, "utf8")
    } catch {
      throw new Error(`The validation did not run: ${output}`)
    }
    rmSync(results)
    const { testResults }: Results = JSON.parse(text)
    const all = testResults.flatMap(({ assertionResults }) => assertionResults)
    return {
      passed: all.filter(({ status }) => status === "passed").length,
      others: [
        ...testResults.flatMap(({ message }) => (message === "" ? [] : [message])),
        ...all
          .filter(({ status }) => status !== "passed")
          .map(({ failureMessages, fullName, status }) => `${status}: ${fullName}: ${failureMessages?.join("\n")}`)
      ]
    }
  }
  return { run, dispose: () => rmSync(folder, { recursive: true, force: true }) }
}
