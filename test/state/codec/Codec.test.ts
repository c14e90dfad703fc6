import { isDeepStrictEqual } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { Codec, KeyRing } from "effect-state"
import * as fc from "fast-check"
import * as Payloads from "../../../src/store/Payloads.ts"

const key = (id: string, fill: number) => ({ id, key: Redacted.make(new Uint8Array(32).fill(fill)) })
const ring = (primary: number, ...older: ReadonlyArray<number>) =>
  Either.getOrThrow(KeyRing.make({ primary: key(`k${primary}`, primary), older: older.map((n) => key(`k${n}`, n)) }))

const gzip = { algorithm: "gzip", aboveBytes: 0 } as const
const brotli = { algorithm: "brotli", aboveBytes: 0 } as const

const plain = {
  json: Codec.json,
  structured: Codec.structured,
  "gzip of json": Codec.compressed(Codec.json, gzip),
  "brotli of structured": Codec.compressed(Codec.structured, brotli)
}
const encrypted = {
  "encrypted json": Codec.encrypted(Codec.json, ring(1)),
  "encrypted structured": Codec.encrypted(Codec.structured, ring(1)),
  "encrypted gzip": Codec.encrypted(Codec.compressed(Codec.json, gzip), ring(1)),
  "brotli around encryption": Codec.compressed(Codec.encrypted(Codec.json, ring(1)), brotli),
  "encrypted twice": Codec.encrypted(Codec.encrypted(Codec.json, ring(1)), ring(2))
}

const at = { key: "users:ada", bytesMax: 1_000_000 }
const encode = (codec: Codec.Codec, value: unknown, key = at.key, stamped = false) =>
  Either.getOrThrow(codec.encode(value, { ...at, key, stamped }))
const bytes = (codec: Codec.Codec, value: unknown, key = at.key, stamped = false): Uint8Array => {
  const payload = encode(codec, value, key, stamped)
  return typeof payload === "string" ? assert.fail("expected bytes") : payload
}
const decode = (codec: Codec.Codec, payload: string | Uint8Array, key = at.key) => codec.decode(payload, { ...at, key })

/** The payload with one bit flipped. */
const flipped = (payload: Uint8Array, bit: number): Uint8Array =>
  payload.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))

/** What JSON gives back equal. */
const jsonValue = fc.jsonValue({ maxDepth: 4 }).map((value): unknown => JSON.parse(JSON.stringify(value)))

/** What the structured clone gives back equal. */
const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  maxDepth: 3
})

describe("Codec", () => {
  for (const [name, codec] of Object.entries({ ...plain, ...encrypted })) {
    it(`${name}: any value comes back equal`, () => {
      fc.assert(
        fc.property(codec.parts.base === "json" ? jsonValue : anything, (value) => {
          // Node's comparison: the one of assert sorts what is in a Set by its text, which not everything has.
          const back = Either.getOrThrow(decode(codec, encode(codec, value)))
          assert.isTrue(isDeepStrictEqual(back, value))
        })
      )
    })

    it(`${name}: any other bytes and any other text are a reason, and no crash`, () => {
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string()), (payload) => {
          const result = decode(codec, payload)
          if (typeof payload !== "string" || codec.parts.required.length > 0) assert.isTrue(Either.isLeft(result))
        })
      )
    })
  }

  for (const [name, codec] of Object.entries({
    structured: plain.structured,
    gzip: plain["gzip of json"],
    ...encrypted
  })) {
    it(`${name}: each flipped bit and each cut is found out`, () => {
      const payload = bytes(codec, ["a value that is long enough to be compressed".repeat(3)])
      for (let bit = 0; bit < payload.length * 8; bit++) {
        assert.isTrue(Either.isLeft(decode(codec, flipped(payload, bit))), `bit ${bit}`)
      }
      for (let length = 0; length < payload.length; length++) {
        assert.isTrue(Either.isLeft(decode(codec, payload.subarray(0, length))), `cut to ${length} bytes`)
        assert.isTrue(Either.isLeft(decode(codec, payload.subarray(payload.length - length))), `the last ${length}`)
      }
      assert.isTrue(Either.isLeft(decode(codec, Uint8Array.from([...payload, 0]))))
    })
  }

  it("what any codec wrote, any other reads, given the keys", () => {
    const all = { ...plain, ...encrypted }
    for (const [from, writer] of Object.entries(all)) {
      const payload = encode(writer, { n: 1, list: ["x".repeat(500)] })
      for (const [to, codec] of Object.entries(all)) {
        const reader = [1, 2].reduce(
          (reader, n) => Codec.encrypted(reader, ring(n), { acceptPlain: true }),
          Codec.decrypting({ ...codec, parts: { ...codec.parts, required: [] } }, ring(2, 1))
        )
        assert.deepStrictEqual(
          Either.getOrThrow(decode(reader, payload)),
          { n: 1, list: ["x".repeat(500)] },
          `${from} to ${to}`
        )
      }
    }
  })

  it("encryption can be given up: a codec with the ring reads what it wrote", () => {
    const codec = Codec.decrypting(Codec.json, ring(2, 1))
    assert.deepStrictEqual(decode(codec, encode(encrypted["encrypted gzip"], "x")), Either.right("x"))
    assert.strictEqual(encode(codec, "x"), '"x"')
    assert.deepStrictEqual(codec.keyIds, [])
  })
})

