/**
 * The measurement: contenders take turns of equal length, round after round in one process, and each round gives a ratio.
 *
 * Machines drift (clocks, caches, neighbours), so that two throughputs taken minutes apart compare nothing. Here what is
 * compared was measured within the same second: a round goes A B C A, the next one backwards. This toolkit has the first
 * and the last turn of each; the ratio to a rival takes both, which cancels a steady drift, and their ratio to each other
 * is the A/A row: what differs from 1 there is noise, and no other row is more exact.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Case, Contender, Contest } from "./Case.ts"
import { type Item, load } from "./Workload.ts"

/** How long it may take. */
export interface Effort {
  readonly name: "full" | "quick" | "smoke"
  readonly rounds: number
  readonly turnMs: number
  readonly keys: number
}

export const efforts = {
  full: { name: "full", rounds: 21, turnMs: 120, keys: 20_000 },
  quick: { name: "quick", rounds: 5, turnMs: 30, keys: 5_000 },
  smoke: { name: "smoke", rounds: 2, turnMs: 4, keys: 200 }
} as const satisfies Record<string, Effort>

/** The middle of the rounds' ratios, and where the middle half of them lies. */
export interface Ratio {
  readonly median: number
  readonly q1: number
  readonly q3: number
}

export interface Row {
  readonly rival: string
  readonly ratio: Ratio
}

/** The rows of one case, the A/A row first. Rivals that can't be had have none. */
export const measure = (
  { operation, fibers, style = "fibers", rivals }: Case,
  contest: Contest,
  sequence: ReadonlyArray<Item>,
  { rounds, turnMs }: Effort
): Effect.Effect<ReadonlyArray<Row>, unknown> =>
  Effect.gen(function* () {
    const turn = (name: string, contender: Contender | undefined) =>
      Effect.gen(function* () {
        const call = contender?.calls[operation]
        if (call === undefined) return yield* Effect.dieMessage(`${name} has no ${operation}`)
        let start = 0
        const run = (calls: number) =>
          Effect.suspend(() => {
            const first = start
            start += calls
            return Effect.timed(tidied(load(call, sequence, first, calls, fibers, style)))
          })
        const calls = yield* calibrate(run, turnMs, fibers)
        return Effect.map(run(calls), ([time]) => calls / Duration.toMillis(time))
      })
    const names = Object.keys(rivals).filter((name) => contest.rivals[name] !== undefined)
    const ours = yield* turn(self, contest.ours)
    const others = yield* Effect.forEach(names, (name) => turn(name, contest.rivals[name]))
    const order = [ours, ...others, ours]
    const ratios: ReadonlyArray<Array<number>> = [[], ...names.map(() => [])]
    for (let round = 0; round < rounds; round++) {
      const rates = yield* Effect.all(round % 2 === 0 ? order : order.toReversed())
      if (round % 2 === 1) rates.reverse()
      const [first = Number.NaN, last = Number.NaN] = [rates[0], rates.at(-1)]
      const both = 2 / (1 / first + 1 / last)
      ratios[0]?.push(first / last)
      for (let i = 1; i < ratios.length; i++) ratios[i]?.push(both / (rates[i] ?? Number.NaN))
    }
    return [self, ...names].map((rival, i) => ({ rival, ratio: quartiles(ratios[i] ?? []) }))
  })

/** The name of this toolkit among the contenders; as its own rival, the A/A row. */
export const self = "effect-state"

export const quartiles = (numbers: ReadonlyArray<number>): Ratio => {
  const sorted = numbers.toSorted((a, b) => a - b)
  const at = (part: number) => {
    const place = (sorted.length - 1) * part
    const below = sorted[Math.floor(place)] ?? Number.NaN
    const above = sorted[Math.ceil(place)] ?? Number.NaN
    return below + (above - below) * (place - Math.floor(place))
  }
  return { median: at(0.5), q1: at(0.25), q3: at(0.75) }
}

/** How many calls fill a turn. Finding that out warms the code up, too: what was cold at first is timed once more. */
const calibrate = <A>(
  run: (calls: number) => Effect.Effect<readonly [Duration.Duration, A], unknown>,
  turnMs: number,
  fibers: number
) =>
  Effect.gen(function* () {
    let calls = fibers
    for (let warm = 0; warm < 2; ) {
      const ms = Duration.toMillis((yield* run(calls))[0])
      if (ms >= turnMs / 2) warm++
      calls = Math.max(fibers, Math.round(calls * Math.min(4, turnMs / ms)))
    }
    return calls
  })

/** A turn pays for its own young garbage, and for nobody else's. Only with `node --expose-gc`. */
export const tidied = <A, E>(turn: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.tap(turn, () => Effect.sync(() => globalThis.gc?.({ type: "minor", execution: "sync" })))
