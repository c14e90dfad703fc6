/**
 * Progress for people on a terminal, and plain lines elsewhere.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

export interface Progress {
  /** Tells the part done, 0 to 1, and what it is of. */
  readonly report: (part: number, text: string) => Effect.Effect<void>
  readonly done: Effect.Effect<void>
}

const width = 30

/** A bar that is drawn over and over, at most every tenth of a second. */
const bar = (out: NodeJS.WriteStream): Progress => {
  let drawnAtMs = 0
  return {
    report: (part, text) =>
      Effect.sync(() => {
        const nowMs = performance.now()
        if (nowMs - drawnAtMs < 100) return
        drawnAtMs = nowMs
        const filled = Math.round(Math.min(1, part) * width)
        out.write(`\r\u001b[K${"█".repeat(filled)}${"░".repeat(width - filled)} ${text}`)
      }),
    done: Effect.sync(() => out.write("\r\u001b[K"))
  }
}

/** A line for each tenth. */
const lines = (): Progress => {
  let tenths = 0
  return {
    report: (part, text) =>
      Effect.suspend(() => {
        const reached = Math.floor(part * 10)
        if (reached <= tenths) return Effect.void
        tenths = reached
        return Console.log(`${reached * 10}% ${text}`)
      }),
    done: Effect.void
  }
}

export const make: Effect.Effect<Progress> = Effect.sync(() => (process.stdout.isTTY ? bar(process.stdout) : lines()))
