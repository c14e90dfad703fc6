/**
 * Every code block of the documentation, in Markdown and in doc comments, is compiled as strictly as the library, and run.
 */
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, beforeAll, describe, it } from "vitest"

const root = fileURLToPath(new URL("../..", import.meta.url))
const folder = join(root, "test/docs/.blocks")

interface Block {
  readonly name: string
  readonly code: string
}

/** The blocks of a text, named by file and line. */
const blocksOf = (file: string, text: string, fence: RegExp, strip: RegExp): ReadonlyArray<Block> =>
  Array.from(text.matchAll(fence), (match) => ({
    name: `${relative(root, file)}:${text.slice(0, match.index).split("\n").length + 1}`,
    code: (match[1] ?? "").replaceAll(strip, "")
  }))

const filesIn = (folder: string, ending: string): ReadonlyArray<string> =>
  readdirSync(join(root, folder), { encoding: "utf8", recursive: true })
    .filter((file) => file.endsWith(ending))
    .map((file) => join(root, folder, file))

const markdown = [join(root, "README.md"), ...filesIn("docs", ".md")]
const sources = filesIn("src", ".ts")

const blocks: ReadonlyArray<Block> = [
  ...markdown.flatMap((file) => blocksOf(file, readFileSync(file, "utf8"), /^```ts\n(.*?)^```$/gms, /$^/g)),
  ...sources.flatMap((file) =>
    blocksOf(file, readFileSync(file, "utf8"), /^ *\* ```ts\n(.*?)^ *\* ```$/gms, /^ *\* ?/gm)
  )
]

const fileOf = (block: Block) => join(folder, `${block.name.replace(/[^\w.-]+/g, "_")}.ts`)

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const block of blocks) writeFileSync(fileOf(block), block.code)
})

describe("The documentation's code", () => {
  it("is there", () => {
    assert.isAbove(blocks.length, 5)
  })

  it("compiles", () => {
    const config = {
      extends: "../../../tsconfig.json",
      compilerOptions: { noUnusedLocals: false },
      include: ["*.ts"],
      exclude: []
    }
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config))
    const tsc = join(root, "node_modules/typescript/bin/tsc")
    try {
      execFileSync(process.execPath, [tsc, "-p", folder], { encoding: "utf8" })
    } catch (error) {
      assert.fail(String((error as { readonly stdout?: string }).stdout ?? error)) // What execFileSync throws.
    }
  })

  it.each(blocks)("runs: $name", async (block) => {
    await import(/* @vite-ignore */ fileOf(block))
  })
})
