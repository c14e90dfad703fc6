import { assert, describe, it } from "@effect/vitest"
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"
import { Atomic, Codec, type StateStore, type Version } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"
import { temporaryFile } from "./support.ts"

const open = (filename: string) => SqliteStore.make({ filename, sweep: false })

/** Changes rows as another program would. */
const meddle = (filename: string, sql: string) =>
  Effect.sync(() => {
    const db = new Database(filename)
    db.exec(sql)
    db.close()
  })

describe("SQLite rows", () => {
  it.scoped("are read alike one by one and together, text, bytes and what another program wrote", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const store = yield* open(filename)
      const bytes = store.withCodec(Codec.compressed(Codec.json, { aboveBytes: 0 }))
      yield* store.set("text", ["\0", " 1 2 3 ", "\u{1f600}"], { ttl: "1 hour" })
      yield* bytes.set("bytes", "b".repeat(500))
      const odd = ["version = 'x'", "created_at_ms = 'x'", "version = 1.5", "payload = 5"]
      const old = ["updated_at_ms = -3", "created_at_ms = 0.5"]
      for (const [i] of [...odd, ...old].entries()) yield* store.set(`k${i}`, i)
      for (const [i, change] of [...odd, ...old].entries()) {
        yield* meddle(filename, `UPDATE effect_state SET ${change} WHERE key = ':k${i}'`)
      }
      const keys = ["text", "none", "bytes", ...[...odd, ...old].map((_, i) => `k${i}`), "text"]
      const together = yield* store.getMany(keys, { onInvalid: "either" })
      const oneByOne = yield* Effect.forEach(keys, (key) => Effect.either(store.get(key)))
      assert.deepStrictEqual<unknown>(together, oneByOne)
      const found = together.map((item) =>
        Either.match(item, { onLeft: ({ _tag }) => _tag, onRight: Option.map(({ value }) => value) })
      )
      assert.deepStrictEqual<unknown>(found, [
        Option.some(["\0", " 1 2 3 ", "\u{1f600}"]),
        Option.none(),
        Option.some("b".repeat(500)),
        ...odd.map(() => "DecodeError"),
        ...old.map((_, i) => Option.some(odd.length + i)),
        Option.some(["\0", " 1 2 3 ", "\u{1f600}"])
      ])
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* store.getMany(["text", "none"]), [Option.none(), Option.none()])
    })
  )

  it.scoped("that another store removed come back with later versions, one by one and together", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const [one, other] = [yield* open(filename), yield* open(filename)]
      yield* one.set("first", 1)
      const keys = ["a", "b", "c"]
      for (let n = 0; n < 20; n++) yield* other.set("elsewhere", n)
      const removed = Math.max(...(yield* other.setMany(keys.map((key) => ({ key, value: 1 })))))
      yield* other.deleteMany(keys)
      const together = yield* one.setMany(["a", "b"].map((key) => ({ key, value: 2 })))
      for (const version of [...together, yield* one.set("c", 2)]) assert.isAbove(version, removed)
    })
  )

  it.scoped("get rising versions from stores that know nothing of each other's", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const stores = [yield* open(filename), yield* open(filename)]
      const keys = Array.from({ length: 75 }, (_, i) => `k${i}`)
      const versions = new Map<string, Version.Version>()
      const written = (key: string, version: Version.Version) => {
        assert.isAbove(version, versions.get(key) ?? 0, key)
        versions.set(key, version)
      }
      const writes: ReadonlyArray<(store: StateStore.Service, round: number) => Effect.Effect<unknown, unknown>> = [
        (store, round) => Effect.map(store.set("k3", round), (version) => written("k3", version)),
        (store, round) =>
          // The same key twice, the later value last.
          Effect.map(store.setMany([...keys, "k7"].map((key, i) => ({ key, value: [round, i] }))), (all) =>
            all.forEach((version, i) => {
              written(keys[i] ?? "k7", version)
            })
          ),
        (store) => store.deleteMany(["k5", "k70"]),
        (store, round) => Effect.map(store.set("k9", round, { ttl: "keep" }), (version) => written("k9", version))
      ]
      for (let round = 0; round < 48; round++) {
        const store = stores[round % 2]
        const write = writes[(round >> 1) % writes.length]
        if (store === undefined || write === undefined) return yield* Effect.dieMessage("there are two and four")
        yield* write(store, round)
        if (write === writes[1]) {
          const entry = Option.getOrThrow(yield* store.get("k7"))
          assert.deepStrictEqual([entry.value, entry.version], [[round, keys.length], versions.get("k7")])
        }
      }
      for (const entry of yield* Effect.map((yield* open(filename)).getMany(keys), (all) =>
        all.flatMap(Option.toArray)
      )) {
        assert.strictEqual(entry.version, versions.get(entry.key))
      }
    })
  )

  it.scoped("that another program spoiled are replaced, alone and with others", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const store = yield* open(filename)
      yield* store.setMany([1, 2].map((i) => ({ key: `k${i}`, value: i })))
      yield* meddle(filename, "UPDATE effect_state SET version = 'x'")
      const alone = yield* store.set("k1", "new")
      const [together] = yield* store.setMany([2, 3].map((i) => ({ key: `k${i}`, value: "new" })))
      for (const [key, version] of [
        ["k1", alone],
        ["k2", together]
      ] as const) {
        const entry = Option.getOrThrow(yield* store.get(key))
        assert.deepStrictEqual([entry.value, entry.version], ["new", version])
      }
    })
  )

  it.scoped("that another program spoiled count as entries of no version to every other write", () =>
    Effect.gen(function* () {
      const filename = yield* temporaryFile
      const store = yield* open(filename)
      const tagOf = <A>(write: Effect.Effect<A, { readonly _tag: string }>) =>
        Effect.merge(Effect.mapError(write, ({ _tag }) => _tag))
      for (const change of ["version = 'x'", "updated_at_ms = 'x'", "payload = 5"]) {
        const spoil = (key: string) =>
          Effect.flatMap(store.set(key, 1), (version) =>
            Effect.as(meddle(filename, `UPDATE effect_state SET ${change} WHERE key = ':${key}'`), version)
          )
        yield* spoil("k")
        assert.strictEqual(yield* tagOf(store.set("k", 2, { ifVersion: "absent" })), "VersionConflict")
        assert.strictEqual(yield* tagOf(store.add("k", 1)), "NotInteger")
        const touching = yield* Effect.flip(store.expire("k", "1 hour"))
        assert.strictEqual(touching._tag, "StoreFailure")
        assert.match(touching.message, /not written by this store/)
        // One that can't be touched harms no other commit of its batch.
        const [touched, other] = yield* Effect.all([tagOf(store.expire("k", "1 hour")), store.set("other", change)], {
          concurrency: "unbounded"
        })
        assert.strictEqual(touched, "StoreFailure")
        assert.strictEqual(Option.getOrThrow(yield* store.get("other")).version, other)
        assert.strictEqual(yield* tagOf(store.get("k")), "DecodeError")
        // What takes its place comes first in the same commit.
        yield* store.commit(Atomic.make.pipe(Atomic.set("k", 2), Atomic.expire("k", "1 hour")))
        assert.strictEqual(Option.getOrThrow(yield* store.get("k")).value, 2)
        yield* spoil("k")
        assert.isTrue(yield* store.delete("k"))
        assert.isTrue(Option.isNone(yield* store.get("k")))
        yield* spoil("k")
        const kept = yield* store.set("k", 3, { ttl: "keep" })
        assert.strictEqual(Option.getOrThrow(yield* store.get("k")).version, kept)
      }
    })
  )
})
