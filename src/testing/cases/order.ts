/**
 * Order, ranges, pages and patterns.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import type { PageCursor } from "../../store/PageCursor.ts"
import { pageLimitMax } from "../../store/Reads.ts"
import { type Case, entryKeys, failure, numbered, pagedKeys, setAll, storeCase } from "../Case.ts"

const order = storeCase("order")

/** Text that other orders than that of UTF-8 bytes put elsewhere: by UTF-16 units, by locale, by number, ignoring case. */
const unsorted = [
  "b", "a", "B", "A", "aa", "a1", "a10", "a2", "a-", "a ", " ", "\n", "\u0001", "~", "é", "e\u0301", "z", "Z", "ß", "ss",
  "\u007f", "\u0080", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\ufffd", "😀", "\u{10000}", "\u{10ffff}",
  "a\uffff", "a😀", "漢", "%", "_", "*", "?", "[", "]", "\\", "/", ":", ";", "'", "\"", "$", "{", "}", "ı", "I", "i"
] // biome-ignore format: a list to look at, not to read

const sorted = (keys: Iterable<string>) => [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

const collect = (stream: Stream.Stream<string, unknown>) => Effect.map(Stream.runCollect(stream), (keys) => [...keys])

/**
 * @since 0.1.0
 * @category cases
 */
export const orderCases: ReadonlyArray<Case> = [
  order("keys lie in the order of their UTF-8 bytes", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, unsorted)
      const expected = sorted(unsorted)
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), expected)
      assert.deepEqual(yield* entryKeys(store, KeyRange.all, { reverse: true }), [...expected].reverse())
      assert.deepEqual(yield* pagedKeys(store, KeyRange.all, { limit: 7 }), expected)
      assert.deepEqual(yield* pagedKeys(store, KeyRange.all, { limit: 7, reverse: true }), [...expected].reverse())
      assert.deepEqual(yield* collect(store.keys("*")), expected)
    })
  ),
  order("an emoji comes behind U+FFFF, in bounds too", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["\uffff", "😀"])
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["\uffff", "😀"])
      assert.deepEqual(yield* entryKeys(store, { start: "😀" }), ["😀"])
      assert.deepEqual(yield* entryKeys(store, { end: "😀" }), ["\uffff"])
      assert.equal(yield* store.count(KeyRange.between("\uffff", "😀")), 1)
      yield* failure(store.count(KeyRange.between("😀", "\uffff")), "InvalidRange")
    })
  ),
  order("ranges are half-open", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["a", "b", "c", "d"])
      const expected: ReadonlyArray<readonly [KeyRange.KeyRange, ReadonlyArray<string>]> = [
        [{ start: "b", end: "d" }, ["b", "c"]],
        [{ start: "b" }, ["b", "c", "d"]],
        [{ end: "c" }, ["a", "b"]],
        [{ start: "bb", end: "cc" }, ["c"]],
        [{ start: "c", end: "c" }, []],
        [{ start: "", end: "b" }, ["a"]],
        [{ start: "e" }, []],
        [{}, ["a", "b", "c", "d"]]
      ]
      for (const [range, keys] of expected) {
        assert.deepEqual(yield* entryKeys(store, range), keys)
        assert.deepEqual(yield* entryKeys(store, range, { reverse: true }), [...keys].reverse())
        assert.equal(yield* store.count(range), keys.length)
      }
    })
  ),
  order("a prefix is literal text", (store) =>
    Effect.gen(function* () {
      const prefixes = [
        "%",
        "_",
        "*",
        "?",
        "[",
        "[a-z]",
        "\\",
        "\\%",
        "^",
        ".",
        "'",
        "a%",
        "a_",
        "A",
        "a",
        "\uffff",
        "😀",
        "é"
      ]
      const keys = [...prefixes, ...prefixes.map((prefix) => `${prefix}1`), "abc", "x", "%%", "e"]
      yield* setAll(store, keys)
      for (const prefix of prefixes) {
        const expected = sorted(new Set(keys.filter((key) => key.startsWith(prefix))))
        assert.deepEqual(yield* entryKeys(store, KeyRange.prefix(prefix)), expected, prefix)
        assert.equal(yield* store.count(KeyRange.prefix(prefix)), expected.length, prefix)
      }
      assert.equal(yield* store.clear(KeyRange.prefix("%")), 3)
      assert.deepEqual(yield* entryKeys(store, KeyRange.prefix("")), sorted(keys.filter((key) => !key.startsWith("%"))))
    })
  ),
  order("a prefix ends at the last character there is", (store) =>
    Effect.gen(function* () {
      const keys = [
        "\ud7ff",
        "\ud7ffz",
        "\ue000",
        "a\u{10ffff}",
        "a\u{10ffff}b",
        "b",
        "\u{10ffff}",
        "\u{10ffff}\u{10ffff}"
      ]
      yield* setAll(store, keys)
      for (const prefix of ["\ud7ff", "a\u{10ffff}", "\u{10ffff}", "\u{10ffff}\u{10ffff}"]) {
        const expected = sorted(keys.filter((key) => key.startsWith(prefix)))
        assert.deepEqual(yield* entryKeys(store, KeyRange.prefix(prefix)), expected)
      }
    })
  ),
  order("a page has at most its limit, and every page but the last is full", (store) =>
    Effect.gen(function* () {
      const keys = numbered("k", 23)
      yield* setAll(store, ["j", "l"])
      yield* setAll(store, keys)
      for (const limit of [1, 2, 5, 22, 23, 24, 1_000]) {
        assert.deepEqual(yield* pagedKeys(store, KeyRange.prefix("k"), { limit }), keys)
        const reversed = yield* pagedKeys(store, KeyRange.prefix("k"), { limit, reverse: true })
        assert.deepEqual(reversed, [...keys].reverse())
      }
      const first = yield* store.page(KeyRange.all, { limit: 3 })
      assert.deepEqual(
        first.entries.map(({ key }) => key),
        ["j", "k000", "k001"]
      )
      assert.ok(Option.isSome(first.next))
      assert.ok(Option.isNone((yield* store.page(KeyRange.all)).next))
    })
  ),
  order("pages neither skip nor repeat what was there throughout", (store) =>
    Effect.gen(function* () {
      for (const reverse of [false, true]) {
        yield* store.clear(KeyRange.all)
        const stable = numbered("k", 40)
        yield* setAll(store, stable)
        yield* setAll(
          store,
          stable.map((key) => `${key}x`)
        )
        let round = 0
        const seen = yield* pagedKeys(store, KeyRange.all, { limit: 7, reverse }, (keys) =>
          // Those just listed, the cursor's own among them, and some ahead and behind; others come in between.
          store
            .deleteMany(
              [...keys, ...stable.map((key) => `${key}x`).filter((_, i) => i % 3 === round % 3)].filter((key) =>
                key.endsWith("x")
              )
            )
            .pipe(Effect.zipRight(setAll(store, stable.map((key) => `${key}y${round++}`).slice(round % 4, 20))))
        )
        const found = seen.filter((key) => stable.includes(key))
        assert.deepEqual(found, reverse ? [...stable].reverse() : stable)
        assert.equal(new Set(seen).size, seen.length)
        const inOrder = sorted(seen)
        assert.deepEqual(seen, reverse ? inOrder.reverse() : inOrder)
      }
    })
  ),
  order("an entry that moves within a range while a page of it is read is there, once", (store) =>
    Effect.gen(function* () {
      yield* store.set("a", 1)
      const move = (from: string, to: string) => store.commit(Atomic.make.pipe(Atomic.delete(from), Atomic.set(to, 1)))
      const [, pages] = yield* Effect.all(
        [
          Effect.replicateEffect(Effect.zipRight(move("a", "b"), move("b", "a")), 50),
          Effect.replicateEffect(store.page(KeyRange.all, { limit: 10 }), 100)
        ],
        { concurrency: "unbounded" }
      )
      for (const { entries } of pages) assert.equal(entries.length, 1)
    })
  ),
  order("an entry that moves within the largest page while that is read is there, once", (store) =>
    Effect.gen(function* () {
      const stable = numbered("k", pageLimitMax - 1)
      yield* setAll(store, ["a", ...stable])
      const move = (from: string, to: string) => store.commit(Atomic.make.pipe(Atomic.delete(from), Atomic.set(to, 1)))
      const moving = yield* Effect.fork(Effect.forever(Effect.zipRight(move("a", "z"), move("z", "a"))))
      const pages = yield* Effect.replicateEffect(store.page(KeyRange.all, { limit: pageLimitMax }), 20)
      yield* Fiber.interrupt(moving)
      for (const { entries } of pages) assert.equal(entries.length, stable.length + 1)
    })
  ),
  order("a page goes on behind its cursor although that entry is gone", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["a", "b", "c", "d"])
      for (const [reverse, expected] of [
        [false, ["c", "d"]],
        [true, ["b", "a"]]
      ] as const) {
        const { entries, next } = yield* store.page(KeyRange.all, { limit: 2, reverse })
        const last = entries[1]?.key ?? ""
        yield* store.delete(last)
        const after = Option.getOrThrow(next)
        const rest = yield* store.page(KeyRange.all, { after, reverse })
        assert.deepEqual(
          rest.entries.map(({ key }) => key),
          expected
        )
        assert.deepEqual(yield* entryKeys(store, KeyRange.all, { after, reverse }), expected)
        yield* store.set(last, 1)
      }
    })
  ),
  order("a cursor is good for its own range and direction only", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, numbered("k", 5))
      const next = (range: KeyRange.KeyRange, reverse: boolean) =>
        Effect.map(store.page(range, { limit: 2, reverse }), (page) => Option.getOrThrow(page.next))
      const cursor = yield* next(KeyRange.all, false)
      const refused = (range: KeyRange.KeyRange, options: { reverse?: boolean; after: PageCursor }) =>
        Effect.map(failure(store.page(range, options), "InvalidRange"), ({ part }) => assert.equal(part, "cursor"))
      yield* refused(KeyRange.all, { after: cursor, reverse: true })
      yield* refused(KeyRange.prefix("k"), { after: cursor })
      yield* refused({ start: "k" }, { after: cursor })
      yield* refused(KeyRange.all, { after: yield* next(KeyRange.all, true) })
      for (const made of ["", "k001", "AAAA", "!", "azAwMQ", `${cursor}A`, cursor.slice(1)]) {
        // It was made up: that is the point.
        yield* refused(KeyRange.all, { after: made as PageCursor })
      }
      yield* failure(store.namespace("other").page(KeyRange.all, { after: cursor }), "InvalidRange")
      assert.equal((yield* store.page(KeyRange.all, { after: cursor })).entries.length, 3)
    })
  ),
  order("a limit is 1 to 1,000", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, numbered("k", 3))
      for (const limit of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1_001]) {
        assert.equal((yield* failure(store.page(KeyRange.all, { limit }), "InvalidRange")).part, "limit")
      }
      assert.equal((yield* store.page(KeyRange.all, { limit: 1_000 })).entries.length, 3)
      yield* setAll(store, numbered("l", 120))
      assert.equal((yield* store.page(KeyRange.all)).entries.length, 100)
    })
  ),
  order("a range that makes no sense is an InvalidRange, everywhere", (store) =>
    Effect.gen(function* () {
      yield* setAll(store, ["a", "b"])
      const bad: ReadonlyArray<readonly [KeyRange.KeyRange, string]> = [
        [{ start: "b", end: "a" }, "end"],
        [{ start: "\0" }, "start"],
        [{ end: "\ud800" }, "end"],
        [{ prefix: "\udc00" }, "prefix"],
        [{ prefix: "x".repeat(1_025) }, "prefix"]
      ]
      for (const [range, part] of bad) {
        assert.equal((yield* failure(store.count(range), "InvalidRange")).part, part)
        assert.equal((yield* failure(store.page(range), "InvalidRange")).part, part)
        assert.equal((yield* failure(store.clear(range), "InvalidRange")).part, part)
        assert.equal((yield* failure(Stream.runDrain(store.entries(range)), "InvalidRange")).part, part)
      }
      assert.equal(yield* store.count(KeyRange.all), 2)
    })
  ),
  order("patterns match whole keys", (store) =>
    Effect.gen(function* () {
      const keys = [
        "a",
        "ab",
        "abc",
        "b",
        "a*",
        "a?",
        "a[b]",
        "a\\",
        "a\n",
        "a😀",
        "user:1",
        "user:22",
        "user:x",
        "%",
        "_",
        "-",
        "]",
        "^"
      ]
      yield* setAll(store, keys)
      const expected: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
        ["a", ["a"]],
        ["a?", ["ab", "a*", "a?", "a\\", "a\n", "a😀"]],
        ["a\\*", ["a*"]],
        ["a\\?", ["a?"]],
        ["a\\\\", ["a\\"]],
        ["a\\[b\\]", ["a[b]"]],
        ["user:*", ["user:1", "user:22", "user:x"]],
        ["user:?", ["user:1", "user:x"]],
        ["user:[0-9]*", ["user:1", "user:22"]],
        ["user:[^0-9]", ["user:x"]],
        ["*2", ["user:22"]],
        ["*b*", ["ab", "abc", "b", "a[b]"]],
        ["[ab]", ["a", "b"]],
        ["[a-c]?[c]", ["abc"]],
        ["[%_]", ["%", "_"]],
        ["[\\]\\-]", ["]", "-"]],
        ["[\\^]", ["^"]],
        ["%", ["%"]],
        ["", []],
        ["**", keys],
        ["A*", []]
      ]
      for (const [pattern, matching] of expected) {
        assert.deepEqual(yield* collect(store.keys(pattern)), sorted(matching), pattern)
      }
      for (const bad of ["[", "[a", "a\\", "[]", "[z-a]", "[a-"]) {
        assert.equal((yield* failure(Stream.runDrain(store.keys(bad)), "InvalidRange")).part, "pattern", bad)
      }
    })
  ),
  order("patterns go over more than one page", (store) =>
    Effect.gen(function* () {
      const keys = numbered("k", 999).concat(numbered("l", 999))
      yield* setAll(store, keys)
      assert.deepEqual(
        yield* collect(store.keys("?*[05]")),
        keys.filter((key) => /[05]$/.test(key))
      )
    })
  )
]
