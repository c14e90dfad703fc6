/**
 * The package as others get it: packed, installed outside of the repository with only what it asks for, type-checked
 * strictly, and run.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { afterAll, beforeAll } from "vitest"
import { consumers, printed } from "./consumers.ts"
import * as Install from "./Install.ts"

const repository = fileURLToPath(new URL("../..", import.meta.url))
const modules = Path.join(repository, "node_modules")
const workshop = Fs.realpathSync(Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-state-package-")))
const unpacked = Path.join(workshop, "package")

interface Ran {
  readonly code: number | null
  readonly output: string
}

const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv }
): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = ChildProcess.spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] })
    let output = ""
    child.stdout.on("data", (chunk) => {
      output += chunk
    })
    child.stderr.on("data", (chunk) => {
      output += chunk
    })
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, output }))
  })

const mustRun = async (...args: Parameters<typeof run>): Promise<void> => {
  const { code, output } = await run(...args)
  assert.strictEqual(code, 0, `${args[0]} ${args[1].join(" ")}\n${output}`)
}

/** A project outside of the repository, with the package and the given packages installed. */
const project = (name: string, packages: ReadonlyArray<string>, program: string): string => {
  const folder = Fs.mkdtempSync(Path.join(workshop, `${name.replaceAll("/", "-")}-`))
  const installed = Path.join(folder, "node_modules")
  // Every TypeScript project on Node has @types/node.
  Install.link({ from: modules, to: installed, packages: ["effect", "@types/node", ...packages] })
  Fs.cpSync(unpacked, Path.join(installed, "effect-state"), { recursive: true })
  Fs.writeFileSync(Path.join(folder, "package.json"), JSON.stringify({ name: "consumer", type: "module" }))
  Fs.writeFileSync(Path.join(folder, "main.ts"), program)
  return folder
}

const typeCheck = (folder: string, skipLibCheck: boolean) => {
  const compilerOptions = {
    target: "ES2022",
    lib: ["ES2022"],
    module: "NodeNext",
    types: ["node"],
    strict: true,
    declaration: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noPropertyAccessFromIndexSignature: true,
    verbatimModuleSyntax: true,
    skipLibCheck,
    preserveSymlinks: true,
    outDir: "out",
    rootDir: "."
  }
  Fs.writeFileSync(Path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }))
  // Another compiler can be tried: TSC names its tsc script.
  const tsc = process.env.TSC ?? Path.join(modules, "typescript/bin/tsc")
  return run(process.execPath, [tsc, "-p", "."], { cwd: folder })
}

const start = (folder: string, url: string) =>
  run(process.execPath, ["--preserve-symlinks", "--preserve-symlinks-main", "out/main.js"], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: "", STATE_URL: url }
  })

const filesBelow = (folder: string): ReadonlyArray<string> =>
  Fs.readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => Path.join(entry.parentPath, entry.name))

beforeAll(async () => {
  await mustRun("npm", ["run", "build"], { cwd: repository })
  await mustRun("npm", ["pack", "--ignore-scripts", "--pack-destination", workshop], { cwd: repository })
  const tarball = Fs.readdirSync(workshop).find((name) => name.endsWith(".tgz")) ?? ""
  await mustRun("tar", ["-xzf", tarball], { cwd: workshop })
}, 120_000)

afterAll(() => Fs.rmSync(workshop, { recursive: true, force: true }))

describe("The packed package", () => {
  it("has the build and the sources, and nothing else of the repository", () => {
    const kept = new Set(["dist", "src", "CHANGELOG.md", "LICENSE", "README.md", "package.json"])
    assert.deepStrictEqual(
      Fs.readdirSync(unpacked).filter((name) => !kept.has(name)),
      []
    )
    assert.isAbove(filesBelow(Path.join(unpacked, "src")).length, 0)
    assert.deepStrictEqual(
      filesBelow(unpacked).filter((file) => /\.test\.|tsbuildinfo/.test(file)),
      []
    )
  })

  it("has a map for every module, and every map leads to a source in the package", () => {
    const built = filesBelow(Path.join(unpacked, "dist"))
    const code = built.filter((file) => /\.(js|d\.ts)$/.test(file))
    assert.isAbove(code.length, 0)
    for (const file of code) {
      // A source map, whose format has \`sources\`, relative to the map.
      const { sources }: { readonly sources: ReadonlyArray<string> } = JSON.parse(
        Fs.readFileSync(`${file}.map`, "utf8")
      )
      for (const source of sources) {
        const path = Path.resolve(Path.dirname(file), source)
        assert.isTrue(path.startsWith(Path.join(unpacked, "src")) && Fs.existsSync(path), `${file}: ${source}`)
      }
    }
  })

  it("has every file that its exports name", () => {
    const { exports }: { readonly exports: Readonly<Record<string, string | Record<string, string>>> } = JSON.parse(
      Fs.readFileSync(Path.join(unpacked, "package.json"), "utf8")
    )
    const named = Object.values(exports).flatMap((target) =>
      typeof target === "string" ? [target] : Object.values(target)
    )
    assert.deepStrictEqual(
      named.filter((file) => !Fs.existsSync(Path.join(unpacked, file))),
      []
    )
  })
})

// The compiler reads all of its dependencies' declarations: seconds here, more on a busy machine.
describe("A strict project that installs the package", { timeout: 120_000 }, () => {
  for (const { name, peers, program, url, skipLibCheck, typesOnly } of consumers) {
    it.scopedLive(`imports ${name} with ${["effect", ...peers].join(", ")}`, () =>
      Effect.gen(function* () {
        const server = url === undefined ? "" : yield* url
        const folder = project(name, peers, program)
        const checked = yield* Effect.promise(() => typeCheck(folder, skipLibCheck ?? false))
        assert.deepStrictEqual(checked, { code: 0, output: "" })
        if (typesOnly) return
        assert.deepStrictEqual(yield* Effect.promise(() => start(folder, server)), { code: 0, output: printed })
      })
    )
  }

  it("lacks what it has not installed", async () => {
    const sqlite = consumers.find(({ name }) => name === "effect-state/sqlite")
    const folder = project("without-driver", [], sqlite?.program ?? "")
    const checked = await typeCheck(folder, false)
    assert.include(checked.output, "TS2307")
    const started = await start(folder, "")
    assert.strictEqual(started.code, 1)
    assert.include(started.output, "ERR_MODULE_NOT_FOUND")
  })
})
