/**
 * What was measured, and where and with what, in `results.json`.
 */
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Arr from "effect/Array"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export const Ratio = Schema.Struct({ median: Schema.Number, q1: Schema.Number, q3: Schema.Number })

/** One comparison. The goal is the least of a throughput ratio, or the most of a cost ratio. */
export const Result = Schema.Struct({
  title: Schema.String,
  backend: Schema.String,
  rival: Schema.String,
  ratio: Ratio,
  atLeast: Schema.optional(Schema.Number),
  atMost: Schema.optional(Schema.Number)
})
export type Result = typeof Result.Type

/** Something that is no ratio: bytes an entry, the longest hold of the event loop. */
export const Fact = Schema.Struct({
  title: Schema.String,
  backend: Schema.String,
  value: Schema.Number,
  unit: Schema.String,
  atMost: Schema.optional(Schema.Number)
})
export type Fact = typeof Fact.Type

const Results = Schema.Struct({
  machine: Schema.Struct({ cpu: Schema.String, cores: Schema.Number, memoryGb: Schema.Number, os: Schema.String }),
  versions: Schema.Record({ key: Schema.String, value: Schema.String }),
  effort: Schema.String,
  results: Schema.Array(Result),
  facts: Schema.Array(Fact)
})
export type Results = typeof Results.Type

export const file = fileURLToPath(new URL("results.json", import.meta.url))

export class NoResults extends Data.TaggedError("NoResults")<{ readonly cause: unknown }> {
  override get message(): string {
    return `${file} can't be read. \`npm run bench\` makes it. ${String(this.cause)}`
  }
}

const Json = Schema.parseJson(Results, { space: 2 })

export const read: Effect.Effect<Results, NoResults> = Effect.try({
  try: () => Schema.decodeUnknownSync(Json)(Fs.readFileSync(file, "utf8")),
  catch: (cause) => new NoResults({ cause })
})

/** Whether a result is what was to be reached; `undefined` where nothing was. */
export const met = ({ ratio, atLeast, atMost }: Pick<Result, "ratio" | "atLeast" | "atMost">): boolean | undefined => {
  if (atLeast !== undefined) return ratio.median >= atLeast
  return atMost === undefined ? undefined : ratio.median <= atMost
}

/** Puts results in, in place of older ones of the same title; those of another machine or effort are dropped. */
export const save = (
  effort: string,
  servers: Readonly<Record<string, string>>,
  added: { readonly results?: ReadonlyArray<Result>; readonly facts?: ReadonlyArray<Fact> }
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const here = machine()
    const old = yield* Effect.option(read)
    const kept =
      old._tag === "Some" && old.value.effort === effort && JSON.stringify(old.value.machine) === JSON.stringify(here)
        ? old.value
        : { versions: {}, results: [], facts: [] }
    const { results = [], facts = [] } = added
    const all: Results = {
      machine: here,
      versions: { ...kept.versions, ...versions(), ...servers },
      effort,
      results: merged(kept.results, results),
      facts: merged(kept.facts, facts)
    }
    Fs.writeFileSync(file, `${Schema.encodeSync(Json)(all)}\n`)
  })

/** Each title's newest entries, where the title stood before. */
const merged = <A extends { readonly title: string }>(old: ReadonlyArray<A>, added: ReadonlyArray<A>) => {
  const byTitle = { ...Arr.groupBy(old, ({ title }) => title), ...Arr.groupBy(added, ({ title }) => title) }
  return Object.values(byTitle).flat()
}

const machine = (): Results["machine"] => ({
  cpu: Os.cpus()[0]?.model ?? "unknown",
  cores: Os.cpus().length,
  memoryGb: Math.round(Os.totalmem() / 2 ** 30),
  os: `${Os.type()} ${Os.arch()}`
})

const packages = [
  "effect",
  "@effect/platform",
  "@effect/sql",
  "@effect/sql-sqlite-node",
  "@effect/sql-pg",
  "better-sqlite3",
  "ioredis",
  "redis",
  "pg",
  "postgres",
  "keyv",
  "@keyv/sqlite",
  "@keyv/redis",
  "@keyv/postgres",
  "unstorage",
  "cacheable",
  "connect-redis",
  "connect-pg-simple"
]

const versions = (): Record<string, string> => ({
  node: process.versions.node,
  ...Object.fromEntries(packages.map((name) => [name, versionOf(name)]))
})

/** Some packages don't export their package.json: it is looked up in the folders where Node would look. */
const versionOf = (name: string): string => {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? []
  const found = folders.map((folder) => Path.join(folder, name, "package.json")).find((path) => Fs.existsSync(path))
  return found === undefined ? "unknown" : String(JSON.parse(Fs.readFileSync(found, "utf8")).version)
}
