import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Atomic, Codec, History, MemoryStore, Sessions, StateStore } from "effect-state"
import { PostgresStore } from "effect-state/postgres"
import { RedisStore } from "effect-state/redis"
import { SqliteStore } from "effect-state/sqlite"
import { raw, temporaryFile } from "../backends/sqlite/support.ts"
import * as SharedServers from "../servers/SharedServers.ts"

const memory = MemoryStore.make({ sweep: false })

const redis = (buckets: number) =>
  Effect.flatMap(Effect.all([SharedServers.redisUrl, SharedServers.redisPrefix]), ([url, prefix]) =>
    RedisStore.make({ url, keyPrefix: `${prefix}:`, buckets, sweep: false })
  )

const others = {
  sqlite: SqliteStore.make({ filename: ":memory:", sweep: false }),
  redis: redis(1),
  postgres: Effect.flatMap(SharedServers.postgresDatabase, (url) => PostgresStore.make({ url, sweep: false }))
}

const entriesOf = (store: StateStore.Service) => Effect.map(Stream.runCollect(store.entries({})), Chunk.toReadonlyArray)

describe("Copying a store", () => {
  for (const [name, other] of Object.entries(others)) {
    it.scopedLive(`into ${name}, and from there on: everything is as it was`, () =>
      Effect.gen(function* () {
        const [first, second, third] = yield* Effect.all([memory, other, memory])
        const parts = (store: StateStore.Service) => [
          store,
          store.namespace("a/b").namespace("c"),
          store.namespace("bytes", { codec: Codec.structured })
        ]
        for (const [i, part] of parts(first).entries()) {
          yield* part.setMany(Array.from({ length: 120 }, (_, n) => ({ key: `k:${n}`, value: { i, n } })))
          yield* part.set("ends", [i], { ttl: "1 hour" })
        }
        yield* first.namespace("bytes", { codec: Codec.structured }).set("map", new Map([[1, new Date(0)]]))
        assert.deepStrictEqual(yield* StateStore.copy(first, second), { copied: 364, kept: 0, unreadable: 0 })
        assert.deepStrictEqual(yield* StateStore.copy(second, third), { copied: 364, kept: 0, unreadable: 0 })
        for (const store of [second, third]) {
          for (const [i, part] of parts(store).entries()) {
            assert.deepStrictEqual(yield* entriesOf(part), yield* entriesOf(parts(first)[i] as StateStore.Service))
          }
        }
      })
    )
  }

  it.effect("brings parts that lie in several namespaces, and once more what was written since", () =>
    Effect.gen(function* () {
      const [from, to] = yield* Effect.all([memory, memory])
      const on = (store: StateStore.Service) =>
        Effect.provideService(
          Effect.all([
            Sessions.make("logins", { data: Schema.Number, ttl: "1 hour" }),
            History.make("pages", { schema: Schema.String, keep: { count: 10 } })
          ]),
          StateStore.StateStore,
          store
        )
      const [sessions, pages] = yield* on(from)
      const [copiedSessions, copiedPages] = yield* on(to)
      const { id } = yield* sessions.create({ data: 1, owner: "ada" })
      yield* pages.set("home", "one")
      yield* StateStore.copy(from, to)
      yield* pages.set("home", "two")
      assert.deepInclude(yield* StateStore.copy(from, to), { copied: 2 })
      assert.deepStrictEqual(yield* copiedPages.history.list("home"), yield* pages.history.list("home"))
      assert.deepStrictEqual(yield* copiedSessions.get(id), yield* sessions.get(id))
      yield* copiedPages.set("home", "three")
      assert.strictEqual((yield* copiedPages.history.list("home")).entries.length, 3)
      assert.strictEqual(yield* copiedSessions.endAllForOwner("ada"), 1)
    }).pipe(Effect.scoped)
  )

  it.effect("leaves what is newer there, and what has expired behind", () =>
    Effect.gen(function* () {
      const [from, to] = yield* Effect.all([memory, memory])
      yield* from.set("old", 1)
      yield* from.set("gone", 1, { ttl: "1 minute" })
      yield* to.setMany(Array.from({ length: 9 }, (_, n) => ({ key: "old", value: n })))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* StateStore.copy(from, to), { copied: 0, kept: 1, unreadable: 0 })
      assert.strictEqual(Option.getOrThrow(yield* to.get("old")).value, 8)
      const { version } = yield* to.commit(Atomic.make.pipe(Atomic.set("old", 9)))
      yield* StateStore.copy(to, from)
      assert.isAbove((yield* from.commit(Atomic.make.pipe(Atomic.set("old", 10)))).version, version)
    }).pipe(Effect.scoped)
  )

  it.scoped("leaves behind what is of no store", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const [from, to] = yield* Effect.all([SqliteStore.make({ filename, sweep: false }), memory])
      yield* from.set("k", 1)
      ;(yield* raw(filename)).exec("INSERT INTO effect_state SELECT 'stray', 1, 1, 1, NULL, '1'")
      assert.deepStrictEqual(yield* StateStore.copy(from, to), { copied: 1, kept: 0, unreadable: 1 })
    })
  )

  it.scopedLive("is refused between namespaces, and into buckets", () =>
    Effect.gen(function* () {
      const store = yield* memory
      for (const [option, pair] of [
        ["from", [store.namespace("a"), store]],
        ["to", [store, store.namespace("a")]]
      ] as const) {
        const error = yield* Effect.flip(StateStore.copy(...pair))
        assert.strictEqual(error._tag === "InvalidOption" && error.option, option)
      }
      assert.strictEqual((yield* Effect.flip(StateStore.copy(store, yield* redis(4))))._tag, "Unsupported")
    })
  )
})
