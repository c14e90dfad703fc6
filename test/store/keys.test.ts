import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import { Key, KeyRange, Namespace, PageCursor, StateError } from "effect-state"
import * as Utf8 from "../../src/store/Utf8.ts"
import { byBytes, key, part } from "./text.ts"

const store = {}
const root = Namespace.root(store, undefined)
const path = FastCheck.array(
  FastCheck.tuple(FastCheck.boolean(), key).map(([inner, name]) =>
    inner ? Namespace.inner(name) : name.replace(/^~/, "-")
  ),
  { maxLength: 3 }
)
const namespaceOf = (path: ReadonlyArray<string | Namespace.Inner>) =>
  path.reduce((parent, segment) => Namespace.child(parent, segment), root)
const textOf = (path: ReadonlyArray<string | Namespace.Inner>, key: string) =>
  Namespace.fullKey(namespaceOf(path), key).text
const rangeOf = (range: KeyRange.KeyRange) => Either.getOrThrow(KeyRange.resolve(root, range))

describe("Utf8", () => {
  it.prop("compares text as its bytes compare", [part, part], ([a, b]) =>
    assert.strictEqual(Utf8.compare(a, b), byBytes(a, b))
  )

  it.prop("finds the first text behind a prefix", [part, part], ([prefix, text]) => {
    const end = Utf8.successorOfPrefix(prefix)
    const inside = Utf8.compare(text, prefix) >= 0 && (end === undefined || Utf8.compare(text, end) < 0)
    assert.strictEqual(inside, text.startsWith(prefix))
    assert.isTrue(end === undefined || end.isWellFormed())
  })
})

describe("Key", () => {
  it("accepts any well-formed text without NUL of 1 to 1,024 bytes", () => {
    for (const text of ["a", " ", "\n", "*?[a-z]\\", "a/b:c%", "é", "😀", "a".repeat(1_024), "😀".repeat(256)]) {
      assert.isUndefined(Key.problem(text))
    }
    for (const text of ["", "\0", "a\0b", "\ud800", "a\udfff", "a".repeat(1_025), `${"😀".repeat(256)}a`]) {
      assert.instanceOf(Key.problem(text), StateError.InvalidKey)
    }
  })
})

describe("Namespace", () => {
  it.prop("no two keys of any namespaces become one", [path, key, path, key], ([path1, key1, path2, key2]) => {
    const same = key1 === key2 && JSON.stringify(path1) === JSON.stringify(path2)
    assert.strictEqual(textOf(path1, key1) === textOf(path2, key2), same)
  })

  it.prop("keys keep their order", [path, key, key], ([path, key1, key2]) =>
    assert.strictEqual(Utf8.compare(textOf(path, key1), textOf(path, key2)), byBytes(key1, key2))
  )

  it.prop("a namespace holds its own keys, and no key of another", [path, path, key], ([path1, path2, key]) => {
    const all = Either.getOrThrow(KeyRange.resolve(namespaceOf(path1), {}))
    const same = namespaceOf(path1).path === namespaceOf(path2).path
    assert.strictEqual(KeyRange.includes(all, textOf(path2, key)), same)
  })

  it("a never sees ab, a/b or a:b", () => {
    const texts = [["a"], ["ab"], ["a", "b"], ["a/b"], ["a:b"], []].map((path) => textOf(path, "b:k"))
    assert.deepStrictEqual(texts, ["a:b:k", "ab:b:k", "a/b:b:k", "a%2Fb:b:k", "a%3Ab:b:k", ":b:k"])
  })

  it("carries what is wrong with its path to every key", () => {
    assert.instanceOf(Namespace.fullKey(Namespace.child(root, ""), "k").invalid, StateError.InvalidKey)
    const deep = Namespace.child(Namespace.child(root, "a".repeat(900)), "b".repeat(100))
    assert.match(Namespace.fullKey(deep, "k").invalid?.reason ?? "", /path/)
  })

  it("places keys as it says", () => {
    const placement = (placement: Namespace.Placement, key: string) =>
      Namespace.fullKey(Namespace.child(root, "n", { placement }), key).placement
    assert.strictEqual(placement("key", "a:b"), "n:a:b")
    assert.strictEqual(placement("prefix", "a:b:c"), "n:a")
    assert.strictEqual(placement("prefix", "a"), "n:a")
    assert.strictEqual(placement("namespace", "a"), placement("namespace", "b"))
    const beside = (key: string) => Namespace.fullKey(root, key)
    assert.strictEqual(placement(beside, "x"), ":x")
  })

  it("hides secret keys in what errors show", () => {
    const secret = Namespace.child(root, "n", { secretKeys: true })
    const label = Namespace.label(Namespace.fullKey(secret, "session-id"))
    assert.notInclude(label, "session-id")
    assert.notInclude(Namespace.fullKey(secret, "session-id\0").invalid?.key ?? "", "session-id")
    // As a cookie may be that is not there.
    assert.match(Namespace.fullKey(secret, undefined as unknown as string).invalid?.reason ?? "", /no string/)
  })

  it("says of a secret key that is no string what it says of any other", () => {
    const secret = Namespace.child(root, "n", { secretKeys: true })
    // As an id may be that a request was to bring.
    const invalid = Namespace.fullKey(secret, undefined as unknown as string).invalid
    assert.instanceOf(invalid, StateError.InvalidKey)
    assert.include(invalid?.message, "no string")
  })
})

