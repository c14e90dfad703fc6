import * as Effect from "effect/Effect"
import { Redis } from "ioredis"
import { RedisStore } from "./src/backends/redis/index.ts"
import { StateStore } from "./src/index.ts"

const port = Number(process.env.PORT)
const value = {
  id: "user-123456",
  name: "Ada Lovelace",
  email: "ada@example.org",
  roles: ["admin", "editor"],
  cart: [
    { sku: "A-1", n: 2 },
    { sku: "B-22", n: 1 }
  ],
  lastSeen: 1732153000123,
  flags: { beta: true, dark: false },
  note: "some text that makes this object about three hundred bytes long, as sessions are"
}
const N = 20000
const keys = Array.from({ length: N }, (_, i) => `user:${i}`)
const raw = new Redis(port, { enableAutoPipelining: true })
const text = JSON.stringify(value)
const median = (a: Array<number>) => a.sort((x, y) => x - y)[a.length >> 1]!
const which = process.argv[2] ?? "all"
const prog = Effect.gen(function* () {
  const s = yield* StateStore.StateStore
  for (let i = 0; i < N; i += 1000) {
    yield* s.setMany(keys.slice(i, i + 1000).map((key) => ({ key, value, ttl: "1 hour" })))
    yield* Effect.promise(() => raw.mset(...keys.slice(i, i + 1000).flatMap((k) => ["raw:" + k, text])))
  }
  const ours = {
    get: (k: string) => s.get(k),
    set: (k: string) => s.set(k, value, { ttl: "1 hour" })
  }
  const theirs = {
    get: (k: string) =>
      Effect.map(
        Effect.promise(() => raw.get("raw:" + k)),
        (t) => JSON.parse(t!)
      ),
    set: (k: string) => Effect.promise(() => raw.set("raw:" + k, JSON.stringify(value), "PX", 3600000))
  }
  let at = 0
  const run = (op: (k: string) => Effect.Effect<any, any>, fibers: number, total: number) =>
    Effect.gen(function* () {
      const per = Math.floor(total / fibers)
      const fiber = Effect.gen(function* () {
        for (let i = 0; i < per; i++) yield* op(keys[(at = (at + 7919) % N)]!)
      })
      const t = process.hrtime.bigint()
      yield* Effect.all(
        Array.from({ length: fibers }, () => fiber),
        { concurrency: "unbounded", discard: true }
      )
      return Number(process.hrtime.bigint() - t) / (per * fibers) / 1000
    })
  for (const op of ["get", "set"] as const)
    for (const fibers of [1, 64, 512]) {
      if (which !== "all" && which !== op + fibers) continue
      const total = fibers === 1 ? 3000 : 20000
      const a: Array<number> = [],
        b: Array<number> = []
      for (let r = 0; r < 9; r++) {
        a.push(yield* run(ours[op], fibers, total))
        b.push(yield* run(theirs[op], fibers, total))
      }
      const x = median(a.slice(1)),
        y = median(b.slice(1))
      console.log(op, fibers, "ours", x.toFixed(1), "us; ioredis", y.toFixed(1), "us; ratio", (y / x).toFixed(2))
    }
  // server CPU
  const cpu = async () => {
    const t = await raw.info("cpu")
    return (
      (Number(/used_cpu_user_main_thread:(\S+)/.exec(t)![1]) + Number(/used_cpu_sys_main_thread:(\S+)/.exec(t)![1])) *
      1e6
    )
  }
  if (which === "all" || which === "cpu")
    for (const fibers of [1, 64, 512]) {
      const total = fibers === 1 ? 5000 : 60000
      const c0 = yield* Effect.promise(cpu)
      yield* run(ours.set, fibers, total)
      const c1 = yield* Effect.promise(cpu)
      yield* run(theirs.set, fibers, total)
      const c2 = yield* Effect.promise(cpu)
      console.log(
        "server cpu/set",
        fibers,
        "ours",
        ((c1 - c0) / total).toFixed(2),
        "bare",
        ((c2 - c1) / total).toFixed(2),
        "ratio",
        ((c1 - c0) / (c2 - c1)).toFixed(2)
      )
    }
  yield* Effect.promise(() => raw.config("RESETSTAT"))
  yield* run(ours.set, 64, 20000)
  yield* run(theirs.set, 64, 20000)
  console.log(
    (yield* Effect.promise(() => raw.info("commandstats")))
      .split("\n")
      .filter((l) => /evalsha|:?set:|mget|zadd|time/.test(l))
      .join("\n")
  )
})
await Effect.runPromise(prog.pipe(Effect.provide(RedisStore.layer({ port, keyPrefix: `bench:` }))))
raw.disconnect()
