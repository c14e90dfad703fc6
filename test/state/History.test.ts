import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import {
  Atomic,
  Codec,
  History,
  KeyRange,
  KeyRing,
  MemoryStore,
  Modification,
  Namespace,
  StateStore,
  Version
} from "effect-state"
import * as fc from "fast-check"
import { diff } from "../../src/state/history/Diff.ts"
import * as DisturbedStore from "../store/DisturbedStore.ts"

const Doc = Schema.Struct({
  title: Schema.NonEmptyString,
  at: Schema.Date,
  tags: Schema.Array(Schema.String),
  note: Schema.optional(Schema.String)
})
type Doc = typeof Doc.Type

class Docs extends History.Tag<Docs>()("Docs", { schema: Doc, keep: { count: 5 } }) {}

const layer = Docs.layer.pipe(Layer.provideMerge(MemoryStore.layer()))

const doc = (title: string, rest: Partial<Doc> = {}): Doc => ({ title, at: new Date(0), tags: [], ...rest })

const titles = (revisions: ReadonlyArray<History.Revision<Doc>>) =>
  revisions.map(({ value }) => Option.match(value, { onNone: () => "-", onSome: ({ title }) => title }))

const past = (docs: History.History<Doc>, id: string) =>
  Effect.map(docs.history.list(id), ({ entries }) => titles(entries))

