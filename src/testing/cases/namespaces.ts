/**
 * Namespaces are disjoint, whatever they are named.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { Service } from "../../store/StateStore.ts"
import { type Case, entryKeys, failure, storeCase, value } from "../Case.ts"

const keys = storeCase("keys")

/** Namespaces whose names could be taken for each other's parts. */
const neighbours = (store: Service): ReadonlyArray<Service> => [
  store,
  ...["a", "ab", "a/b", "a:b", "a%2Fb", "a%", "%", "a;", "a:", ":", "/", "é", "\uffff", "😀", "A"].map((segment) =>
    store.namespace(segment)
  ),
  store.namespace("a").namespace("b"),
  store.namespace("a").namespace("b").namespace("c"),
  store.namespace("a").namespace("b/c"),
  store.namespace("a/b").namespace("c"),
  store.namespace("/").namespace("/")
]

const localKeys = ["a", "b", "a:b", ":", "/", "b:a", "a/b", ";", "\uffff"]

/**
 * @since 0.1.0
 * @category cases
 */
export const namespaceCases: ReadonlyArray<Case> = [
  keys("no namespace sees the keys of another", (store) =>
    Effect.gen(function* () {
      const all = neighbours(store)
      for (const [i, service] of all.entries()) {
        yield* service.setMany(localKeys.map((key) => ({ key, value: `${i} ${key}` })))
      }
      for (const [i, service] of all.entries()) {
        const found = yield* Stream.runCollect(service.entries(KeyRange.all))
        assert.equal(found.length, localKeys.length)
        for (const { key, value } of found) assert.equal(value, `${i} ${key}`)
        assert.equal(yield* service.count(KeyRange.all), localKeys.length)
        assert.equal(yield* service.count(KeyRange.prefix("a")), 3)
        assert.equal((yield* Stream.runCollect(service.keys("*"))).length, localKeys.length)
      }
    })
  ),
  keys("clearing and deleting in a namespace leaves the others alone", (store) =>
    Effect.gen(function* () {
      const all = neighbours(store)
      for (const service of all) yield* service.set("k", 1)
      for (const [i, service] of all.entries()) {
        if (i % 2 === 0) assert.equal(yield* service.clear(KeyRange.all), 1)
        else assert.equal(yield* service.delete("k"), true)
        for (const [j, other] of all.entries()) assert.equal(yield* other.exists("k"), j > i)
      }
    })
  ),
  keys("a namespace is found again by its name", (store) =>
    Effect.gen(function* () {
      yield* store.namespace("a").namespace("b").set("k", 1)
      assert.equal(yield* value(store.namespace("a").namespace("b"), "k"), 1)
      assert.deepEqual(yield* store.namespace("b").namespace("a").get("k"), Option.none())
      assert.deepEqual(yield* entryKeys(store.namespace("a"), KeyRange.all), [])
    })
  ),
  keys("a name that begins with ~ is no user's, and no user's name comes upon an inner one", (store) =>
    Effect.gen(function* () {
      const inner = store.namespace(Namespace.inner("lock"))
      yield* inner.set("k", 1)
      for (const segment of ["~lock", "~", "~~"]) {
        const bad = store.namespace(segment)
        yield* failure(bad.set("k", 2), "InvalidKey")
        yield* failure(bad.get("k"), "InvalidKey")
        yield* failure(bad.namespace("fine").delete("k"), "InvalidKey")
        yield* failure(bad.clear(KeyRange.all), "InvalidRange")
      }
      for (const segment of ["lock", "%7Elock", "a~", " ~lock"]) {
        assert.equal(yield* store.namespace(segment).exists("k"), false)
      }
      assert.equal(yield* value(inner, "k"), 1)
    })
  ),
  keys("a namespace has no bad name, and no path that is too long", (store) =>
    Effect.gen(function* () {
      for (const segment of ["", "\0", "\ud800", "x".repeat(1_025), "/".repeat(400)]) {
        const bad = store.namespace(segment)
        yield* failure(bad.set("a", 1), "InvalidKey")
        yield* failure(bad.get("a"), "InvalidKey")
        yield* failure(bad.namespace("fine").set("a", 1), "InvalidKey")
        yield* failure(bad.count(KeyRange.all), "InvalidRange")
      }
      assert.equal(yield* store.exists("a"), false)
      const deep = store.namespace("x".repeat(400)).namespace("y".repeat(400))
      yield* deep.set("k".repeat(1_024), 1)
      assert.equal(yield* value(deep, "k".repeat(1_024)), 1)
    })
  )
]
