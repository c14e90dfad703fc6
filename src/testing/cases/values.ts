/**
 * Values come back as they went in, or don't go in.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Atomic from "../../store/Atomic.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Modification from "../../store/Modification.ts"
import { type Case, entry, failure, storeCase, value } from "../Case.ts"

const values = storeCase("values")

const roundTrips = (name: string, samples: ReadonlyArray<unknown>): Case =>
  values(name, (store) =>
    Effect.gen(function* () {
      for (const [i, sample] of samples.entries()) {
        yield* store.set(`k${i}`, sample)
        assert.deepEqual(yield* value(store, `k${i}`), sample)
      }
      const found = yield* store.getMany(samples.map((_, i) => `k${i}`))
      assert.deepEqual(
        found.map((item) => Option.getOrThrow(item).value),
        samples
      )
      for (const [i, sample] of samples.entries()) {
        const page = yield* store.page(KeyRange.between(`k${i}`, `k${i}\u0001`))
        assert.deepEqual(
          page.entries.map((found) => found.value),
          [sample]
        )
      }
    })
  )

const nested = (depth: number): unknown => {
  let value: unknown = "deep"
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { d: value }
  return value
}

const cycle: { self?: unknown } = {}
cycle.self = [cycle]

const throwing = {
  get trap(): unknown {
    throw new Error("no")
  }
}

/**
 * @since 0.1.0
 * @category cases
 */
