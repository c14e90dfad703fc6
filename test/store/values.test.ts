import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { Json, Pattern, Ttl } from "effect-state"
import * as Plan from "../../src/store/Plan.ts"
import { key, part } from "./text.ts"

describe("Json", () => {
  it.prop("what can be written comes back equal", [FastCheck.jsonValue()], ([value]) => {
    const text = Either.getOrThrow(Json.stringify(value))
    // JSON has one zero.
    assert.deepStrictEqual(Either.getOrThrow(Json.parse(text)), JSON.parse(JSON.stringify(value)))
  })

  it.prop("any text comes back equal: NUL, lone surrogates, emoji", [FastCheck.string16bits()], ([text]) =>
    assert.deepStrictEqual(Json.parse(Either.getOrThrow(Json.stringify(text))), Either.right(text))
  )

  it.prop(
    "nothing is lost in silence",
    [
      FastCheck.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withSet: true,
        withTypedArray: true,
        withNullPrototype: true,
        withSparseArray: true
      })
    ],
    ([value]) => {
      const text = Json.stringify(value)
      if (Either.isLeft(text)) return
      const back = JSON.parse(text.right)
      assert.deepStrictEqual(Json.stringify(back), text)
    }
  )

  it("says what would be lost, and where", () => {
    class Point {
      readonly x = 1
    }
    const cycle: { self?: unknown } = {}
    cycle.self = cycle
    for (const [value, path, reason] of [
      [undefined, [], /undefined/],
      [{ a: [1, undefined] }, ["a", 1], /undefined/],
      [{ a: { b: () => 1 } }, ["a", "b"], /function/],
      [[Symbol("s")], [0], /symbol/],
      [{ n: 1n }, ["n"], /bigint/],
      [{ n: Number.NaN }, ["n"], /NaN/],
      [[Number.POSITIVE_INFINITY], [0], /Infinity/],
      [{ m: new Map() }, ["m"], /Map/],
      [{ s: new Set([1]) }, ["s"], /Set/],
      [new Uint8Array(2), [], /Uint8Array/],
      [{ at: new Date(Number.NaN) }, ["at"], /Date/],
      // JSON.stringify asks no toJSON of what a toJSON gives.
      [{ at: { toJSON: () => new Date(0) } }, ["at"], /Date/],
      [{ m: { toJSON: () => new Map([[1, 2]]) } }, ["m"], /Map/],
      [{ a: Object.assign([1], { toJSON: () => undefined }) }, ["a"], /undefined/],
      [Object.assign([1], { toJSON: () => undefined }), [], /undefined/]
    ] as const) {
      const loss = Either.getOrThrow(Either.flip(Json.stringify(value)))
      assert.deepStrictEqual(loss.path, path)
      assert.match(loss.reason, reason)
    }
    assert.match(Either.getOrThrow(Either.flip(Json.stringify(cycle))).reason, /contains itself/)
    assert.deepStrictEqual(
      Json.stringify({ a: undefined, b: new Date(0), c: new Point() }),
      Either.right('{"b":"1970-01-01T00:00:00.000Z","c":{"x":1}}')
    )
  })

  it("a throwing getter is a loss, not a defect", () => {
    const value = {
      get bad(): never {
        throw new Error("secret")
      }
    }
    assert.notInclude(JSON.stringify(Json.stringify(value)), "secret")
    assert.isTrue(Either.isLeft(Json.stringify(value)))
  })
})

