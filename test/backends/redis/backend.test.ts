import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { make } from "../../../src/backends/redis/backend.ts"
import * as Client from "../../../src/backends/redis/client.ts"
import { Connection } from "../../../src/backends/redis/connection.ts"
import { Connections } from "../../../src/backends/redis/connections.ts"
import * as Layout from "../../../src/backends/redis/layout.ts"
import type { Mutation, Stored } from "../../../src/store/Backend.ts"
import * as Namespace from "../../../src/store/Namespace.ts"
import * as Ttl from "../../../src/store/Ttl.ts"
import { Version } from "../../../src/store/Version.ts"
import * as SharedServers from "../../servers/SharedServers.ts"

const root = Namespace.root({}, undefined)
const key = (text: string) => Namespace.fullKey(root, text)

const backend = Effect.gen(function* () {
  const url = new URL(yield* SharedServers.redisUrl)
  const client = yield* Client.open({ host: url.hostname, port: Number(url.port) }, 5_000)
  const connection = new Connection(client, { commandTimeoutMs: 5_000, owned: true })
  const layout = Layout.make(`${yield* SharedServers.redisPrefix}:`, 1)
  return make({ connections: new Connections([connection]), layout, description: "Redis", replicas: undefined })
})

const put = (text: string, payload: string | Uint8Array): Mutation => ({
  _tag: "Put",
  key: key(text),
  stamped: false,
  payload,
  deadline: Ttl.never
})

describe("the backend", () => {
  it.scoped("keeps bytes as they are, also beside text in one batch", () =>
    Effect.gen(function* () {
      const redis = yield* backend
      const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 256)
      yield* redis.commit([
        { checks: [], mutations: [put("a", bytes)] },
        { checks: [], mutations: [put("b", '"é"')] },
        { checks: [], mutations: [put("c", new Uint8Array())] }
      ])
      yield* redis.commit([
        { checks: [{ key: key("d"), version: "absent" }], mutations: [put("d", bytes), put("e", "1")] }
      ])
      yield* redis.commit([
        { checks: [], mutations: [{ _tag: "Touch", key: key("d"), deadline: Ttl.after(60_000) }] },
        { checks: [], mutations: [{ _tag: "Add", key: key("e"), delta: 1, deadline: Ttl.never }] },
        { checks: [], mutations: [{ _tag: "Add", key: key("a"), delta: 1, deadline: Ttl.never }] }
      ])
      const results = yield* redis.read(["a", "b", "c", "d", "e"].map(key), "entry")
      assert.deepStrictEqual(
        results.map((result) => (result?._tag === "Stored" ? result.payload : result)),
        [bytes, '"é"', new Uint8Array(), bytes, "2"]
      )
      const metas = yield* redis.read([key("a"), key("zzz")], "meta")
      assert.deepStrictEqual(metas, [{ ...(results[0] as Stored), payload: undefined }, undefined])
    })
  )

  it.scoped("installs what is newer, with its version and times, and draws greater versions from then on", () =>
    Effect.gen(function* () {
      const redis = yield* backend
      const entry = { createdAtMs: 5, updatedAtMs: 7, expiresAtMs: undefined, payload: "1" as string | undefined }
      const install = (version: number, payload: string | undefined) =>
        Effect.map(
          redis.commit([
            {
              checks: [],
              mutations: [{ _tag: "Install", key: key("a"), entry: { ...entry, payload, version: Version(version) } }]
            }
          ]),
          ([outcome]) => (outcome?._tag === "Committed" ? outcome.results[0] : outcome)
        )
      assert.isFalse(yield* install(3, undefined))
      assert.isTrue(yield* install(5, "1"))
      assert.isFalse(yield* install(5, "2"))
      assert.isFalse(yield* install(4, undefined))
      assert.isTrue(yield* install(2 ** 52, "3"))
      const [read] = yield* redis.read([key("a")], "entry")
      assert.deepStrictEqual(read, { _tag: "Stored", key: ":a", version: Version(2 ** 52), ...entry, payload: "3" })
      const [next] = yield* redis.commit([{ checks: [], mutations: [put("b", "1")] }])
      assert.strictEqual(next?._tag === "Committed" && next.version > 2 ** 52, true)
      assert.isTrue(yield* install(2 ** 52 + 1_000_000_000, undefined))
      assert.deepStrictEqual(yield* redis.read([key("a")], "entry"), [undefined])
      const [again] = yield* redis.commit([{ checks: [], mutations: [put("a", "4")] }])
      assert.strictEqual(again?._tag === "Committed" && again.version > 2 ** 52 + 1_000_000_000, true)
    })
  )

  it.scoped("draws a version for a commit of checks alone, and for none", () =>
    Effect.gen(function* () {
      const redis = yield* backend
      const [one, two] = yield* redis.commit([
        { checks: [{ key: key("a"), version: "absent" }], mutations: [] },
        { checks: [], mutations: [] }
      ])
      assert.strictEqual(one?._tag === "Committed" && two?._tag === "Committed" && two.version > one.version, true)
    })
  )

  it.scoped("answers each commit of a batch for itself", () =>
    Effect.gen(function* () {
      const redis = yield* backend
      const outcomes = yield* redis.commit([
        { checks: [], mutations: [put("a", '"text"'), put("b", "1")] },
        { checks: [{ key: key("a"), version: "absent" }], mutations: [put("b", "2")] },
        { checks: [], mutations: [put("b", "3"), { _tag: "Add", key: key("a"), delta: 1, deadline: Ttl.never }] },
        { checks: [], mutations: [{ _tag: "Add", key: key("b"), delta: 4, deadline: Ttl.never }] },
        {
          checks: [],
          mutations: [
            { _tag: "Delete", key: key("a") },
            { _tag: "Delete", key: key("a") }
          ]
        }
      ])
      assert.deepStrictEqual(
        outcomes.map((outcome) => (outcome._tag === "Committed" ? outcome.results : outcome)),
        [[true, true], { _tag: "Conflict", keys: [":a"] }, { _tag: "NotInteger", keys: [":a"] }, [5], [true, false]]
      )
    })
  )
})
