import { assert, describe, it } from "@effect/vitest"
import { AsyncBatchedStore, type BaseStore, type Item } from "@langchain/langgraph-checkpoint"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { MemoryStore, StateStore } from "effect-state"
import { LangGraph } from "effect-state/langgraph"
import * as fc from "fast-check"
import * as Filter from "../../../src/interop/langgraph/Filter.ts"
import * as ItemKeys from "../../../src/interop/langgraph/ItemKeys.ts"
import { onEach, until } from "./Stores.ts"

const withStore = (
  test: (store: BaseStore) => Promise<void>,
  options?: LangGraph.StoreOptions
): Effect.Effect<void, unknown, StateStore.StateStore> =>
  Effect.flatMap(LangGraph.store(options), (store) => Effect.tryPromise({ try: () => test(store), catch: (e) => e }))

const keysOf = (items: ReadonlyArray<Item>) => items.map(({ key, namespace }) => [...namespace, key].join(" "))

type BatchResults = [Item | null, unknown, unknown, unknown, Array<Item>, Array<Array<string>>, Item | null]

const tagOf = (promise: Promise<unknown>) =>
  promise.then(
    () => assert.fail("it succeeded"),
    (error: { readonly _tag?: string; readonly name?: string }) => error._tag ?? error.name
  )

