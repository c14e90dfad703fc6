/**
 * Writes what `results.json` has into docs/PERFORMANCE.md, between its two marks, and draws it beside: `npm run bench:report`.
 */
import * as Fs from "node:fs"
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Chart from "./Chart.ts"
import * as Print from "./Print.ts"
import * as Results from "./Results.ts"
import { self } from "./Runner.ts"

const docs = (name: string) => fileURLToPath(new URL(`../docs/${name}`, import.meta.url))

const begin = "<!-- results: written by `npm run bench:report` -->"
const end = "<!-- end of results -->"

const row = (cells: ReadonlyArray<string>): string => `| ${cells.join(" | ")} |`

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>): string =>
  [row(head), row(head.map(() => "---")), ...rows.map(row)].join("\n")

/** The noise of a case is how far the middle half of its A/A rounds lies from 1. */
const noise = (results: ReadonlyArray<Results.Result>): ReadonlyMap<string, string> =>
  new Map(
    results
      .filter(({ rival }) => rival === self)
      .map(({ title, ratio }) => [
        title,
        `±${(100 * Math.max(Math.abs(ratio.q1 - 1), Math.abs(ratio.q3 - 1))).toFixed(0)}%`
      ])
  )

const verdict = (met: boolean | undefined): string => (met === undefined ? "" : met ? "met" : "**not met**")

const comparisons = (results: ReadonlyArray<Results.Result>): string => {
  const noises = noise(results)
  return table(
    ["case", "compared with", "ratio", "middle half of the rounds", "noise", "goal", ""],
    results
      .filter(({ rival }) => rival !== self)
      .map((result) => [
        result.title,
        result.rival,
        Print.ratio(result.ratio.median),
        `${Print.ratio(result.ratio.q1)} to ${Print.ratio(result.ratio.q3)}`,
        noises.get(result.title) ?? "",
        Print.goal(result),
        verdict(Results.met(result))
      ])
  )
}

const facts = (facts: ReadonlyArray<Results.Fact>): string =>
  table(
    ["what", "measured", "goal", ""],
    facts.map(({ title, value, unit, atMost }) => [
      title,
      `${value} ${unit}`,
      atMost === undefined ? "" : `<= ${atMost} ${unit}`,
      verdict(atMost === undefined ? undefined : value <= atMost)
    ])
  )

const section = ({ machine, versions, results, facts: measured }: Results.Results): string =>
  [
    begin,
    `Measured on ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.os}, with ${Object.entries(
      versions
    )
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "![The ratios to each rival, by case](performance.svg)",
    comparisons(results),
    ...(measured.length === 0 ? [] : ["### At scale", facts(measured)]),
    end
  ].join("\n\n")

const report = Effect.gen(function* () {
  const results = yield* Results.read
  const file = docs("PERFORMANCE.md")
  const text = Fs.readFileSync(file, "utf8")
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to < from) return yield* Effect.dieMessage(`${file} lacks the marks around its results`)
  Fs.writeFileSync(file, text.slice(0, from) + section(results) + text.slice(to + end.length))
  Fs.writeFileSync(docs("performance.svg"), Chart.svg(results.results))
  yield* Console.log(`Wrote ${file} and performance.svg`)
})

NodeRuntime.runMain(report)
