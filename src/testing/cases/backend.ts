/**
 * What `StateStore` needs of a backend and its users don't see: batches, bytes, installs, raw reads and scans.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Atomic from "../../store/Atomic.ts"
import type { Backend, Check, Commit, Mutation, Outcome, Payload, ReadResult, Stored } from "../../store/Backend.ts"
import type { FullKey } from "../../store/Key.ts"
import * as Ttl from "../../store/Ttl.ts"
import { isVersion, Version } from "../../store/Version.ts"
import { backendCase, type Case, commitAll, numbered, value } from "../Case.ts"

const put = (key: FullKey, payload: Payload, deadline: Ttl.Deadline = Ttl.never): Mutation => ({
  _tag: "Put",
  key,
  stamped: false,
  payload,
  deadline
})

const commitOf = (mutations: ReadonlyArray<Mutation>, checks: ReadonlyArray<Check> = []): Commit => ({
  checks,
  mutations
})

const committed = (outcome: Outcome | undefined): Extract<Outcome, { readonly _tag: "Committed" }> =>
  outcome?._tag === "Committed" ? outcome : assert.fail(`expected Committed, got ${JSON.stringify(outcome)}`)

const commitOne = (backend: Backend, ...mutations: ReadonlyArray<Mutation>) =>
  Effect.map(commitAll(backend, [commitOf(mutations)]), (outcomes) => {
    assert.equal(outcomes.length, 1)
    return committed(outcomes[0])
  })

const stored = (result: ReadResult): Stored =>
  result?._tag === "Stored" ? result : assert.fail(`expected an entry, got ${JSON.stringify(result)}`)

const keyOf = (result: ReadResult): string | undefined => (result === undefined ? undefined : stored(result).key)

const readOne = (backend: Backend, key: FullKey) =>
  Effect.map(backend.read([key], "entry"), (results) => {
    assert.equal(results.length, 1)
    return results[0]
  })

const install = (
  key: FullKey,
  version: number,
  payload: Payload | undefined,
  expiresAtMs: number | undefined = undefined
): Mutation => ({
  _tag: "Install",
  key,
  entry: {
    version: Version(version),
    createdAtMs: 1_000_000_000_001,
    updatedAtMs: 1_000_000_000_002,
    expiresAtMs,
    payload
  }
})

/**
 * @since 0.1.0
 * @category cases
 */