describe("LangGraph's store", () => {
  onEach(
    "puts, gets, overwrites and deletes",
    withStore(async (store) => {
      assert.isNull(await store.get(["users", "ada"], "profile"))
      await store.put(["users", "ada"], "profile", { name: "Ada", tags: ["math"] })
      const first = await store.get(["users", "ada"], "profile")
      assert.deepStrictEqual(first?.value, { name: "Ada", tags: ["math"] })
      assert.deepStrictEqual([first?.namespace, first?.key], [["users", "ada"], "profile"])
      assert.instanceOf(first?.createdAt, Date)
      await Effect.runPromise(until(Effect.sync(() => Date.now() > (first?.createdAt.getTime() ?? 0) + 2)))
      await store.put(["users", "ada"], "profile", { name: "Countess" })
      const second = await store.get(["users", "ada"], "profile")
      assert.deepStrictEqual(second?.value, { name: "Countess" })
      assert.deepStrictEqual(second?.createdAt, first?.createdAt)
      assert.isAbove(second?.updatedAt.getTime() ?? 0, first?.updatedAt.getTime() ?? 0)
      await store.delete(["users", "ada"], "profile")
      await store.delete(["users", "ada"], "profile")
      assert.isNull(await store.get(["users", "ada"], "profile"))
    })
  )

  onEach(
    "finds what is in a namespace and below it, and nothing of one that only begins alike",
    withStore(async (store) => {
      const namespaces = [["a"], ["ab"], ["a", "b"], ["a", "bc"], ["a", "b", "c"], ["a/b"], ["a:b"], ["%"], ["b", "a"]]
      for (const namespace of namespaces) await store.put(namespace, "k:1", { of: namespace })
      const found = async (...prefix: Array<string>) =>
        new Set((await store.search(prefix, { limit: 100 })).map(({ namespace }) => namespace.join("|")))
      assert.deepStrictEqual(await found("a"), new Set(["a", "a|b", "a|bc", "a|b|c"]))
      assert.deepStrictEqual(await found("a", "b"), new Set(["a|b", "a|b|c"]))
      assert.deepStrictEqual(await found("ab"), new Set(["ab"]))
      assert.deepStrictEqual(await found("a/b"), new Set(["a/b"]))
      assert.deepStrictEqual(await found("a:b"), new Set(["a:b"]))
      assert.deepStrictEqual(await found("%"), new Set(["%"]))
      assert.deepStrictEqual(await found("c"), new Set())
      assert.strictEqual((await found()).size, namespaces.length)
      for (const item of await store.search([], { limit: 100 })) {
        assert.deepStrictEqual([item.value.of, item.key], [item.namespace, "k:1"])
      }
    })
  )

  onEach(
    "filters by values and operators, and pages",
    withStore(async (store) => {
      for (const i of Arr.range(0, 299)) {
        const color = i % 2 === 0 ? "red" : "blue"
        await store.put(["docs"], `d${String(i).padStart(3, "0")}`, { score: i / 10, color, at: { x: i % 3 } })
      }
      const found = async (filter: Record<string, unknown>, limit = 1_000, offset = 0) =>
        (await store.search(["docs"], { filter, limit, offset })).map(({ key }) => Number(key.slice(1)))
      assert.deepStrictEqual(await found({ score: { $gt: 29.7 } }), [298, 299])
      assert.deepStrictEqual(await found({ score: { $gte: 29.7 } }), [297, 298, 299])
      assert.deepStrictEqual(await found({ score: { $lt: 0.2 } }), [0, 1])
      assert.deepStrictEqual(await found({ score: { $lte: 0.2, $ne: 0.1 } }), [0, 2])
      assert.deepStrictEqual(await found({ score: { $eq: 0.5 } }), [5])
      assert.deepStrictEqual(await found({ color: "red" }, 3, 2), [4, 6, 8])
      assert.deepStrictEqual(await found({ at: { x: 1 }, color: "blue" }, 2), [1, 7])
      assert.deepStrictEqual(await found({ color: { $in: ["green"] } }), [])
      assert.deepStrictEqual(await found({}, 2, 298), [298, 299])
      assert.lengthOf(await store.search(["docs"]), 10)
      assert.lengthOf(await store.search(["docs"], { limit: 1_000 }), 300)
      assert.deepStrictEqual(await store.search(["docs"], { limit: 0 }), [])
      assert.strictEqual(await tagOf(store.search(["docs"], { filter: { score: { $near: 1 } } })), "TypeError")
      assert.strictEqual(await tagOf(store.search(["docs"], { query: "something alike" })), "Unsupported")
      assert.lengthOf(await store.search(["docs"], { query: "" }), 10)
    })
  )

  onEach(
    "lists namespaces by how they begin and end, cut to a depth, page by page",
    withStore(async (store) => {
      const all = [["a", "x", "1"], ["a", "x", "2"], ["a", "y", "1"], ["ab", "x", "1"], ["b"], ["b", "x"]]
      for (const namespace of all) {
        await store.put(namespace, "1", {})
        await store.put(namespace, "2", {})
      }
      const lines = async (options: Parameters<BaseStore["listNamespaces"]>[0]) =>
        (await store.listNamespaces(options)).map((labels) => labels.join(" "))
      assert.deepStrictEqual(await lines({}), ["a x 1", "a x 2", "a y 1", "ab x 1", "b", "b x"])
      assert.deepStrictEqual(await lines({ prefix: ["a"] }), ["a x 1", "a x 2", "a y 1"])
      assert.deepStrictEqual(await lines({ prefix: ["*", "x"] }), ["a x 1", "a x 2", "ab x 1", "b x"])
      assert.deepStrictEqual(await lines({ suffix: ["1"] }), ["a x 1", "a y 1", "ab x 1"])
      assert.deepStrictEqual(await lines({ prefix: ["a"], suffix: ["x", "*"] }), ["a x 1", "a x 2"])
      assert.deepStrictEqual(await lines({ maxDepth: 1 }), ["a", "ab", "b"])
      assert.deepStrictEqual(await lines({ maxDepth: 2 }), ["a x", "a y", "ab x", "b", "b x"])
      assert.deepStrictEqual(await lines({ maxDepth: 1, suffix: ["1"] }), ["a", "ab"])
      assert.deepStrictEqual(await lines({ maxDepth: 1, prefix: ["a", "x"] }), ["a"])
      assert.deepStrictEqual(await lines({ limit: 2, offset: 1 }), ["a x 2", "a y 1"])
      assert.deepStrictEqual(await lines({ maxDepth: 2, limit: 2, offset: 2 }), ["ab x", "b"])
      assert.deepStrictEqual(await lines({ prefix: ["c"] }), [])
    })
  )

  onEach(
    "answers a batch in order: it reads what was there before, and of two writes the later counts",
    withStore(async (store) => {
      await store.put(["a"], "old", { n: 0 })
      const results = await store.batch([
        { namespace: ["a"], key: "old" },
        { namespace: ["a"], key: "new", value: { n: 1 } },
        { namespace: ["a"], key: "new", value: { n: 2 } },
        { namespace: ["a"], key: "old", value: null },
        { namespacePrefix: ["a"] },
        { matchConditions: [{ matchType: "prefix", path: ["*"] }], limit: 10, offset: 0 },
        { namespace: ["a"], key: "new" }
      ])
      const [old, , , , found, namespaces, fresh] = results as unknown as BatchResults // As the operations' kinds say.
      assert.deepStrictEqual(old?.value, { n: 0 })
      assert.deepStrictEqual(keysOf(found), ["a old"])
      assert.deepStrictEqual(namespaces, [["a"]])
      assert.isNull(fresh)
      assert.deepStrictEqual(keysOf(await store.search(["a"])), ["a new"])
      assert.deepStrictEqual((await store.get(["a"], "new"))?.value, { n: 2 })
      const batched = new AsyncBatchedStore(store)
      batched.start()
      const items = await Promise.all([batched.get(["a"], "new"), batched.get(["a"], "old")])
      assert.deepStrictEqual(
        items.map((item) => item?.value),
        [{ n: 2 }, undefined]
      )
      await batched.stop()
    })
  )

  onEach(
    "writes and removes all items of a batch but those that can't be",
    withStore(async (store) => {
      await store.put(["a"], "old", { n: 0 })
      const batch = store.batch([
        { namespace: ["a"], key: "bad", value: { n: 1n } },
        { namespace: ["a"], key: "new", value: { n: 1 } },
        { namespace: ["a"], key: "old", value: null }
      ])
      assert.strictEqual(await tagOf(batch), "EncodeError")
      assert.deepStrictEqual(keysOf(await store.search(["a"])), ["a new"])
    })
  )

  onEach(
    "lets items expire, and those live on that are read, if asked",
    Effect.gen(function* () {
      const items = (yield* StateStore.StateStore).namespace("langgraph-store")
      const store = yield* LangGraph.store({ ttl: "2 seconds", refreshOnRead: true })
      const read = Effect.promise(async () => {
        assert.isNotNull(await store.get(["a"], "got"))
        assert.lengthOf(await store.search(["b"]), 1)
      })
      yield* Effect.promise(async () => {
        await store.put(["a"], "idle", {})
        await store.put(["a"], "got", {})
        await store.put(["b"], "found", {})
      })
      const isGone = (key: string) => Effect.map(items.exists(key), (exists) => !exists)
      yield* until(Effect.zipRight(read, isGone("a/:idle")))
      yield* read
      yield* until(Effect.zipWith(isGone("a/:got"), isGone("b/:found"), (a, b) => a && b))
      assert.deepStrictEqual(yield* Effect.promise(() => store.listNamespaces()), [])
    })
  )

  onEach(
    "refuses what can't be stored with the store's own errors",
    withStore(async (store) => {
      assert.strictEqual(await tagOf(store.put([], "k", {})), "InvalidNamespaceError")
      assert.strictEqual(await tagOf(store.put(["a"], "nul\0", {})), "InvalidKey")
      assert.strictEqual(await tagOf(store.put(["a"], "k", { n: 1n })), "EncodeError")
      assert.deepStrictEqual(await store.search([]), [])
    }),
    ["memory"]
  )
})

