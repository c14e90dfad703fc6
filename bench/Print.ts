/**
 * Results on a terminal.
 */
import * as Results from "./Results.ts"
import { type Effort, self } from "./Runner.ts"

export const table = (title: string, results: ReadonlyArray<Results.Result>, { name }: Effort): string =>
  // A smoke run proves nothing about speed.
  ["", title, ...results.map((result) => line(result, name !== "smoke"))].join("\n")

const line = (result: Results.Result, judged: boolean): string => {
  const { median, q1, q3 } = result.ratio
  const name = result.rival === self ? "itself (A/A)" : result.rival
  const spread = `(${ratio(q1)} to ${ratio(q3)})`
  return `  ${name.padEnd(24)} ${ratio(median).padStart(8)} ${spread.padEnd(22)} ${judged ? verdict(result) : ""}`.trimEnd()
}

/** Three digits are more than the noise leaves. */
export const ratio = (n: number): string => `${n >= 100 ? n.toFixed(0) : n >= 10 ? n.toFixed(1) : n.toFixed(2)}x`

export const goal = ({ atLeast, atMost }: Results.Result): string =>
  atLeast !== undefined ? `>= ${atLeast}x` : atMost !== undefined ? `<= ${atMost}x` : ""

export const verdict = (result: Results.Result): string => {
  const met = Results.met(result)
  return met === undefined ? "" : `${goal(result)} ${met ? "met" : "NOT MET"}`
}
