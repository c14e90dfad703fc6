/**
 * What codecs promise on every backend: bytes come back as they were, and a change of codec loses nothing.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Cached from "../../coordination/cached/Cached.ts"
import * as Lock from "../../coordination/lock/Lock.ts"
import * as Codec from "../../state/codec/Codec.ts"
import * as KeyRing from "../../state/codec/KeyRing.ts"
import * as History from "../../state/history/History.ts"
import * as Sessions from "../../state/sessions/Sessions.ts"
import * as Atomic from "../../store/Atomic.ts"
import type { Payload } from "../../store/Backend.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Modification from "../../store/Modification.ts"
import * as StateStore from "../../store/StateStore.ts"
import * as Ttl from "../../store/Ttl.ts"
import { backendCase, type Case, commitAll, entry, failure, numbered, storeCase, value } from "../Case.ts"

const values = storeCase("values")

const key = (id: string, byte: number) => ({ id, key: Redacted.make(new Uint8Array(32).fill(byte)) })
const oldRing = Either.getOrThrow(KeyRing.make({ primary: key("old", 1) }))
const newRing = Either.getOrThrow(KeyRing.make({ primary: key("new", 2), older: [key("old", 1)] }))

const codecs = {
  json: Codec.json,
  structured: Codec.structured,
  gzip: Codec.compressed(Codec.json, { aboveBytes: 10 }),
  brotli: Codec.compressed(Codec.structured, { algorithm: "brotli", aboveBytes: 10 }),
  encrypted: Codec.encrypted(Codec.json, newRing, { acceptPlain: true }),
  all: Codec.encrypted(Codec.compressed(Codec.structured, { aboveBytes: 10 }), oldRing, { acceptPlain: true })
}

const sample = { list: [1, null, "é😀\0"], text: "compressible ".repeat(50), "": {} }

const encrypting = (store: StateStore.Service, ring = newRing) =>
  store.namespace("codec", { codec: Codec.encrypted(Codec.json, ring), placement: "namespace" })

/** All bytes there are, and those that look like text, numbers or the end of something. */
const awkward: ReadonlyArray<Uint8Array> = [
  Uint8Array.from({ length: 256 }, (_, i) => i),
  new Uint8Array(0),
  new Uint8Array(1_000),
  Uint8Array.from(Buffer.from("1\n")),
  Uint8Array.from(Buffer.from('"json\nbytes\n')),
  Uint8Array.from([0xff, 0xfe, 0xc3, 0x28, 0x0d, 0x0a, 0x5c, 0x78]),
  Uint8Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 251)
]

/**
 * @since 0.1.0
 * @category cases
 */