const label = fc.oneof(
  fc.constantFrom("a", "ab", "b", "a/b", "a:b", "%", "%2F", "", "é", "😀", "1", "*"),
  fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"))
)
const labels = fc.array(label, { maxLength: 4 })
const startsWith = (labels: ReadonlyArray<string>, prefix: ReadonlyArray<string>) =>
  prefix.every((label, i) => label === labels[i])

describe("The key of an item", () => {
  it.prop(
    "comes back, and lies below the namespaces that it is in, and no others",
    [labels, labels, label],
    ([a, b, key]) => {
      const text = ItemKeys.make(a, key)
      assert.deepStrictEqual(ItemKeys.parse(text), { namespace: a, key })
      const { prefix = "" } = ItemKeys.below(b)
      assert.strictEqual(text.startsWith(prefix), startsWith(a, b))
    }
  )
})

describe("Listing namespaces", () => {
  const path = fc.array(fc.oneof(fc.constantFrom("a", "b", "ab", "*"), label), { maxLength: 3 })
  const condition = fc.record({ matchType: fc.constantFrom("prefix" as const, "suffix" as const), path })
  const options = fc.record({
    matchConditions: fc.array(condition, { maxLength: 2 }),
    maxDepth: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined })
  })
  const namespaces = fc.array(fc.array(fc.oneof(fc.constantFrom("a", "b", "ab"), label), { maxLength: 4 }), {
    maxLength: 12
  })

  it.effect.prop(
    "finds what looking at each finds",
    [namespaces, options],
    ([namespaces, { matchConditions, maxDepth }]) =>
      Effect.gen(function* () {
        const store = yield* LangGraph.store()
        const matches = (labels: ReadonlyArray<string>) =>
          matchConditions.every(({ matchType, path }) => {
            const part =
              matchType === "prefix" ? labels.slice(0, path.length) : labels.slice(-path.length || labels.length)
            return part.length === path.length && path.every((label, i) => label === "*" || label === part[i])
          })
        const expected = new Set(namespaces.filter(matches).map((labels) => JSON.stringify(labels.slice(0, maxDepth))))
        const found = yield* Effect.promise(async () => {
          await store.batch(namespaces.map((namespace) => ({ namespace, key: "k", value: {} })))
          const [found] = await store.batch([{ matchConditions, maxDepth, limit: 1_000, offset: 0 } as never])
          return found as unknown as ReadonlyArray<ReadonlyArray<string>> // As the operation's kind says.
        })
        const lines = found.map((labels) => JSON.stringify(labels))
        assert.strictEqual(lines.length, new Set(lines).size)
        assert.deepStrictEqual(new Set(lines), expected)
      }).pipe(Effect.provide(MemoryStore.layer()))
  )
})