describe("Codec.encrypted", () => {
  const codec = Codec.encrypted(Codec.json, ring(1))

  it("hides the value, and never writes the same bytes twice", () => {
    const text = "a secret of some length"
    const [first, second] = [bytes(codec, text), bytes(codec, text)]
    assert.notDeepEqual(first, second)
    assert.isFalse(Buffer.from(first).includes("secret"))
    assert.isTrue(Buffer.from(first).includes("k1"))
  })

  it("does not open under another key, in another namespace, or by another key of the same id", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (here, there) => {
        const payload = bytes(codec, 1, here)
        assert.strictEqual(Either.isRight(decode(codec, payload, there)), here === there)
      })
    )
    const other = Either.getOrThrow(KeyRing.make({ primary: key("k1", 9) }))
    assert.isTrue(Either.isLeft(decode(Codec.encrypted(Codec.json, other), bytes(codec, 1))))
  })

  it("binds what is appended to the start of its key", () => {
    const stamp = "0000000000000042"
    const payload = bytes(codec, "event", "log:a:", true)
    assert.deepStrictEqual(decode(codec, payload, `log:a:${stamp}`), Either.right("event"))
    for (const key of ["log:a:", `log:b:${stamp}`, `log:a:x${stamp}`, "log:a:0000", `log:a:${"x".repeat(16)}`]) {
      assert.isTrue(Either.isLeft(decode(codec, payload, key)), key)
    }
    assert.isTrue(Either.isLeft(decode(codec, bytes(codec, "event", "log:a:"), `log:a:${stamp}`)))
  })

  it("reads what older keys of the ring encrypted, and writes with the primary one", () => {
    const rotated = Codec.encrypted(Codec.json, ring(2, 1))
    assert.deepStrictEqual(decode(rotated, bytes(codec, "x")), Either.right("x"))
    assert.deepStrictEqual(rotated.keyIds, ["k2"])
    const refused = decode(codec, bytes(rotated, "x"))
    assert.deepStrictEqual(refused, Either.left('it is encrypted by a key that is not in the ring: "k2"'))
    const twice = (outer: number) => Codec.encrypted(Codec.encrypted(Codec.json, ring(1)), ring(outer))
    assert.deepStrictEqual(
      decode(twice(3), bytes(twice(2), 1)),
      Either.left('it is encrypted by a key that is not in the ring: "k2"')
    )
  })

  it("takes no value that is not encrypted, unless it is told to", () => {
    const lenient = Codec.encrypted(Codec.json, ring(1), { acceptPlain: true })
    for (const writer of Object.values(plain)) {
      const payload = encode(writer, ["a downgrade".repeat(20)])
      assert.isTrue(Either.isLeft(decode(codec, payload)))
      assert.deepStrictEqual(decode(lenient, payload), Either.right(["a downgrade".repeat(20)]))
    }
    assert.isTrue(Either.isLeft(decode(encrypted["encrypted twice"], bytes(codec, 1))))
  })

  it("writes nothing in more layers than it reads", () => {
    const layers = (n: number): Codec.Codec => (n === 0 ? Codec.json : Codec.encrypted(layers(n - 1), ring(1)))
    assert.deepStrictEqual(decode(layers(8), bytes(layers(8), 1)), Either.right(1))
    assert.isTrue(Either.isLeft(layers(9).encode(1, { ...at, stamped: false })))
  })

  it("shows no key, not even when it is inspected", () => {
    for (const shown of [JSON.stringify(codec), String(codec), JSON.stringify([...ring(1).keys])]) {
      assert.notMatch(shown, /1,1,1|AQEBAQ|01010101/)
    }
  })
})

