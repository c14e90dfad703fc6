/**
 * State on Redis: one server for everybody.
 *
 * Rivals set with `PX`; this toolkit's set also keeps a version, the times and two indexes.
 */
import KeyvRedis from "@keyv/redis"
import { RedisStore as ConnectRedis } from "connect-redis"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StateStore } from "effect-state"
import { RedisStore } from "effect-state/redis"
import { Redis } from "ioredis"
import { Keyv } from "keyv"
import * as NodeRedis from "redis"
import { createStorage } from "unstorage"
import redisDriver from "unstorage/drivers/redis"
import type { Contender, Contest, Extra, Group } from "../Case.ts"
import * as Servers from "../Servers.ts"
import { type Item, load, type Session, ttlMs } from "../Workload.ts"
import { bare, ofEffects, ofPromises, opened } from "./Rival.ts"
import { toolkit } from "./Toolkit.ts"

const others = { "node-redis": undefined, "connect-redis": undefined, unstorage: undefined }

/** What finds entries here, kept by hand in one transaction: an index of keys, and one of deadlines. */
const indexed = "ioredis, with both indexes"

/** The commands that the server spends its time on, in a case of its own kind: less is better. */
const serverCpu: Extra = {
  operation: "server CPU of set",
  rival: "SET PX",
  goal: { atMost: 3 },
  measure: ({ ours, rivals, serverCpuMs }, sequence, { turnMs }) =>
    Effect.gen(function* () {
      if (serverCpuMs === undefined) return yield* Effect.dieMessage("the server's CPU time is not known")
      const calls = Math.ceil(turnMs * 100)
      const cost = (contender: Contender | undefined) =>
        Effect.gen(function* () {
          const set = contender?.calls.set
          if (set === undefined) return yield* Effect.dieMessage("nobody to compare with")
          const before = yield* serverCpuMs
          yield* load(set, sequence, 0, calls, 64, "fibers")
          return (yield* serverCpuMs) - before
        })
      return (yield* cost(ours)) / (yield* cost(rivals.ioredis))
    })
}

export const redis: Group = {
  backend: "redis",
  setting: "",
  cases: [
    { operation: "get", fibers: 1, rivals: { ioredis: 0.95 } },
    { operation: "get", fibers: 13, rivals: { ioredis: undefined } },
    { operation: "get", fibers: 64, rivals: { ioredis: 1.6, "@keyv/redis": 2.5, "node-redis, bare": 1.1, ...others } },
    { operation: "get", fibers: 512, rivals: { ioredis: 1.4 } },
    { operation: "get", fibers: 64, style: "forEach", rivals: { ioredis: undefined } },
    { operation: "set", fibers: 1, rivals: { ioredis: 0.9, [indexed]: undefined } },
    { operation: "set", fibers: 13, rivals: { ioredis: undefined } },
    { operation: "set", fibers: 64, rivals: { ioredis: 1.3, "@keyv/redis": 1.2, [indexed]: undefined, ...others } },
    { operation: "set", fibers: 512, rivals: { ioredis: 1.2 } }
  ],
  extra: [serverCpu],
  open: Effect.gen(function* () {
    const url = yield* Servers.redisUrl
    const store = Context.get(yield* Layer.build(RedisStore.layer({ url, defaultTtl: ttlMs })), StateStore.StateStore)
    const ioredis = yield* opened(
      () => new Redis(url, { enableAutoPipelining: true }),
      (client) => client.quit()
    )
    const nodeRedis = yield* opened(
      () => NodeRedis.createClient({ url }).connect(),
      (client) => client.close()
    )
    const info = Effect.promise(() => ioredis.info())
    const contest: Contest = {
      versions: { "redis-server": field(yield* info, "redis_version") },
      serverCpuMs: Effect.map(info, cpuMs),
      ours: toolkit(store),
      rivals: {
        ioredis: ofPromises(
          ({ key }) => ioredis.get(key).then(parse),
          ({ key, value }) => ioredis.set(key, JSON.stringify(value), "PX", ttlMs)
        ),
        [indexed]: ofPromises(
          ({ key }) => ioredis.get(`indexed:${key}`).then(parse),
          ({ key, value }) =>
            ioredis
              .multi()
              .set(`indexed:${key}`, JSON.stringify(value), "PX", ttlMs)
              .zadd("index", 0, key)
              .zadd("deadlines", Date.now() + ttlMs, key)
              .exec()
        ),
        "node-redis": ofPromises(...nodeCalls(nodeRedis)),
        "node-redis, bare": bare(...nodeCalls(nodeRedis)),
        "@keyv/redis": yield* keyv(url),
        "connect-redis": yield* connectRedis(nodeRedis),
        unstorage: yield* unstorage(url)
      }
    }
    return contest
  })
}

const parse = (text: string | null): unknown => JSON.parse(text ?? "null")

interface NodeClient {
  readonly get: (key: string) => Promise<string | null>
  readonly set: (key: string, text: string, options: { readonly PX: number }) => Promise<unknown>
}

const nodeCalls = (client: NodeClient) =>
  [
    ({ key }: Item) => client.get(`node:${key}`).then(parse),
    ({ key, value }: Item) => client.set(`node:${key}`, JSON.stringify(value), { PX: ttlMs })
  ] as const

const keyv = (url: string) =>
  Effect.map(
    opened(
      () => new Keyv({ store: new KeyvRedis(url), ttl: ttlMs }),
      (keyv) => keyv.disconnect()
    ),
    (keyv) =>
      ofPromises(
        ({ key }) => keyv.get(key),
        ({ key, value }) => keyv.set(key, value)
      )
  )

const connectRedis = (client: unknown) =>
  Effect.sync(() => {
    const store = new ConnectRedis({ client, ttl: ttlMs / 1_000 })
    return ofPromises(
      ({ key }) => store.get(key),
      ({ key, value }) => store.set(key, expressSession(value))
    )
  })

/** What express keeps is typed as a cookie of its own kind and whatever the app adds. */
const expressSession = (value: Session) => ({ ...value, cookie: { ...value.cookie } })

const unstorage = (url: string) =>
  Effect.map(
    opened(
      () => createStorage({ driver: redisDriver({ url, ttl: ttlMs / 1_000, base: "un", enableAutoPipelining: true }) }),
      (storage) => storage.dispose()
    ),
    (storage) =>
      ofEffects(
        ({ key }) => Effect.promise(() => storage.getItem(key)),
        ({ key, value }) => Effect.promise(() => storage.setItem(key, value))
      )
  )

const field = (info: string, name: string): string => new RegExp(`^${name}:(.*)`, "m").exec(info)?.[1]?.trim() ?? ""

/** Of the thread that serves: its own time and the kernel's on its behalf, sockets included. */
const cpuMs = (info: string): number =>
  1_000 * (Number(field(info, "used_cpu_user_main_thread")) + Number(field(info, "used_cpu_sys_main_thread")))