describe("A filter", () => {
  const holds = (filter: Record<string, unknown>, value: Record<string, unknown>) =>
    Either.getOrThrow(Filter.make(filter))(value)

  it("compares numbers as numbers, text as text, and nothing else", () => {
    assert.isTrue(holds({ a: { $gt: 4.99 } }, { a: "5" }))
    assert.isTrue(holds({ a: { $lt: "b" } }, { a: "a" }))
    for (const operator of ["$gt", "$gte", "$lt", "$lte"]) {
      for (const a of [null, undefined, true, {}, [], "x"]) assert.isFalse(holds({ a: { [operator]: 0 } }, { a }))
    }
  })

  it("compares records and arrays by what they hold, and looks at own properties alone", () => {
    assert.isTrue(holds({ a: { x: [1, { y: 2 }] } }, { a: { x: [1, { y: 2 }] } }))
    assert.isTrue(holds({ a: {} }, { a: {} }))
    assert.isFalse(holds({ a: {} }, { a: { x: 1 } }))
    assert.isTrue(holds({ a: { $nin: [[1]] } }, { a: [2] }))
    assert.isTrue(holds({ a: { $ne: 1 } }, {}))
    assert.isTrue(holds({ constructor: undefined }, {}))
  })

  it("refuses an operator that it does not know, whatever it is called", () => {
    for (const name of ["$near", "$constructor", "$"]) {
      assert.isTrue(Either.isLeft(Filter.make({ a: { [name]: 1 } })))
    }
  })
})
