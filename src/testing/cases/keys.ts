/**
 * Keys are opaque text.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Atomic from "../../store/Atomic.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Modification from "../../store/Modification.ts"
import { type Case, entry, entryKeys, failure, storeCase, value } from "../Case.ts"

const keys = storeCase("keys")

/** Text with a meaning elsewhere: in patterns, paths, SQL, Redis, JSON, JavaScript. */
const nasty = [
  " ", "  ", " a", "a ", "\n", "\r\n", "\t", "a\nb", "%", "%00", "%2F", "_", "*", "?", "[a-z]", "\\", "\\0", "/", "//", "a/b", ".", "..",
  ":", "::", "a:b", ":a", ";", "'", "\"", "`", "$1", "?1", ":name", "{a}", "{", "}", "#", "--", "/*", "NULL", "null", "undefined", "true", "0",
  "1", "01", "1e3", "__proto__", "constructor", "toString", "a", "A", "é", "e\u0301", "ß", "ı", "漢字", "😀", "👨‍👩‍👧", "\u200b", "\ufeff", "\u0001",
  "\u007f", "\uffff", "\u{10ffff}", "\u2028"
] // biome-ignore format: a list to look at, not to read

/**
 * @since 0.1.0
 * @category cases
 */
export const keyCases: ReadonlyArray<Case> = [
  keys("any text is a key of its own", (store) =>
    Effect.gen(function* () {
      for (const key of nasty) yield* store.set(key, { of: key })
      assert.equal(yield* store.count(KeyRange.all), nasty.length)
      for (const key of nasty) {
        const found = yield* entry(store, key)
        assert.deepEqual([found.key, found.value], [key, { of: key }])
      }
      assert.deepEqual(new Set(yield* entryKeys(store, KeyRange.all)), new Set(nasty))
      assert.deepEqual(
        yield* store.deleteMany(nasty),
        nasty.map(() => true)
      )
      assert.equal(yield* store.count(KeyRange.all), 0)
    })
  ),
  keys("deleting by a key with wildcards deletes that key alone", (store) =>
    Effect.gen(function* () {
      yield* store.setMany(["a", "ab", "a*", "%", "_", "*"].map((key) => ({ key, value: key })))
      for (const key of ["%", "_", "*", "a*"]) assert.equal(yield* store.delete(key), true)
      assert.deepEqual(yield* entryKeys(store, KeyRange.all), ["a", "ab"])
      assert.equal(yield* store.delete("a?"), false)
    })
  ),
  keys("a key takes 1 to 1,024 bytes", (store) =>
    Effect.gen(function* () {
      for (const longest of ["x".repeat(1_024), "é".repeat(512), "😀".repeat(256), `${"漢".repeat(341)}x`]) {
        yield* store.set(longest, "long")
        assert.equal((yield* entry(store, longest)).key, longest)
        assert.deepEqual(yield* entryKeys(store, KeyRange.prefix(longest)), [longest])
        yield* failure(store.set(`${longest}x`, 1), "InvalidKey")
        yield* failure(store.get(`${longest}x`), "InvalidKey")
      }
    })
  ),
  keys("what is no key is an InvalidKey, everywhere", (store) =>
    Effect.gen(function* () {
      for (const key of ["", "\0", "a\0b", "\ud800", "a\udc00", "\udc00\ud800", "x".repeat(1_025)]) {
        const errors = [
          yield* failure(store.get(key), "InvalidKey"),
          yield* failure(store.getMany(["a", key]), "InvalidKey"),
          yield* failure(store.exists(key), "InvalidKey"),
          yield* failure(store.set(key, 1), "InvalidKey"),
          yield* failure(store.delete(key), "InvalidKey"),
          yield* failure(store.expire(key, "1 hour"), "InvalidKey"),
          yield* failure(store.persist(key), "InvalidKey"),
          yield* failure(store.add(key, 1), "InvalidKey"),
          yield* failure(
            store.modify(key, () => Effect.succeed([1, Modification.write(1)])),
            "InvalidKey"
          ),
          yield* failure(store.commit(Atomic.make.pipe(Atomic.set("a", 1), Atomic.delete(key))), "InvalidKey"),
          yield* failure(store.commit(Atomic.make.pipe(Atomic.set("a", 1), Atomic.check(key, "absent"))), "InvalidKey"),
          yield* failure(
            store.commit(Atomic.make.pipe(Atomic.set("a", 1), Atomic.set(store.key(key), 1))),
            "InvalidKey"
          )
        ]
        for (const error of errors) {
          assert.ok(error.reason.length > 0)
          assert.ok(error.key.length <= 64)
          assert.equal(error.isRetryable, false)
        }
      }
      assert.equal(yield* store.count(KeyRange.all), 0)
    })
  ),
  keys("an appended key leaves room for its stamp", (store) =>
    Effect.gen(function* () {
      const longest = "x".repeat(1_008)
      const { version } = yield* store.commit(Atomic.make.pipe(Atomic.append(longest, 1)))
      assert.equal(yield* value(store, Atomic.stamped(longest, version)), 1)
      yield* failure(store.commit(Atomic.make.pipe(Atomic.append(`${longest}x`, 1))), "InvalidKey")
    })
  )
]
