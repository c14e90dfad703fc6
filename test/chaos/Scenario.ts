/**
 * Histories of clients in several processes, with a fault now and then: after so many operations, not after so much time, so
 * that each history has its share.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Worker from "../processes/Worker.ts"
import * as Clients from "./Clients.ts"
import type { Operation } from "./History.ts"
import type { Line, StoreAt } from "./Protocol.ts"

export interface Scenario {
  /** Runs a history of about so many operations. */
  readonly run: (history: string, operations: number, faults: Faults) => Promise<ReadonlyArray<Operation>>
}

export interface Faults {
  readonly random: () => number
  /** Does harm, and gives the promise of its end; `victim` is a process of clients. */
  readonly harm: (victim: Clients.Clients) => Promise<void>
}

const processes = 4
const clientsPerProcess = 2
const keys = 4

export const clientsCount = processes * clientsPerProcess

/** Starts the processes, for the time of the scope. */
export const make = (workers: Worker.Workers, at: StoreAt, seed: string): Effect.Effect<Scenario, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        Array.from({ length: processes }, (_, number) => Clients.make(workers, at, `${seed}/${number}`))
      ),
      (all) => Effect.promise(() => Promise.all(all.map((clients) => clients.close())))
    ),
    (all) => ({ run: (history, operations, faults) => run(all, history, operations, faults) })
  )

const run = async (
  all: ReadonlyArray<Clients.Clients>,
  history: string,
  operations: number,
  { harm, random }: Faults
): Promise<ReadonlyArray<Operation>> => {
  const recorded = new Map<string, Operation>()
  const perClient = Math.ceil(operations / clientsCount)
  const pause = () => 40 + Math.floor(random() * 80)
  let returned = 0
  let nextHarm = pause()
  let harming: Promise<void> | undefined
  let stalled: ReturnType<typeof setTimeout> | undefined

  await new Promise<void>((resolve, reject) => {
    const wait = () => {
      clearTimeout(stalled)
      stalled = setTimeout(() => reject(stall([...recorded.values()], harming !== undefined)), stallMsMax)
    }
    const onLine = (line: Line) => {
      wait()
      record(recorded, line)
      if (line._tag !== "Returned" || ++returned < nextHarm || harming !== undefined) return
      const victim = all[Math.floor(random() * all.length)]
      if (victim === undefined) return
      harming = harm(victim).finally(() => {
        nextHarm = returned + pause()
        harming = undefined
      })
      harming.catch(reject)
    }
    wait()
    const runs = all.map((clients, process) =>
      clients.run({ history, process, clients: clientsPerProcess, operations: perClient, keys }, onLine)
    )
    Promise.all(runs)
      .then(() => harming)
      .then(resolve, reject)
  }).finally(() => clearTimeout(stalled))
  return [...recorded.values()].filter(({ action, result }) => !(action._tag === "Get" && result._tag === "Unknown"))
}

/** No fault lasts so long, nor is anything waited for so long. */
const stallMsMax = 20_000

const stall = (recorded: ReadonlyArray<Operation>, isHarming: boolean): Error => {
  const last = new Map(recorded.map((operation) => [operation.client, operation]))
  const what = isHarming ? "a harm that does not end" : "clients"
  return new Error(
    `Nothing came for ${stallMsMax} ms, for ${what}; the last of each client: ${JSON.stringify([...last.values()])}`
  )
}

const record = (recorded: Map<string, Operation>, line: Line): void => {
  if (line._tag === "Called") {
    const { id, _tag, ...operation } = line
    recorded.set(id, { ...operation, returnedNs: Number.POSITIVE_INFINITY, result: { _tag: "Unknown" } })
    return
  }
  const called = recorded.get(line.id)
  if (called === undefined) throw new Error(`${line.id} returned, and was never called`)
  if (line._tag === "Dropped") return void recorded.delete(line.id)
  const returnedNs = line.result._tag === "Unknown" ? Number.POSITIVE_INFINITY : line.returnedNs
  recorded.set(line.id, { ...called, returnedNs, result: line.result })
}
