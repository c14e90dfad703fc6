/** Processes of clients that stay for many histories. One that is killed is followed by another, with the rest to do. */
import { once } from "node:events"
import { createInterface } from "node:readline"
import type * as Worker from "../processes/Worker.ts"
import type { Line, Run, StoreAt } from "./Protocol.ts"

/** A process of clients, whichever it is now. */
export interface Clients {
  /** Does a run, and tells each line as it comes. */
  readonly run: (run: Omit<Run, "life">, onLine: (line: Line) => void) => Promise<void>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly close: () => Promise<unknown>
}

export const make = (workers: Worker.Workers, at: StoreAt, seed: string): Clients => {
  let lives = 0
  const start = () => {
    const child = workers.start([JSON.stringify(at), `${seed}/${lives++}`])
    // A process that is gone is noticed by its end.
    child.stdin.on("error", () => undefined)
    const exited = once(child, "exit").then(([code, signal]) => String(signal ?? code))
    return { child, exited, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
  }
  let now = start()
  let closed = false

  /** One life's part of a run: gives how many operations returned, and whether that was all. */
  const attempt = async (run: Run, onLine: (line: Line) => void) => {
    now.child.stdin.write(`${JSON.stringify(run)}\n`)
    for (let returned = 0; ; ) {
      const { done, value } = await now.lines.next()
      if (done === true) return { returned, isOver: false }
      if (value === "") return { returned, isOver: true }
      const line: Line = JSON.parse(value)
      if (line._tag === "Returned") returned++
      onLine(line)
    }
  }

  return {
    run: async (run, onLine) => {
      for (let life = 0, operations = run.operations; operations > 0; life++) {
        const { isOver, returned } = await attempt({ ...run, life, operations }, onLine)
        if (isOver) return
        const how = await now.exited
        if (closed) throw new Error("The clients were closed")
        if (how !== "SIGKILL") throw new Error(`A process of clients ended with ${how}`)
        operations -= Math.floor(returned / run.clients)
        now = start()
      }
    },
    signal: (signal) => void now.child.kill(signal),
    close: () => {
      closed = true
      now.child.kill("SIGKILL")
      return now.exited
    }
  }
}