describe("Ttl", () => {
  it("rounds up to whole milliseconds, and takes infinity for never", () => {
    for (const [input, ttlMs] of [
      [1, 1],
      [0.2, 1],
      ["1 hour", 3_600_000],
      [Duration.nanos(1n), 1],
      [Duration.micros(1_001n), 2],
      [Duration.infinity, undefined],
      [Number.POSITIVE_INFINITY, undefined],
      [Duration.days(365_000), Ttl.ttlMsMax]
    ] as const) {
      assert.deepStrictEqual(Ttl.decode(input), Either.right(ttlMs))
    }
  })

  it("refuses what is no time to live", () => {
    for (const input of [
      0,
      -1,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      Duration.zero,
      Duration.days(365_001),
      "soon",
      {},
      [1n],
      null
    ]) {
      // Not every one of these is a DurationInput: callers without types send them.
      const error = Either.getOrThrow(Either.flip(Ttl.decode(input as Duration.DurationInput)))
      assert.strictEqual(error._tag, "InvalidTtl")
      assert.notStrictEqual(error.message, "")
    }
  })

  it("keeps, replaces and bounds deadlines", () => {
    const at = Ttl.expiresAtMs
    assert.strictEqual(at(Ttl.after(10), 100, "absent"), 110)
    assert.strictEqual(at(Ttl.never, 100, 105), undefined)
    assert.strictEqual(at(Ttl.keepOr(10), 100, 105), 105)
    assert.strictEqual(at(Ttl.keepOr(10), 100, undefined), undefined)
    assert.strictEqual(at(Ttl.keepOr(10), 100, "absent"), 110)
    assert.strictEqual(at({ keep: false, ttlMs: undefined, notAfterMs: 120 }, 100, "absent"), 120)
    assert.strictEqual(at({ keep: true, ttlMs: 10, notAfterMs: 103 }, 100, 105), 103)
  })
})

describe("Pattern", () => {
  const matches = (pattern: string, key: string) => Either.getOrThrow(Pattern.parse(pattern)).matches(key)

  it("knows stars, single characters, sets and escapes", () => {
    for (const [pattern, yes, no] of [
      ["user:*:state", ["user:1:state", "user::state", "user:a:b:state"], ["user:1", "xuser:1:state", "user:1:states"]],
      ["a?c", ["abc", "a😀c"], ["ac", "abbc"]],
      ["[a-c]1", ["a1", "c1"], ["d1", "1", "aa1"]],
      ["[^a-c]1", ["d1", "😀1"], ["a1"]],
      ["[a\\]-]", ["a", "]", "-"], ["b"]],
      ["\\*", ["*"], ["a"]],
      ["*", ["", "anything"], []],
      ["", [""], ["a"]],
      ["a**b*", ["ab", "axxb", "abab"], ["ba"]]
    ] as const) {
      for (const key of yes) assert.isTrue(matches(pattern, key), `${pattern} matches ${key}`)
      for (const key of no) assert.isFalse(matches(pattern, key), `${pattern} does not match ${key}`)
    }
  })

  it("refuses broken patterns", () => {
    for (const pattern of ["[", "[a", "a\\", "[]", "[b-a]", "[a-"]) {
      const error = Either.getOrThrow(Either.flip(Pattern.parse(pattern)))
      assert.strictEqual(error.part, "pattern")
    }
  })

  it("takes no more than the product of both lengths", () => {
    assert.isFalse(matches(`${"a*".repeat(200)}b`, "a".repeat(1_000)))
  })

  it.prop("escaped text matches itself and nothing else", [key, key], ([text, other]) => {
    const pattern = text.replace(/[*?[\]\\]/g, "\\$&")
    assert.strictEqual(matches(pattern, other), text === other)
    assert.strictEqual(Either.getOrThrow(Pattern.parse(pattern)).prefix, text)
  })

  it.prop("every match starts with the literal prefix", [part, part], ([literal, rest]) => {
    const { matches, prefix } = Either.getOrThrow(Pattern.parse(`${literal.replace(/[*?[\]\\]/g, "\\$&")}*`))
    assert.strictEqual(prefix, literal)
    assert.isTrue(matches(literal + rest))
  })
})

describe("Plan.sum", () => {
  it("adds safe integers, and nothing else", () => {
    for (const [payload, delta, sum] of [
      ["1", 2, 3],
      ["-5", 5, 0],
      ["9007199254740990", 1, Number.MAX_SAFE_INTEGER],
      ["9007199254740991", 1, undefined],
      ["-9007199254740991", -1, undefined],
      ["1.5", 1, undefined],
      ['"1"', 1, undefined],
      ["1e3", 1, undefined],
      ["null", 1, undefined],
      [new Uint8Array([49]), 1, undefined]
    ] as const) {
      assert.strictEqual(Plan.sum(payload, delta), sum)
    }
  })
})
