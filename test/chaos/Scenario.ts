/**
 * Histories of clients in several processes, with a fault now and then: after so many operations, not after so much time, so
 * that each history has its share.
 */
import { createInterface } from "node:readline"
import type * as Worker from "../processes/Worker.ts"
import type { Operation } from "./History.ts"
import type { Line, Run, StoreAt } from "./Protocol.ts"

export interface Options {
  readonly workers: Worker.Workers
  readonly at: StoreAt
  readonly seed: string
  readonly random: () => number
  /** Does harm, and gives the promise of its end; `kill` and `freeze` are for a process of clients. */
  readonly harm: (clients: Harmable) => Promise<void>
}

export interface Harmable {
  readonly kill: () => void
  readonly freeze: (durationMs: number) => Promise<void>
}

const processes = 4
const clientsPerProcess = 2
const keys = 4

/** Runs a history of about so many operations. */
export const run = async (options: Options, history: string, operations: number): Promise<ReadonlyArray<Operation>> => {
  const recorded = new Map<string, Operation>()
  const wanted = Math.ceil(operations / processes / clientsPerProcess)
  const running = new Map<number, ReturnType<Worker.Workers["start"]>>()
  let returned = 0
  let nextHarm = 30
  let harming: Promise<void> = Promise.resolve()
  let isHarming = false

  const harmable = (): Harmable => {
    const all = [...running.values()]
    const victim = all[Math.floor(options.random() * all.length)]
    return {
      kill: () => victim?.kill("SIGKILL"),
      freeze: (durationMs) => {
        victim?.kill("SIGSTOP")
        return new Promise((resolve) =>
          setTimeout(() => {
            victim?.kill("SIGCONT")
            resolve()
          }, durationMs)
        )
      }
    }
  }
  const record = (line: Line) => {
    if (line._tag === "Called") {
      const { id: _, _tag, ...operation } = line
      recorded.set(line.id, { ...operation, returnedNs: Number.POSITIVE_INFINITY, result: { _tag: "Unknown" } })
      return
    }
    const called = recorded.get(line.id)
    if (called === undefined) throw new Error(`${line.id} returned, and was never called`)
    if (line._tag === "Dropped") return void recorded.delete(line.id)
    const returnedNs = line.result._tag === "Unknown" ? Number.POSITIVE_INFINITY : line.returnedNs
    recorded.set(line.id, { ...called, returnedNs, result: line.result })
    returned++
    if (returned < nextHarm || isHarming) return
    nextHarm = returned + 40 + Math.floor(options.random() * 80)
    isHarming = true
    harming = options.harm(harmable()).finally(() => {
      isHarming = false
    })
    harming.catch(() => undefined)
  }

  /** One that is killed, is followed by another with the rest to do. */
  const drive = async (number: number) => {
    for (let left = wanted, life = 0; left > 0; life++) {
      const child = options.workers.start([JSON.stringify(options.at), `${options.seed}/${history}/${number}/${life}`])
      running.set(number, child)
      const exited = new Promise<string>((resolve) =>
        child.once("exit", (code, signal) => resolve(signal ?? String(code)))
      )
      const request: Run = { history, process: `${number}.${life}`, clients: clientsPerProcess, operations: left, keys }
      child.stdin.on("error", () => undefined)
      child.stdin.end(`${JSON.stringify(request)}\n`)
      let done = 0
      for await (const text of createInterface(child.stdout)) {
        if (text === "") continue
        const line: Line = JSON.parse(text)
        record(line)
        if (line._tag === "Returned") done++
      }
      const how = await exited
      running.delete(number)
      if (how === "0") return
      if (how !== "SIGKILL") throw new Error(`The clients' process ended with ${how}`)
      left -= Math.floor(done / clientsPerProcess)
    }
  }
  await Promise.all(Array.from({ length: processes }, (_, number) => drive(number)))
  await harming
  return [...recorded.values()].filter(({ action, result }) => !(action._tag === "Get" && result._tag === "Unknown"))
}