describe("History", () => {
  it.effect("records every way of writing, and nothing else", () =>
    Effect.gen(function* () {
      const docs = yield* Docs
      const store = yield* StateStore.StateStore
      yield* docs.getOrCreate("a", Effect.succeed(doc("created")))
      yield* docs.getOrCreate("a", Effect.succeed(doc("never")))
      yield* docs.update("a", () => doc("updated"))
      yield* docs.patch("a", { title: "patched" })
      yield* docs.modify("a", () => Effect.succeed([0, Modification.keep]))
      yield* docs.modify("a", () => Effect.succeed([0, Modification.write(doc("modified"))]))
      yield* docs.expire("a", "1 hour")
      yield* store.commit(Atomic.make.pipe(yield* docs.put("a", doc("put"))))
      assert.deepStrictEqual(yield* past(docs, "a"), ["put", "modified", "patched", "updated", "created"])
      yield* docs.modify("a", () => Effect.succeed([0, Modification.delete]))
      yield* docs.modify("a", () => Effect.succeed([0, Modification.delete]))
      assert.isFalse(yield* docs.delete("a"))
      yield* docs.set("a", doc("again"))
      yield* docs.set("b", doc("other"))
      assert.strictEqual(yield* docs.clear, 2)
      assert.deepStrictEqual(yield* past(docs, "a"), ["-", "again", "-", "put", "modified"])
      assert.deepStrictEqual(yield* past(docs, "b"), ["-", "other"])
      assert.strictEqual(yield* docs.count, 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("pages, the newest first, and streams", () =>
    Effect.gen(function* () {
      const docs = yield* Docs
      yield* Effect.forEach(["1", "2", "3"], (title) => docs.set("a", doc(title)))
      const first = yield* docs.history.list("a", { limit: 2 })
      const second = yield* docs.history.list("a", { limit: 2, after: Option.getOrUndefined(first.next) })
      assert.deepStrictEqual([titles(first.entries), titles(second.entries)], [["3", "2"], ["1"]])
      assert.isTrue(Option.isNone(second.next))
      assert.deepStrictEqual(titles(Array.from(yield* Stream.runCollect(docs.history.stream("a")))), ["3", "2", "1"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells what there was at a version, and at a time", () =>
    Effect.gen(function* () {
      const docs = yield* Docs
      const titleAt = (revision: Option.Option<History.Revision<Doc>>) => titles(Option.toArray(revision))
      const versions: Array<Version.Version> = []
      for (const title of ["1", "2"]) {
        yield* TestClock.adjust("1 second")
        versions.push(yield* docs.set("a", doc(title)))
        yield* docs.set("b", doc("between"))
      }
      yield* TestClock.adjust("1 second")
      yield* docs.delete("a")
      const [first = 0, second = 0] = versions
      const at = (version: number) => Effect.map(docs.history.atVersion("a", Version.Version(version)), titleAt)
      assert.deepStrictEqual(yield* at(first), ["1"])
      assert.deepStrictEqual(yield* at(second - 1), ["1"])
      assert.deepStrictEqual(yield* at(second), ["2"])
      assert.deepStrictEqual(yield* at(Number.MAX_SAFE_INTEGER), ["-"])
      const atTime = (timeMs: number) => Effect.map(docs.history.atTime("a", timeMs), titleAt)
      assert.deepStrictEqual(yield* Effect.forEach([999, 1_000, 1_999, 2_000, 3_000, 9_000], atTime), [
        [],
        ["1"],
        ["1"],
        ["2"],
        ["-"],
        ["-"]
      ])
      assert.deepStrictEqual(yield* docs.history.atVersion("none", Version.Version(1)), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells what changed between versions, as it is stored", () =>
    Effect.gen(function* () {
      const docs = yield* Docs
      const first = yield* docs.set("a", doc("1", { tags: ["x", "y"], note: "n" }))
      const second = yield* docs.set("a", doc("2", { tags: ["x", "z", "w"], at: new Date(1) }))
      yield* docs.delete("a")
      const third = Option.getOrThrow(
        yield* docs.history.atVersion("a", Version.Version(Number.MAX_SAFE_INTEGER))
      ).version
      assert.deepStrictEqual(
        yield* docs.history.diff("a", first, second),
        Option.some<ReadonlyArray<History.Difference>>([
          { _tag: "Changed", path: ["title"], before: "1", after: "2" },
          { _tag: "Changed", path: ["at"], before: "1970-01-01T00:00:00.000Z", after: "1970-01-01T00:00:00.001Z" },
          { _tag: "Changed", path: ["tags", 1], before: "y", after: "z" },
          { _tag: "Added", path: ["tags", 2], after: "w" },
          { _tag: "Removed", path: ["note"], before: "n" }
        ])
      )
      assert.deepStrictEqual(yield* docs.history.diff("a", third, third), Option.some([]))
      const gone = Option.getOrThrow(yield* docs.history.diff("a", second, third))
      assert.deepStrictEqual(
        gone.map(({ _tag, path }) => [_tag, path]),
        [["Removed", []]]
      )
      yield* docs.history.purge("a")
      assert.deepStrictEqual(yield* docs.history.diff("a", first, second), Option.none())
    }).pipe(Effect.provide(layer))
  )

  it.effect("restores an old value as a new version, also of what was deleted", () =>
    Effect.gen(function* () {
      const docs = yield* Docs
      const first = yield* docs.set("a", doc("1"))
      yield* docs.set("a", doc("2"))
      const restored = Option.getOrThrow(yield* docs.history.restore("a", first))
      assert.isAbove(restored, first)
      assert.strictEqual(Option.getOrThrow(yield* docs.get("a")).value.title, "1")
      yield* docs.delete("a")
      const deleted = (yield* docs.history.list("a")).entries[0]?.version ?? first
      assert.deepStrictEqual(yield* docs.history.restore("a", deleted), Option.none())
      assert.deepStrictEqual(yield* docs.history.restore("b", first), Option.none())
      assert.isFalse(yield* docs.exists("a"))
      yield* docs.history.restore("a", first, { ttl: "1 minute" })
      assert.deepStrictEqual(yield* past(docs, "a"), ["1", "-", "1", "2", "1"])
      yield* TestClock.adjust("1 minute")
      assert.isFalse(yield* docs.exists("a"))
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells of records that its schema refuses, and has the rest", () =>
    Effect.gen(function* () {
      const docs = yield* Docs
      const wrong = History.make("Docs", { schema: Schema.Unknown, keep: { count: 5 } })
      const first = yield* docs.set("a", doc("1"))
      yield* (yield* wrong).set("a", { title: "" })
      yield* docs.set("a", doc("3"))
      const error = yield* Effect.flip(docs.history.list("a"))
      assert(error._tag === "DecodeError")
      assert.strictEqual(error.key, "a")
      assert.deepStrictEqual(titles((yield* docs.history.list("a", { onInvalid: "skip" })).entries), ["3", "1"])
      assert.isTrue(Option.isSome(yield* docs.history.atVersion("a", first)))
      assert.strictEqual((yield* Effect.flip(docs.set("a", doc(""))))._tag, "EncodeError")
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells the versions of writes whose records were written anew, by another codec, say", () =>
    Effect.gen(function* () {
      const docs = yield* Docs
      const versions = [yield* docs.set("a", doc("1")), yield* docs.set("a", doc("2"))]
      const { entries } = yield* docs.history.store.page(KeyRange.all)
      yield* Effect.forEach(entries, ({ key, value }) => docs.history.store.set(key, value, { ttl: "keep" }))
      assert.deepStrictEqual(
        (yield* docs.history.list("a")).entries.map(({ version }) => version),
        versions.toReversed()
      )
    }).pipe(Effect.provide(layer))
  )

  it.effect("sheds what is too much, some with each write, when less is to be kept", () =>
    Effect.gen(function* () {
      const large = yield* History.make("x", { schema: Schema.Number, keep: {} })
      const small = yield* History.make("x", { schema: Schema.Number, keep: { count: 2, duration: "1 hour" } })
      yield* Effect.forEach(Arr.range(1, 40), (n) => large.set("a", n))
      const counts = yield* Effect.forEach([1, 2, 3, 4], (n) =>
        Effect.zipRight(
          small.set("a", n),
          Effect.map(small.history.list("a"), ({ entries }) => entries.length)
        )
      )
      assert.deepStrictEqual(counts, [25, 10, 2, 2])
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* small.history.list("a")).entries.length, 1)
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("sheds also what it can't read any longer", () =>
    Effect.gen(function* () {
      const make = (id: string) =>
        Effect.flatMap(KeyRing.make({ primary: { id, key: Redacted.make(new Uint8Array(32)) } }), (ring) =>
          History.make("x", { schema: Schema.Number, keep: { count: 3 }, codec: Codec.encrypted(Codec.json, ring) })
        )
      const [before, after] = [yield* make("old"), yield* make("new")]
      yield* Effect.forEach([1, 2, 3], (n) => before.set("a*[", n))
      yield* Effect.forEach([4, 5, 6], (n) => after.set("a*[", n))
      assert.strictEqual(yield* after.history.store.count(KeyRange.all), 3)
      assert.deepStrictEqual(
        (yield* after.history.list("a*[")).entries.map(({ value }) => Option.getOrNull(value)),
        [6, 5, 4]
      )
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("sets the deadline of records that writers missed who met", () =>
    Effect.gen(function* () {
      const docs = yield* History.make("x", { schema: Schema.Number, keep: { duration: "1 hour" } })
      yield* docs.set("a", 0)
      // All of them look before any of them commits.
      const puts = yield* Effect.forEach(Arr.range(1, 20), (n) => docs.put("a", n))
      yield* Effect.forEach(puts, (put) => docs.store.commit(Atomic.make.pipe(put)))
      const open = Effect.map(
        docs.store.namespace(Namespace.inner("history")).page(KeyRange.all),
        ({ entries }) => entries.filter(({ expiresAtMs }) => expiresAtMs === undefined).length
      )
      assert.strictEqual(yield* open, 20)
      yield* TestClock.adjust("30 minutes")
      yield* docs.set("a", 21)
      assert.strictEqual(yield* open, 5) // Sixteen at once, the oldest first.
      yield* docs.set("a", 22)
      assert.strictEqual(yield* open, 1)
      yield* TestClock.adjust("30 minutes")
      const { entries } = yield* docs.history.list("a")
      // Those from before ended an hour after they were superseded, though that was noticed later.
      assert.deepStrictEqual(
        entries.map(({ value }) => Option.getOrNull(value)),
        [22, 21, 20]
      )
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("outlives the value also if that gets another deadline while it is updated", () =>
    Effect.gen(function* () {
      const { happened, justBefore, plain, store } = yield* DisturbedStore.make
      const make = History.make("x", { schema: Schema.Number, keep: { duration: "1 minute" } })
      const docs = yield* Effect.provideService(make, StateStore.StateStore, store)
      const elsewhere = yield* Effect.provideService(make, StateStore.StateStore, plain)
      const past = Effect.map(docs.history.list("a"), ({ entries }) =>
        entries.map(({ value }) => Option.getOrNull(value))
      )
      yield* docs.set("a", 1, { ttl: "10 minutes" })
      yield* justBefore({ commit: () => true }, elsewhere.expire("a", "1 hour"))
      yield* docs.update("a", (n) => n + 1)
      assert.isTrue(yield* happened)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* past, [2])
      assert.isFalse(yield* docs.exists("a"))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* past, [])
    }).pipe(Effect.scoped)
  )

  it.effect("refuses to keep what makes no sense", () =>
    Effect.gen(function* () {
      for (const keep of [{ count: 0 }, { count: 1.5 }, { count: 1_001 }, { duration: 0 }]) {
        const made = yield* Effect.either(History.make("x", { schema: Schema.Number, keep }))
        assert.isTrue(Either.isLeft(made))
      }
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it.effect("shows no secret id in its errors", () =>
    Effect.gen(function* () {
      const secret = `secret${"x".repeat(History.idBytesMax)}`
      const docs = yield* History.make("x", { schema: Schema.Number, keep: {}, secretKeys: true })
      const error = yield* Effect.flip(docs.set(secret, 1))
      assert.notInclude(JSON.stringify(error), "secret")
    }).pipe(Effect.provide(MemoryStore.layer()))
  )

  it("diffs any two JSON values so that the differences make one of the other", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => {
        const parse = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
        const differences = diff(parse(before), parse(after))
        assert.strictEqual(differences.length === 0, JSON.stringify(sorted(before)) === JSON.stringify(sorted(after)))
        assert.deepStrictEqual(sorted(patch(parse(before), differences)), sorted(parse(after)))
      }),
      { examples: [[{}, []]] }
    )
    assert.deepStrictEqual(diff({ constructor: 1 }, {}), [{ _tag: "Removed", path: ["constructor"], before: 1 }])
    assert.deepStrictEqual(diff(undefined, null), [{ _tag: "Added", path: [], after: null }])
  })

  it("diffs what only the structured clone keeps by what is inside", () => {
    const make = (n: number) => [
      new Date(n),
      new Set([n]),
      new Map([["n", { n }]]),
      new RegExp(`${n}`),
      Uint8Array.of(n),
      BigInt(n),
      n === 1 ? Number.NaN : 0
    ]
    for (const [i, one] of make(1).entries()) {
      const [same, other] = [make(1)[i], make(2)[i]]
      assert.deepStrictEqual(diff({ a: [one] }, { a: [same] }), [])
      const changed = [{ _tag: "Changed", path: ["a", 0], before: one, after: other }]
      assert.deepStrictEqual<unknown>(diff({ a: [one] }, { a: [other] }), changed)
    }
    const [before, after] = [new Date(0), {}]
    assert.deepStrictEqual(diff(before, after), [{ _tag: "Changed", path: [], before, after }])
    assert.deepStrictEqual(diff(Object.create(null), {}), [])
  })

  it("diffs what contains itself", () => {
    const ring = (n: number, length: number) => {
      const start: { n: number; next?: unknown } = { n }
      start.next = Array.from({ length: length - 1 }).reduce((next) => ({ n: 0, next }), start)
      return start
    }
    assert.deepStrictEqual(diff(ring(1, 3), ring(1, 3)), [])
    assert.deepStrictEqual<unknown>(diff(ring(1, 3), ring(2, 3)), [
      { _tag: "Changed", path: ["n"], before: 1, after: 2 }
    ])
    assert.strictEqual(diff(ring(1, 199), ring(1, 200)).length, 1)
    const [before, after] = [ring(1, 3), { n: 1, next: null }]
    assert.deepStrictEqual<unknown>(diff(before, after), [
      { _tag: "Changed", path: ["next"], before: before.next, after: null }
    ])
  })
})

/** Applies differences: the removals last, from the end, so that the indexes of what stays hold. */
const patch = (value: unknown, differences: ReadonlyArray<History.Difference>): unknown => {
  const root = { value }
  const holder = (path: History.Path): [Record<string, unknown>, string] => {
    const names = ["value", ...path.map(String)]
    const last = names.pop() ?? ""
    // Every difference but the last name's leads through records and arrays.
    const into = (at: unknown, name: string) => (at as Record<string, unknown>)[name]
    return [names.reduce(into, root) as Record<string, unknown>, last]
  }
  for (const difference of differences.filter(({ _tag }) => _tag !== "Removed")) {
    const [at, name] = holder(difference.path)
    Object.defineProperty(at, name, {
      value: "after" in difference ? difference.after : undefined,
      configurable: true,
      enumerable: true,
      writable: true
    })
  }
  for (const difference of differences.filter(({ _tag }) => _tag === "Removed").toReversed()) {
    const [at, name] = holder(difference.path)
    if (Array.isArray(at)) at.splice(Number(name), 1)
    else delete at[name]
  }
  return root.value
}

/** Records by their sorted properties, and yet told apart from arrays. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  const properties = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return { properties: properties.map(([name, value]) => [name, sorted(value)]) }
}