export const backendCases: ReadonlyArray<Case> = [
  backendCase("one meaning")("its limits are numbers to rely on", ({ backend }) =>
    Effect.sync(() => {
      const { batchCommitsMax, batchReadsMax, coalesce, commitStepsMax, valueBytesMax } = backend.capabilities
      for (const limit of [batchCommitsMax, batchReadsMax, commitStepsMax, valueBytesMax]) {
        assert.ok(Number.isSafeInteger(limit) && limit >= 1)
      }
      assert.ok(commitStepsMax >= 100)
      if (coalesce !== undefined) {
        const { commitsMax, commitsMin = 1, readsMax = 1 } = coalesce
        assert.ok(readsMax >= 1 && readsMax <= batchReadsMax)
        assert.ok(commitsMax >= 1 && commitsMax <= batchCommitsMax)
        assert.ok(commitsMin >= 1 && commitsMin <= commitsMax)
        assert.ok(coalesce.inFlightMax >= 1)
      }
      assert.ok(backend.name.length > 0)
    })
  ),
  backendCase("one meaning")("a batch and a read of nothing are fine", ({ backend }) =>
    Effect.gen(function* () {
      assert.deepEqual(yield* commitAll(backend, []), [])
      assert.deepEqual(yield* backend.read([], "entry"), [])
      assert.deepEqual(yield* backend.read([], "meta"), [])
    })
  ),
  backendCase("one meaning")("read answers each key in order, absent and repeated ones too", ({ backend, store }) =>
    Effect.gen(function* () {
      const [a, b, x] = [store.key("a"), store.key("b"), store.key("x")]
      const { atMs, version } = yield* commitOne(backend, put(a, "1"), put(b, '"b"', Ttl.after(60_000)))
      for (const select of ["entry", "meta"] as const) {
        const results = yield* backend.read([b, x, a, b], select)
        assert.deepEqual(results.map(keyOf), [b.text, undefined, a.text, b.text])
        const found = stored(results[0])
        assert.equal(found.version, version)
        assert.equal(found.createdAtMs, atMs)
        assert.equal(found.updatedAtMs, atMs)
        assert.equal(found.expiresAtMs, atMs + 60_000)
        if (select === "entry") assert.equal(found.payload, '"b"')
      }
      assert.equal(stored(yield* readOne(backend, a)).expiresAtMs, undefined)
    })
  ),
  backendCase("atomic")("each commit of a batch has its own outcome", ({ backend, store }) =>
    Effect.gen(function* () {
      yield* store.set("text", "no counter")
      const [a, b, c, n, text] = ["a", "b", "c", "n", "text"].map(store.key) as [
        FullKey,
        FullKey,
        FullKey,
        FullKey,
        FullKey
      ] // Five of five.
      const outcomes = yield* commitAll(backend, [
        commitOf([put(a, "1")]),
        commitOf([put(b, "1")], [{ key: text, version: "absent" }]),
        commitOf([put(c, "1"), { _tag: "Add", key: text, delta: 1, deadline: Ttl.never }]),
        commitOf([{ _tag: "Add", key: n, delta: 7, deadline: Ttl.never }]),
        commitOf([], [{ key: c, version: "absent" }]),
        commitOf([{ _tag: "Delete", key: c }])
      ])
      assert.deepEqual(
        outcomes.map(({ _tag }) => _tag),
        ["Committed", "Conflict", "NotInteger", "Committed", "Committed", "Committed"]
      )
      const [first, conflict, notInteger, added, , deleted] = outcomes
      assert.deepEqual(conflict, { _tag: "Conflict", keys: [text.text] })
      assert.deepEqual(notInteger, { _tag: "NotInteger", keys: [text.text] })
      assert.deepEqual(committed(first).results, [true])
      assert.deepEqual(committed(added).results, [7])
      assert.deepEqual(committed(deleted).results, [false])
      assert.equal(new Set([first, added, deleted, outcomes[4]].map((outcome) => committed(outcome).version)).size, 4)
      const results = yield* backend.read([a, b, c, n], "entry")
      assert.deepEqual(
        results.map((result) => result?._tag),
        ["Stored", undefined, undefined, "Stored"]
      )
    })
  ),
  backendCase("versions")(
    "commits of one batch to one key apply in order, each under its own version",
    ({ backend, store }) =>
      Effect.gen(function* () {
        const [a, n] = [store.key("a"), store.key("n")]
        const add: Mutation = { _tag: "Add", key: n, delta: 1, deadline: Ttl.never }
        const outcomes = yield* commitAll(backend, [
          commitOf([put(a, "1")], [{ key: a, version: "absent" }]),
          commitOf([put(a, "2")]),
          commitOf([put(a, "never")], [{ key: a, version: "absent" }]),
          commitOf([add]),
          commitOf([{ _tag: "Delete", key: a }]),
          commitOf([put(a, "3")], [{ key: a, version: "absent" }]),
          commitOf([add])
        ])
        assert.deepEqual(
          outcomes.map(({ _tag }) => _tag),
          ["Committed", "Committed", "Conflict", "Committed", "Committed", "Committed", "Committed"]
        )
        const versions = [0, 1, 5].map((i) => committed(outcomes[i]).version)
        assert.ok(Number(versions[0]) < Number(versions[1]) && Number(versions[1]) < Number(versions[2]))
        assert.deepEqual(committed(outcomes[4]).results, [true])
        assert.deepEqual([committed(outcomes[3]).results, committed(outcomes[6]).results], [[1], [2]])
        const found = stored(yield* readOne(backend, a))
        assert.deepEqual([found.payload, found.version], ["3", versions[2]])
        const chained = yield* commitAll(backend, [commitOf([put(a, "4")], [{ key: a, version: found.version }])])
        assert.ok(committed(chained[0]).version > found.version)
      })
  ),
  backendCase("atomic")("a full batch and a full commit are taken", ({ backend, store }) =>
    Effect.gen(function* () {
      const { batchCommitsMax, batchReadsMax, commitStepsMax } = backend.capabilities
      const batch = numbered("b", Math.min(batchCommitsMax, 1_000)).map(store.key)
      const outcomes = yield* commitAll(
        backend,
        batch.map((key) => commitOf([put(key, "1")]))
      )
      assert.equal(outcomes.length, batch.length)
      for (const outcome of outcomes) committed(outcome)
      const steps = numbered("s", Math.min(commitStepsMax, 1_000)).map(store.key)
      assert.equal((yield* commitOne(backend, ...steps.map((key) => put(key, "1")))).results.length, steps.length)
      const read = [...batch, ...steps].slice(0, Math.min(batchReadsMax, 1_000))
      const results = yield* backend.read(read, "meta")
      assert.deepEqual(
        results.map(keyOf),
        read.map(({ text }) => text)
      )
    })
  ),
  backendCase("values")("bytes and text are kept apart, each exactly", ({ backend, store }) =>
    Effect.gen(function* () {
      const bytes = Uint8Array.from({ length: 256 }, (_, i) => i)
      const samples: ReadonlyArray<Payload> = [
        bytes,
        new Uint8Array(0),
        new Uint8Array([0]),
        new Uint8Array([123, 125]),
        "{}",
        '"\\u0000\\ud800"',
        '"é😀"'
      ]
      for (const [i, payload] of samples.entries()) {
        const key = store.key(`k${i}`)
        yield* commitOne(backend, put(key, payload))
        const page = yield* backend.scan(
          { start: key.text, end: `${key.text}\u0001`, placement: key.placement },
          { after: undefined, limit: 1, reverse: false, select: "entry" }
        )
        for (const found of [stored(yield* readOne(backend, key)), stored(page.items[0])]) {
          assert.equal(typeof found.payload, typeof payload)
          assert.deepEqual(
            typeof found.payload === "string" ? found.payload : Array.from(found.payload ?? []),
            typeof payload === "string" ? payload : Array.from(payload)
          )
        }
      }
      const passed = new Uint8Array([1, 2, 3])
      yield* commitOne(backend, put(store.key("copy"), passed))
      passed[0] = 9
      const got = stored(yield* readOne(backend, store.key("copy")))
      assert.deepEqual(Array.from(got.payload as Uint8Array), [1, 2, 3]) // Bytes went in.
      ;(got.payload as Uint8Array)[1] = 9 // As above.
      assert.deepEqual(Array.from(stored(yield* readOne(backend, store.key("copy"))).payload as Uint8Array), [1, 2, 3]) // As above.
      yield* commitOne(backend, put(store.key("k0"), "1"))
      assert.equal(yield* value(store, "k0"), 1)
    })
  ),
  backendCase("atomic")("a stamped put has its commit's version in its key", ({ backend, store }) =>
    Effect.gen(function* () {
      const stampedPut = (payload: string): Mutation => ({
        _tag: "Put",
        key: store.key("s"),
        stamped: true,
        payload,
        deadline: Ttl.never
      })
      const { results, version } = yield* commitOne(backend, stampedPut("1"), put(store.key("t"), "2"), stampedPut("3"))
      assert.deepEqual(results, [true, true, true])
      const found = stored(yield* readOne(backend, store.key(Atomic.stamped("s", version))))
      assert.deepEqual([found.payload, found.version], ["3", version])
      assert.equal(yield* readOne(backend, store.key("s")), undefined)
    })
  ),
  backendCase("time")("no deadline is later than its notAfterMs", ({ backend, store }, harness) =>
    Effect.gen(function* () {
      const endMs = (yield* harness.nowMs) + 3_600_000
      const expected: ReadonlyArray<readonly [Ttl.Deadline, number | undefined]> = [
        [{ keep: false, ttlMs: undefined, notAfterMs: endMs }, endMs],
        [{ keep: false, ttlMs: 36_000_000, notAfterMs: endMs }, endMs],
        [{ keep: true, ttlMs: undefined, notAfterMs: endMs + 1 }, endMs],
        [{ keep: true, ttlMs: undefined, notAfterMs: endMs - 1 }, endMs - 1],
        [{ keep: true, ttlMs: 5, notAfterMs: undefined }, endMs - 1],
        [Ttl.never, undefined],
        [{ keep: true, ttlMs: 5, notAfterMs: undefined }, undefined],
        [{ keep: true, ttlMs: 5, notAfterMs: endMs }, endMs]
      ]
      const key = store.key("a")
      for (const kind of ["Put", "Touch", "Add"] as const) {
        yield* commitOne(backend, put(key, "1"))
        const { version } = stored(yield* readOne(backend, key))
        for (const [deadline, expiresAtMs] of expected) {
          const mutation: Mutation =
            kind === "Put"
              ? put(key, "1", deadline)
              : kind === "Add"
                ? { _tag: kind, key, delta: 1, deadline }
                : { _tag: kind, key, deadline }
          yield* commitOne(backend, mutation)
          const found = stored(yield* readOne(backend, key))
          assert.equal(found.expiresAtMs, expiresAtMs, `${kind} ${JSON.stringify(deadline)}`)
          if (kind === "Touch") assert.equal(found.version, version)
        }
      }
    })
  ),
  backendCase("versions")("install writes an entry as it is, if it is newer", ({ backend, store }) =>
    Effect.gen(function* () {
      const key = store.key("a")
      const version = (yield* commitOne(backend, put(store.key("other"), "1"))).version + 1_000
      const endMs = Date.UTC(2100, 0, 1)
      assert.deepEqual((yield* commitOne(backend, install(key, version, '"new"', endMs))).results, [true])
      assert.deepEqual(stored(yield* readOne(backend, key)), {
        _tag: "Stored",
        key: key.text,
        version,
        createdAtMs: 1_000_000_000_001,
        updatedAtMs: 1_000_000_000_002,
        expiresAtMs: endMs,
        payload: '"new"'
      })
      assert.deepEqual((yield* commitOne(backend, install(key, version, '"same"'))).results, [false])
      assert.deepEqual((yield* commitOne(backend, install(key, version - 1, '"old"'))).results, [false])
      assert.deepEqual((yield* commitOne(backend, install(key, version - 1, undefined))).results, [false])
      assert.equal(yield* value(store, "a"), "new")
      assert.deepEqual((yield* commitOne(backend, install(key, version + 1, new Uint8Array([7])))).results, [true])
      assert.deepEqual(Array.from(stored(yield* readOne(backend, key)).payload as Uint8Array), [7]) // Bytes went in.
      assert.deepEqual((yield* commitOne(backend, install(key, version + 2, undefined))).results, [true])
      assert.equal(yield* readOne(backend, key), undefined)
    })
  ),
  backendCase("time")("install meets nothing where an entry has expired, whatever its version", ({ backend, store }) =>
    Effect.gen(function* () {
      const [a, b, c] = [store.key("a"), store.key("b"), store.key("c")]
      const version = (yield* commitOne(backend, put(store.key("other"), "1"))).version + 1_000
      const expired = [a, b, c].map((key) => install(key, version, '"expired"', Date.UTC(2000, 0, 1)))
      assert.deepEqual((yield* commitOne(backend, ...expired)).results, [true, true, true])
      const installs = [install(a, version - 1, '"older"'), install(b, version, '"same"')]
      assert.deepEqual((yield* commitOne(backend, ...installs)).results, [true, true])
      const found = yield* backend.read([a, b], "entry")
      assert.deepEqual(
        found.map((result) => [stored(result).version, stored(result).payload]),
        [
          [version - 1, '"older"'],
          [version, '"same"']
        ]
      )
      assert.deepEqual((yield* commitOne(backend, install(c, version + 1, undefined))).results, [false])
      assert.equal(yield* readOne(backend, c), undefined)
    })
  ),
  backendCase("versions")("writes after an install have greater versions", ({ backend, store }) =>
    Effect.gen(function* () {
      const installed = (yield* commitOne(backend, put(store.key("other"), "1"))).version + 1_000
      yield* commitOne(backend, install(store.key("a"), installed, "1"))
      const next = yield* store.set("a", 2)
      assert.ok(next > installed, `${next} after ${installed}`)
      yield* store.delete("a")
      assert.ok((yield* store.set("a", 3)) > next)
    })
  ),
  backendCase("order")("scan goes on behind any key, in both directions", ({ backend, store }) =>
    Effect.gen(function* () {
      const keys = ["b", "d", "f", "h"]
      yield* commitOne(backend, ...keys.map((key) => put(store.key(key), `"${key}"`)))
      const start = store.key("x").text.slice(0, -1)
      const range = { start: `${start}b`, end: `${start}h`, placement: store.key("b").placement }
      const scan = (after: string | undefined, reverse: boolean, limit: number) =>
        Effect.map(
          backend.scan(range, { after: after && start + after, limit, reverse, select: "entry" }),
          ({ items, more }) => {
            if (more) assert.equal(items.length, limit, "a page that has more is full")
            return items.map((item) => item.key.slice(start.length)).join("")
          }
        )
      assert.equal(yield* scan(undefined, false, 10), "bdf")
      assert.equal(yield* scan(undefined, true, 10), "fdb")
      assert.equal(yield* scan("b", false, 10), "df")
      assert.equal(yield* scan("c", false, 10), "df")
      assert.equal(yield* scan("f", false, 10), "")
      assert.equal(yield* scan("g", true, 10), "fdb")
      assert.equal(yield* scan("d", true, 10), "b")
      assert.equal(yield* scan("b", true, 10), "")
      assert.equal(yield* scan("b", false, 1), "d")
      assert.equal(yield* scan(undefined, true, 2), "fd")
      assert.equal(yield* backend.count(range), 3)
    })
  ),
  backendCase("time")(
    "sweep removes no more than it may, and says whether to come again",
    ({ backend, store }, harness) =>
      Effect.gen(function* () {
        const keys = numbered("k", 20).map(store.key)
        const others = numbered("k", 5).map(store.namespace("other").key)
        yield* commitOne(backend, put(store.key("live"), "1", Ttl.after(3_600_000)))
        yield* commitOne(backend, ...keys.map((key) => put(key, "1", Ttl.after(1))))
        for (const key of others) yield* commitOne(backend, put(key, "1", Ttl.after(1)))
        yield* harness.advance(1)
        let removed = 0
        for (let steps = 0; steps < 10_000; steps++) {
          const step = yield* backend.sweep(4)
          assert.ok(step.removed <= 4)
          removed += step.removed
          if (!step.more) break
        }
        assert.ok(removed >= 25, `${removed} of 25 removed`)
        assert.equal(yield* value(store, "live"), 1)
      })
  ),
  backendCase("versions")(
    "every commit has a version and a time, also one that changes nothing",
    ({ backend, store }, harness) =>
      Effect.gen(function* () {
        const a = store.key("a")
        const beforeMs = yield* harness.nowMs
        const outcomes = yield* commitAll(backend, [
          commitOf([put(a, "1")]),
          commitOf([]),
          commitOf([{ _tag: "Touch", key: a, deadline: Ttl.never }]),
          commitOf([{ _tag: "Delete", key: store.key("none") }])
        ])
        const afterMs = yield* harness.nowMs
        const drawn = outcomes.map(committed)
        assert.equal(new Set(drawn.map(({ version }) => version)).size, 4)
        for (const { atMs, version } of drawn) {
          assert.ok(isVersion(version))
          assert.ok(beforeMs <= atMs && atMs <= afterMs)
        }
      })
  )
]
