/**
 * A wire to a server that can go bad. As TCP does, it never loses bytes from the middle of a connection: what is lost is the
 * rest of it, and what was sent before a hang-up may still arrive.
 */
import * as Net from "node:net"

export interface Proxy {
  readonly port: number
  /** Each connection is hit with this probability, by a fault that lasts so long. */
  readonly hit: (fault: Fault, probability: number, durationMs: number, random: () => number) => void
  readonly close: () => void
}

/**
 * Cut at once; replies lost, then cut; silence both ways, then all arrives, even if the client has hung up; every
 * piece late.
 */
export type Fault = "cut" | "lose-replies" | "hold" | "delay"
export const faults: ReadonlyArray<Fault> = ["cut", "lose-replies", "hold", "delay"]

const delayMs = 15

interface Wire {
  readonly hit: (fault: Fault, durationMs: number) => void
  readonly destroy: () => void
}

export const make = (port: number): Promise<Proxy> =>
  new Promise((resolve) => {
    const wires = new Set<Wire>()
    const server = Net.createServer((client) => {
      const wire = connect(client, Net.connect({ host: "127.0.0.1", port }), () => wires.delete(wire))
      wires.add(wire)
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      resolve({
        port: typeof address === "object" && address !== null ? address.port : 0,
        hit: (fault, probability, durationMs, random) => {
          for (const wire of wires) if (random() < probability) wire.hit(fault, durationMs)
        },
        close: () => {
          server.close()
          for (const wire of wires) wire.destroy()
        }
      })
    })
  })

const connect = (client: Net.Socket, upstream: Net.Socket, onClose: () => void): Wire => {
  let fault: Fault | undefined
  // One line for both directions: whatever waits is not overtaken.
  const line: Array<{ readonly write: () => void; readonly dueMs: number }> = []
  const destroy = () => {
    client.destroy()
    upstream.destroy()
    onClose()
  }
  const pump = () => {
    for (let next = line[0]; fault !== "hold" && next !== undefined; next = line[0]) {
      const waitMs = next.dueMs - performance.now()
      if (waitMs > 0) return void setTimeout(pump, waitMs)
      line.shift()
      next.write()
    }
  }
  const pass = (write: () => void) => {
    line.push({ write, dueMs: performance.now() + (fault === "delay" ? delayMs : 0) })
    if (line.length === 1) pump()
  }
  client.on("data", (data) => pass(() => upstream.write(data)))
  upstream.on("data", (data) => {
    if (fault !== "lose-replies") pass(() => client.write(data))
  })
  // What is on its way to the server goes first.
  client.on("close", () => pass(() => upstream.end()))
  upstream.on("close", destroy)
  client.on("error", () => client.destroy())
  upstream.on("error", destroy)
  return {
    destroy,
    hit: (next, durationMs) => {
      if (fault !== undefined) return
      if (next === "cut") return destroy()
      fault = next
      setTimeout(() => {
        fault = undefined
        if (next === "lose-replies") destroy()
        else pump()
      }, durationMs)
    }
  }
}