describe("KeyRange", () => {
  it.prop("a prefix is literal text", [part, key], ([prefix, key]) =>
    assert.strictEqual(KeyRange.includes(rangeOf({ prefix }), textOf([], key)), key.startsWith(prefix))
  )

  it.prop("bounds are half-open", [part, part, key], ([start, end, key]) => {
    const range = KeyRange.resolve(root, { start, end })
    if (byBytes(start, end) > 0) return assert.isTrue(Either.isLeft(range))
    const inside = byBytes(start, key) <= 0 && byBytes(key, end) < 0
    assert.strictEqual(KeyRange.includes(Either.getOrThrow(range), textOf([], key)), inside)
  })

  it.prop("the placement of a range is that of all keys in it", [part, part, key], ([start, end, key]) => {
    const namespace = Namespace.child(root, "n", { placement: "prefix" })
    const range = KeyRange.resolve(namespace, { start, end })
    if (Either.isLeft(range) || range.right.placement === undefined) return
    const full = Namespace.fullKey(namespace, key)
    if (KeyRange.includes(range.right, full.text)) assert.strictEqual(full.placement, range.right.placement)
  })

  it("knows the placement of a range between keys of one prefix", () => {
    const namespace = Namespace.child(root, "n", { placement: "prefix" })
    const placement = (start: string, end: string) =>
      Either.getOrThrow(KeyRange.resolve(namespace, { start, end })).placement
    assert.strictEqual(placement("a:b", "a:c"), "n:a")
    assert.strictEqual(placement("a:", "a:c:d"), "n:a")
    assert.isUndefined(placement("a", "a:c"))
    assert.isUndefined(placement("a:", "b:"))
    assert.isUndefined(placement("a:", "a;"))
  })

  it("refuses what can be no bound", () => {
    for (const range of [{ prefix: "\0" }, { start: "\ud800" }, { end: "a".repeat(1_025) }, { start: "b", end: "a" }]) {
      const error = Either.getOrThrow(Either.flip(KeyRange.resolve(root, range)))
      assert.instanceOf(error, StateError.InvalidRange)
    }
  })
})

describe("PageCursor", () => {
  it.prop(
    "leads back to its key, in its range and direction only",
    [part, key, FastCheck.boolean()],
    ([prefix, rest, reverse]) => {
      const range = rangeOf({ prefix })
      const text = textOf([], prefix + rest)
      const cursor = PageCursor.encode(range, reverse, text)
      assert.deepStrictEqual(PageCursor.decode(range, reverse, cursor), Either.right(text))
      assert.isTrue(Either.isLeft(PageCursor.decode(range, !reverse, cursor)))
      assert.isTrue(Either.isLeft(PageCursor.decode(rangeOf({ prefix: `${prefix}x` }), reverse, cursor)))
    }
  )

  it.prop("made up text is no cursor", [FastCheck.string()], ([text]) =>
    assert.isTrue(Either.isLeft(PageCursor.decode(rangeOf({}), false, text)))
  )
})