export const codecCases: ReadonlyArray<Case> = [
  backendCase("values")("payloads of bytes come back byte by byte, and are not taken for text", ({ backend, store }) =>
    Effect.gen(function* () {
      const puts = awkward.map((payload, i) => ({ key: store.key(`k${i}`), payload }))
      const mutation = (put: { readonly key: ReturnType<typeof store.key>; readonly payload: Payload }) =>
        ({ _tag: "Put", stamped: false, deadline: Ttl.never, ...put }) as const
      yield* commitAll(
        backend,
        puts.map((put) => ({ checks: [], mutations: [mutation(put)] }))
      )
      const found = yield* backend.read(
        puts.map(({ key }) => key),
        "entry"
      )
      for (const [i, { payload }] of puts.entries()) {
        const item = found[i]
        if (item?._tag !== "Stored" || !(item.payload instanceof Uint8Array)) return assert.fail("expected bytes")
        assert.deepEqual(Uint8Array.from(item.payload), payload)
      }
    })
  ),
  values("what one codec wrote, another reads, and the codec may be taken away", (store) =>
    Effect.gen(function* () {
      for (const [from, writer] of Object.entries(codecs)) {
        yield* store.withCodec(writer).set(from, sample)
        for (const codec of Object.values(codecs)) {
          const reader = store.withCodec(Codec.decrypting(codec, newRing))
          assert.deepEqual(yield* value(reader, from), sample)
        }
      }
      for (const name of ["json", "structured", "gzip", "brotli"]) assert.deepEqual(yield* value(store, name), sample)
      for (const name of ["encrypted", "all"]) yield* failure(store.get(name), "DecodeError")
    })
  ),
  values("a namespace's codec is at work in every way to write and read", (store) =>
    Effect.gen(function* () {
      const one = store.namespace("s", { codec: Codec.structured, placement: "namespace" })
      const found = () => Effect.map(one.page(KeyRange.all), ({ entries }) => entries.map(({ value }) => value))
      const at = new Date(5)
      yield* one.set("a", at)
      yield* one.setMany([{ key: "b", value: 1n }])
      yield* one.modify("c", () => Effect.succeed([0, Modification.write(new Set([1]))]))
      yield* one.commit(Atomic.make.pipe(Atomic.set("d", undefined), Atomic.append("e", new Map([[1, at]]))))
      assert.deepEqual(yield* found(), [at, 1n, new Set([1]), undefined, new Map([[1, at]])])
      const many = yield* one.getMany(["a", one.key("b"), "x"])
      assert.deepEqual(many.map(Option.map(({ value }) => value)), [Option.some(at), Option.some(1n), Option.none()])
      // A commit of the parent writes by the codec of each key's namespace, as does a namespace inside.
      yield* store.commit(Atomic.make.pipe(Atomic.set(one.key("a"), 2n)))
      assert.equal(yield* value(one, "a"), 2n)
      assert.equal((yield* failure(store.set("a", 2n), "EncodeError")).key, "a")
      yield* one.namespace("inside").set("a", 3n)
      assert.equal(yield* value(one.namespace("inside"), "a"), 3n)
      yield* failure(one.namespace("json", { codec: Codec.json }).set("a", 3n), "EncodeError")
      const error = yield* failure(one.set("f", { f: [() => 1] }), "EncodeError")
      assert.deepEqual(error.path, ["f", 0])
    })
  ),
  values("an encrypted value opens under its own key alone, also where it was appended", (_, harness) =>
    Effect.gen(function* () {
      const { backend, store } = yield* harness.openBackend
      const secrets = encrypting(store)
      yield* secrets.set("a", { token: "hunter2" })
      const { version } = yield* secrets.commit(Atomic.make.pipe(Atomic.append("log:", "hunter2")))
      const appended = Atomic.stamped("log:", version)
      assert.equal(yield* value(secrets, appended), "hunter2")
      const [first, second] = yield* backend.read([secrets.key("a"), secrets.key(appended)], "entry")
      for (const item of [first, second]) {
        if (item?._tag !== "Stored" || !(item.payload instanceof Uint8Array)) return assert.fail("expected bytes")
        assert.equal(Buffer.from(item.payload).includes("hunter2"), false)
        const move = (to: string) => ({
          _tag: "Put" as const,
          key: secrets.key(to),
          stamped: false,
          deadline: Ttl.never,
          payload: item.payload ?? assert.fail()
        })
        yield* commitAll(backend, [{ checks: [], mutations: [move("moved")] }])
        const error = yield* failure(secrets.get("moved"), "DecodeError")
        assert.doesNotMatch(`${error.message} ${error.details} ${Cause.pretty(Cause.fail(error))}`, /hunter2/)
      }
    })
  ),
  values("an encrypting namespace takes no plain text, and counters add up beside it", (store) =>
    Effect.gen(function* () {
      const secrets = encrypting(store)
      yield* secrets.withCodec(undefined).set("a", "planted")
      yield* failure(secrets.get("a"), "DecodeError")
      assert.equal(yield* secrets.add("n", 2), 2)
      assert.equal(yield* secrets.add("n", 3), 5)
      yield* failure(secrets.get("n"), "DecodeError")
      assert.equal(yield* value(secrets.withCodec(Codec.json), "n"), 5)
      yield* secrets.set("value", 1)
      yield* failure(secrets.add("value", 1), "NotInteger")
    })
  ),
  values("a value is bounded as it is stored, and as it is", (_, harness) =>
    Effect.gen(function* () {
      const small = yield* harness.open({ valueBytesMax: 1_000, codec: codecs.gzip })
      yield* small.set("a", "x".repeat(998))
      assert.equal(yield* value(small, "a"), "x".repeat(998))
      assert.equal((yield* failure(small.set("a", "x".repeat(999)), "ValueTooLarge")).bytes, 1_001)
    })
  ),
  values("keys rotate while writers write: nothing is lost, and deadlines stay", (store) =>
    Effect.gen(function* () {
      const before = encrypting(store, oldRing)
      const after = encrypting(store)
      const keys = numbered("k", 60)
      yield* before.setMany(keys.map((key) => ({ key, value: 0, ttl: "1 hour" })))
      yield* before.add("n", 1)
      const { expiresAtMs } = yield* entry(before, "k000")
      const increment = (key: string) =>
        after.modify(key, (current) =>
          Effect.succeed([0, Modification.write(Number(Option.getOrThrow(current).value) + 1)])
        )
      const writers = Effect.forEach([...keys, ...keys], increment, { concurrency: 8 })
      const readers = Effect.forEach(keys, (key) => after.get(key), { concurrency: 8 })
      const rotation = Stream.runLast(Codec.rotateKeys(after, { limit: 7 }))
      yield* Effect.all([writers, readers, rotation], { concurrency: "unbounded" })
      const done = yield* Codec.countKeys(after)
      assert.deepEqual(done.byKeyId, { new: 60 })
      assert.equal(done.plain, 1)
      for (const key of keys) assert.equal(yield* value(after, key), 2)
      assert.equal((yield* entry(after, "k000")).expiresAtMs, expiresAtMs)
      yield* failure(before.get("k000"), "DecodeError")
    })
  ),
  values("a rotation goes on where it stopped, and tells what it can't read", (store) =>
    Effect.gen(function* () {
      const before = encrypting(store, oldRing)
      const after = encrypting(store)
      yield* before.setMany(numbered("k", 10).map((key) => ({ key, value: key })))
      const lost = Either.getOrThrow(KeyRing.make({ primary: key("lost", 3) }))
      yield* encrypting(store, lost).set("z", 1)
      const first = Option.getOrThrow(yield* Stream.runHead(Codec.rotateKeys(after, { limit: 4 })))
      assert.deepEqual([first.scanned, first.rewritten, first.byKeyId], [4, 4, { new: 4 }])
      assert.deepEqual((yield* Codec.countKeys(after)).byKeyId, { new: 4, old: 6, lost: 1 })
      const rest = Option.getOrThrow(
        yield* Stream.runLast(Codec.rotateKeys(after, { after: Option.getOrThrow(first.next) }))
      )
      assert.deepEqual([rest.rewritten, rest.unreadable, rest.next], [6, 1, Option.none()])
      assert.deepEqual((yield* Codec.countKeys(after)).byKeyId, { new: 10, lost: 1 })
    })
  ),
  values("locks, histories, sessions and caches work in an encrypting store, and write nothing plain", (_, harness) =>
    Effect.gen(function* () {
      const { backend, store: plain } = yield* harness.openBackend
      const store = encrypting(plain)
      const here = Effect.provideService(StateStore.StateStore, store)
      const docs = yield* here(
        History.make("docs", { schema: Schema.String, keep: { count: 3 }, placement: "namespace" })
      )
      const first = yield* docs.set("a", "hunter2")
      yield* docs.set("a", "hunter3")
      const records = docs.history.store
      assert.equal(Option.getOrThrow(yield* Stream.runLast(Codec.rotateKeys(records))).byKeyId.new, 2)
      const again = records.withCodec(Codec.decrypting(Codec.json, newRing))
      yield* Stream.runDrain(Codec.rotateKeys(again))
      yield* Stream.runDrain(Codec.rotateKeys(records.withCodec(codecs.encrypted)))
      const { entries } = yield* docs.history.list("a")
      assert.equal(entries.at(-1)?.version, first)
      assert.deepEqual(Option.getOrThrow(yield* docs.history.atVersion("a", first)).value, Option.some("hunter2"))

      const sessions = yield* here(Sessions.make("sessions", { data: Schema.Struct({ user: Schema.String }) }))
      const { id } = yield* sessions.create({ data: { user: "hunter2" } })
      yield* sessions.withSession(id)(() => Effect.succeed([0, { data: { user: "hunter3" } }]))
      assert.equal((yield* sessions.require(id)).data.user, "hunter3")
      yield* Lock.withLockOn(store, "a")(() => docs.set("a", "hunter4"))

      let lookups = 0
      const cached = yield* here(
        Cached.make("cached", {
          key: (id: string) => id,
          lookup: () => Effect.sync(() => `hunter${++lookups}`),
          schema: Schema.String,
          ttl: "1 hour",
          tags: () => ["all"]
        })
      )
      assert.equal(yield* cached.get("a"), "hunter1")
      assert.equal(yield* cached.get("a"), "hunter1")
      yield* cached.invalidateTag("all")
      assert.equal(yield* cached.get("a"), "hunter2")

      const { path } = store.key("a").namespace
      const { items } = yield* backend.scan(
        { start: path, end: `${path}~`, placement: undefined },
        { after: undefined, limit: 100, reverse: false, select: "entry" }
      )
      assert.ok(items.length > 5)
      const shown = items.flatMap((item) =>
        item._tag === "Stored" ? [Buffer.from(item.payload ?? "").toString("latin1")] : []
      )
      for (const payload of shown) assert.doesNotMatch(payload, /hunter/)
    })
  )
]
