/** What is done to clients, servers and the wires between them. Each lasts a while, and then all is well again. */
import * as Effect from "effect/Effect"
import type { Server } from "../servers/Server.ts"
import type { Clients } from "./Clients.ts"
import * as Proxy from "./Proxy.ts"

/** How often each comes, against the others, and what it does. */
export type Harms = Readonly<Record<string, { readonly weight: number; readonly harm: Harm }>>

type Harm = (victim: Clients, random: () => number) => Promise<void>

/** Does one of them, and counts it: at first the one whose turn it is in this history, so that none is missing, then any. */
export const oneOf = (harms: Harms, history: number, random: () => number, count: (name: string) => void) => {
  const all = Object.entries(harms)
  let next = all[history % all.length]
  return (victim: Clients): Promise<void> => {
    const [name, { harm }] = next ?? oneByWeight(all, random)
    next = undefined
    count(name)
    return harm(victim, random)
  }
}

type Named = readonly [name: string, Harms[string]]

const oneByWeight = (all: ReadonlyArray<Named>, random: () => number): Named => {
  const weighted = all.flatMap((one) => Array<Named>(one[1].weight).fill(one))
  return weighted[Math.floor(random() * weighted.length)] as Named // In bounds.
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Shorter than a command's timeout, or longer. */
const durationMs = (random: () => number) => 20 + random() * 330

export const toClients: Harms = {
  killed: { weight: 1, harm: async (victim) => victim.signal("SIGKILL") },
  frozen: {
    weight: 2,
    harm: async (victim, random) => {
      victim.signal("SIGSTOP")
      await sleep(durationMs(random))
      victim.signal("SIGCONT")
    }
  }
}

export const toServer = (server: Server, proxy: Proxy.Proxy): Harms => {
  const onWire = (fault: Proxy.Fault) => ({
    weight: 2,
    harm: async (_: Clients, random: () => number) => {
      const ms = durationMs(random)
      proxy.hit(fault, 0.5, ms, random)
      await sleep(ms)
    }
  })
  return {
    killed: { weight: 1, harm: () => Effect.runPromise(Effect.zipRight(server.kill(), server.start)) },
    frozen: {
      weight: 1,
      harm: async (_, random) => {
        Effect.runSync(server.pause)
        await sleep(80 + durationMs(random))
        Effect.runSync(server.resume)
      }
    },
    ...Object.fromEntries(Proxy.faults.map((fault) => [fault, onWire(fault)]))
  }
}
