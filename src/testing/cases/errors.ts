/**
 * Errors are values that tell enough, and not too much.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import { Version } from "../../store/Version.ts"
import { backendCase, type Case, commitAll, failure, storeCase } from "../Case.ts"

const errors = storeCase("errors")

/** All that a log could print of an error. */
const shown = (error: Error): string => `${error.message}\n${JSON.stringify(error)}\n${String(error)}`

/**
 * @since 0.1.0
 * @category cases
 */
export const errorCases: ReadonlyArray<Case> = [
  errors("an error names its operation and its backend", (store) =>
    Effect.gen(function* () {
      const { backend } = yield* store.stats
      yield* store.set("a", "text")
      const ifVersion = Version(1)
      const raised = [
        ["set", yield* failure(store.set("b", 1, { ifVersion }), "VersionConflict")],
        ["delete", yield* failure(store.delete("b", { ifVersion }), "VersionConflict")],
        ["commit", yield* failure(store.commit(Atomic.make.pipe(Atomic.check("a", "absent"))), "VersionConflict")],
        ["add", yield* failure(store.add("a", 1), "NotInteger")],
        ["watch", yield* failure(Stream.runDrain(store.watch(KeyRange.all)), "Unsupported")]
      ] as const
      for (const [operation, error] of raised) {
        assert.equal(error.operation, operation)
        assert.equal(error.backend, backend)
        assert.equal(error.isRetryable, error._tag === "VersionConflict")
        assert.ok(error.message.startsWith(operation))
      }
    })
  ),
  errors("a change feed that is not there is Unsupported", (store) =>
    Effect.map(failure(Stream.runDrain(store.watch(KeyRange.all)), "Unsupported"), (error) =>
      assert.ok(error.reason.length > 0)
    )
  ),
  errors("no error shows a value", (store) =>
    Effect.gen(function* () {
      const secret = "hunter2-secret-value"
      yield* store.set("a", secret)
      const raised = [
        yield* failure(store.set("a", { password: secret, bad: 1n }), "EncodeError"),
        yield* failure(store.add("a", 1), "NotInteger"),
        yield* failure(store.set("a", secret, { ifVersion: "absent" }), "VersionConflict"),
        yield* failure(store.set("a", secret, { ttl: -1 }), "InvalidTtl"),
        yield* failure(store.setMany([{ key: "", value: secret }]), "BatchError")
      ]
      for (const error of raised) assert.ok(!shown(error).includes(secret), shown(error))
    })
  ),
  errors("no error shows a secret key", (parent, harness) =>
    Effect.gen(function* () {
      const secret = "hunter2-session-id"
      const store = parent.namespace("s", { secretKeys: true })
      const child = store.namespace("c")
      const other = (yield* harness.open()).namespace("s", { secretKeys: true })
      yield* store.set(secret, "text")
      yield* child.set(secret, "text")
      const raised = [
        yield* failure(store.set(secret, 1, { ifVersion: "absent" }), "VersionConflict"),
        yield* failure(child.set(secret, 1, { ifVersion: "absent" }), "VersionConflict"),
        yield* failure(parent.commit(Atomic.make.pipe(Atomic.check(store.key(secret), "absent"))), "VersionConflict"),
        yield* failure(parent.commit(Atomic.make.pipe(Atomic.add(child.key(secret), 1))), "NotInteger"),
        yield* failure(store.add(secret, 1), "NotInteger"),
        yield* failure(store.set(secret, 1n), "EncodeError"),
        yield* failure(store.set(`${secret}\0`, 1), "InvalidKey"),
        yield* failure(store.get(secret.repeat(100)), "InvalidKey"),
        yield* failure(store.commit(Atomic.make.pipe(Atomic.append(secret.repeat(56).concat("x"), 1))), "InvalidKey"),
        yield* failure(store.commit(Atomic.make.pipe(Atomic.set(other.key(secret), 1))), "StoreMismatch")
      ]
      for (const error of raised) assert.ok(!shown(error).includes(secret), shown(error))
    })
  ),
  backendCase("errors")(
    "an undecodable entry is a DecodeError with its key, and the rest can be had",
    ({ backend, store }) =>
      Effect.gen(function* () {
        yield* store.set("a", 1)
        yield* store.set("c", 3)
        const never = { keep: false, ttlMs: undefined, notAfterMs: undefined }
        yield* commitAll(backend, [
          {
            checks: [],
            mutations: [
              {
                _tag: "Put",
                key: store.key("b"),
                stamped: false,
                payload: new Uint8Array([1, 0, 255]),
                deadline: never
              }
            ]
          }
        ])
        assert.equal((yield* failure(store.get("b"), "DecodeError")).key, "b")
        assert.equal((yield* failure(store.getMany(["a", "b"]), "DecodeError")).key, "b")
        assert.equal((yield* failure(store.page(KeyRange.all), "DecodeError")).key, "b")
        assert.equal((yield* failure(Stream.runDrain(store.entries(KeyRange.all)), "DecodeError")).key, "b")
        const skipped = yield* store.getMany(["a", "b", "c"], { onInvalid: "skip" })
        assert.deepEqual(
          skipped.map(({ _tag }) => _tag),
          ["Some", "None", "Some"]
        )
        const either = yield* store.getMany(["a", "b", "x"], { onInvalid: "either" })
        assert.deepEqual(
          either.map(({ _tag }) => _tag),
          ["Right", "Left", "Right"]
        )
        const page = yield* store.page(KeyRange.all, { onInvalid: "skip", limit: 3 })
        assert.deepEqual(
          page.entries.map(({ key }) => key),
          ["a", "c"]
        )
        const pageEither = yield* store.page(KeyRange.all, { onInvalid: "either" })
        assert.deepEqual(
          pageEither.entries.map(({ _tag }) => _tag),
          ["Right", "Left", "Right"]
        )
        const streamed = yield* Stream.runCollect(store.entries(KeyRange.all, { onInvalid: "skip", reverse: true }))
        assert.deepEqual(
          Array.from(streamed, ({ key }) => key),
          ["c", "a"]
        )
        assert.equal(yield* store.exists("b"), true)
        assert.equal(yield* store.count(KeyRange.all), 3)
        yield* failure(store.add("b", 1), "NotInteger")
        yield* store.set("b", "mended")
        assert.equal((yield* store.page(KeyRange.all)).entries.length, 3)
        const secrets = store.namespace("s", { secretKeys: true })
        yield* commitAll(backend, [
          {
            checks: [],
            mutations: [
              {
                _tag: "Put",
                key: secrets.key("hunter2"),
                stamped: false,
                payload: new Uint8Array([123]),
                deadline: never
              }
            ]
          }
        ])
        assert.ok(!shown(yield* failure(secrets.get("hunter2"), "DecodeError")).includes("hunter2"))
      })
  )
]