describe("Codec.compressed", () => {
  const text = "compressible ".repeat(1_000)

  it("compresses above a size, and only what gets smaller", () => {
    const codec = Codec.compressed(Codec.json, { aboveBytes: 100 })
    assert.isBelow(bytes(codec, text).length, 1_000)
    assert.strictEqual(encode(codec, "x".repeat(50)), `"${"x".repeat(50)}"`)
    // 100 bytes of JSON, and one more.
    assert.isString(encode(codec, "x".repeat(98)))
    assert.isNotString(encode(codec, "x".repeat(99)))
    const random = Buffer.from(crypto.getRandomValues(new Uint8Array(500))).toString("latin1")
    assert.isString(encode(Codec.compressed(Codec.json, brotli), random.slice(0, 3)))
  })

  it("stops a bomb at the size limit, and never writes what would be taken for one", () => {
    for (const algorithm of ["gzip", "brotli"] as const) {
      const codec = Codec.compressed(Codec.json, { algorithm, aboveBytes: 0 })
      const bomb = bytes(codec, "0".repeat(900_000))
      assert.isBelow(bomb.length, 2_000)
      assert.match(String(codec.decode(bomb, { ...at, bytesMax: 100_000 })), /larger than 100000 bytes/)
      const fault = codec.encode("0".repeat(900_000), { ...at, bytesMax: 100_000, stamped: false })
      assert.deepStrictEqual(fault, Either.left({ _tag: "TooLarge", bytes: 900_002 }))
    }
  })
})

describe("Codec.structured", () => {
  const codec = Codec.structured
  const back = (value: unknown) => Either.getOrThrow(decode(codec, encode(codec, value)))

  it("keeps cycles, shared parts and built-in classes", () => {
    const cycle: { self?: unknown; readonly list: Array<unknown> } = { list: [] }
    cycle.self = cycle
    cycle.list.push(cycle.list)
    const copy = back(cycle) as typeof cycle // What was just written.
    assert.strictEqual(copy.self, copy)
    assert.strictEqual(copy.list[0], copy.list)
    const values = [undefined, Number.NaN, -0, 10n, /a/gi, new Date(Number.NaN), new DataView(new ArrayBuffer(3))]
    for (const value of values) assert.deepStrictEqual(back(value), value)
    assert.isTrue(Buffer.isBuffer(back(Buffer.from("text"))))
  })

  it("gives typed arrays memory of their own", () => {
    const large = Uint8Array.from({ length: 100 }, (_, i) => i)
    for (const view of [large.subarray(10, 14), new Float64Array(2).fill(0.5), new DataView(large.buffer, 3, 5)]) {
      const copy = back([1, view])
      assert.isTrue(isDeepStrictEqual(copy, [1, view]))
      const bytes = (copy as ReadonlyArray<typeof view>)[1] // As just compared.
      assert.strictEqual(bytes?.buffer.byteLength, view.byteLength)
    }
  })

  it("refuses what the clone would change or drop, and says where", () => {
    class Point {
      x = 1
    }
    const losses: ReadonlyArray<readonly [unknown, ReadonlyArray<string | number>]> = [
      [() => 1, []],
      [Symbol("s"), []],
      [{ a: [0, new Point()] }, ["a", 1]],
      [new Map([["k", () => 1]]), ["value 0"]],
      [new Set([Symbol("s")]), ["item 0"]],
      [new Error("no"), []],
      [{ [Symbol("s")]: 1 }, []],
      [Object.assign(new Date(0), { extra: 1 }), []],
      [new (class extends Map {})(), []],
      [new WeakMap(), []],
      [Promise.resolve(), []],
      [new SharedArrayBuffer(1), []]
    ]
    for (const [value, path] of losses) {
      const fault = Either.getOrThrow(Either.flip(codec.encode(value, { ...at, stamped: false })))
      assert.deepStrictEqual(fault._tag === "Loss" && fault.path, path)
    }
  })

  it("hostile bytes that are sealed as ours are a reason, and no crash", () => {
    const header = { stamped: false, base: "structured", layers: [] } as const
    const sound = bytes(codec, { list: [1, new Map([[1, new Uint8Array(9)]]), new Date(0), 5n, "text"] })
    const body = sound.subarray(6, -8)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(body.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (edits) => {
        const hostile = Uint8Array.from(body)
        for (const [i, byte] of edits) hostile[i] = byte
        assert.isTrue(Either.isEither(decode(codec, Payloads.seal(header, hostile))))
      }),
      { numRuns: 2_000 }
    )
  })
})