export const valueCases: ReadonlyArray<Case> = [
  roundTrips("plain values come back equal", [
    null,
    true,
    false,
    0,
    1,
    -1,
    "",
    "text",
    [],
    {},
    [null],
    [[]],
    { a: {} },
    nested(100)
  ]),
  roundTrips("numbers come back exactly", [
    0,
    0.1,
    0.1 + 0.2,
    1e21,
    1e-7,
    1.7976931348623157e308,
    5e-324,
    Number.MAX_SAFE_INTEGER,
    Number.MIN_SAFE_INTEGER,
    2 ** 53,
    9.007199254741e15,
    123456789012345680000,
    -1.5e-10,
    [1e100, -1e100]
  ]),
  roundTrips("any text comes back exactly", [
    "\0",
    "a\0b",
    "\u0001\u001f",
    "😀",
    "\ud800",
    "\udc00",
    "a\udfffb",
    "\ud83d",
    "\uffff",
    "\u2028\u2029",
    "é",
    "e\u0301",
    '"',
    "\\",
    "\\u0000",
    "'; DROP TABLE state; --",
    "$1 ?1 :a %s {}",
    '{"a":1}',
    "null",
    "1",
    "\ufeff",
    "\r\n",
    "x".repeat(70_000),
    { "\0": "\0", "\ud800": "\udc00", "": "empty", " ": 1, "😀": 2 }
  ]),
  roundTrips("properties keep their order and their odd names", [
    { b: 1, a: 2, A: 3 },
    JSON.parse('{"__proto__": {"x": 1}, "constructor": 1, "toString": null}'),
    { "a.b": { $set: 1 }, "0": "zero", "-1": "minus" }
  ]),
  values("the order of properties is kept", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", { z: 1, a: { y: 1, b: 2 }, m: 3, aa: 4 })
      assert.equal(JSON.stringify(yield* value(store, "a")), '{"z":1,"a":{"y":1,"b":2},"m":3,"aa":4}')
    })
  ),
  values("a large value comes back whole", (store) =>
    Effect.gen(function* () {
      const large = { text: "é".repeat(300_000), list: Array.from({ length: 50_000 }, (_, i) => i) }
      yield* store.set("a", large)
      assert.deepEqual(yield* value(store, "a"), large)
    })
  ),
  values("what JSON.stringify drops or turns into text is dropped or text", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", { kept: 1, dropped: undefined, nested: { dropped: undefined } })
      const found = yield* value(store, "a")
      assert.deepEqual(found, { kept: 1, nested: {} })
      assert.ok(typeof found === "object" && found !== null && !("dropped" in found))
      yield* store.set("date", { at: new Date(0) })
      assert.deepEqual(yield* value(store, "date"), { at: "1970-01-01T00:00:00.000Z" })
    })
  ),
  values("what JSON would lose is an EncodeError, and nothing is written", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", "before")
      const losses: ReadonlyArray<readonly [unknown, ReadonlyArray<string | number>]> = [
        [undefined, []],
        [() => 1, []],
        [Symbol("s"), []],
        [1n, []],
        [Number.NaN, []],
        [Number.POSITIVE_INFINITY, []],
        [Number.NEGATIVE_INFINITY, []],
        [[1, undefined], [1]],
        [[() => 1], [0]],
        [{ a: { b: [0, { c: Number.NaN }] } }, ["a", "b", 1, "c"]],
        [{ f: () => 1 }, ["f"]],
        [{ big: 1n }, ["big"]],
        [new Map([[1, 2]]), []],
        [{ s: new Set([1]) }, ["s"]],
        [new Uint8Array(2), []],
        [new Date(Number.NaN), []]
      ]
      for (const [lossy, path] of losses) {
        const error = yield* failure(store.set("a", lossy), "EncodeError")
        assert.deepEqual(error.path, path)
        yield* failure(store.set("new", lossy), "EncodeError")
        yield* failure(store.commit(Atomic.make.pipe(Atomic.set("b", 1), Atomic.set("a", lossy))), "EncodeError")
        yield* failure(
          store.modify("a", () => Effect.succeed([0, Modification.write(lossy)])),
          "EncodeError"
        )
      }
      for (const odd of [cycle, throwing, nested(10_000)]) yield* failure(store.set("a", odd), "EncodeError")
      assert.equal(yield* value(store, "a"), "before")
      assert.equal(yield* store.count(KeyRange.all), 1)
    })
  ),
  values("values are copies", (store) =>
    Effect.gen(function* () {
      const passed = { list: [1], nested: { n: 1 } }
      yield* store.set("a", passed)
      passed.list.push(2)
      passed.nested.n = 2
      const copy = { list: [1], nested: { n: 1 } }
      const got = yield* entry(store, "a")
      assert.deepEqual(got.value, copy)
      Object.assign(got.value as object, { list: "changed" }) // An object was just found equal to it.
      assert.deepEqual(yield* value(store, "a"), copy)
      const [listed] = (yield* store.page(KeyRange.all)).entries
      Object.assign(listed?.value as object, { nested: "changed" }) // There is one entry, and it is an object.
      assert.deepEqual(yield* value(store, "a"), copy)
      const [first, second] = yield* store.getMany(["a", "a"])
      assert.deepEqual(first, second)
      Object.assign(Option.getOrThrow(first ?? Option.none()).value as object, { list: 0 }) // As above.
      assert.deepEqual(Option.getOrThrow(second ?? Option.none()).value, copy)
    })
  ),
  values("a value that is too large is refused, and nothing is written", (_, harness) =>
    Effect.gen(function* () {
      const store = yield* harness.open({ valueBytesMax: 100 })
      yield* store.set("a", "x".repeat(98))
      const error = yield* failure(store.set("a", "x".repeat(99)), "ValueTooLarge")
      assert.equal(error.bytes, 101)
      assert.equal(error.bytesMax, 100)
      yield* store.set("b", "é".repeat(49))
      assert.equal((yield* failure(store.set("b", "é".repeat(50)), "ValueTooLarge")).bytes, 102)
      yield* failure(
        store.commit(Atomic.make.pipe(Atomic.set("c", 1), Atomic.set("d", "x".repeat(99)))),
        "ValueTooLarge"
      )
      const { results } = yield* failure(
        store.setMany([
          { key: "e", value: 1 },
          { key: "f", value: "x".repeat(99) }
        ]),
        "BatchError"
      )
      assert.deepEqual(
        results.map((item) => (Either.isRight(item) ? "done" : item.left._tag)),
        ["done", "ValueTooLarge"]
      )
      assert.equal(yield* value(store, "a"), "x".repeat(98))
      assert.equal(yield* store.exists("c"), false)
    })
  )
]
