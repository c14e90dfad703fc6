import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Backend } from "effect-state"
import { Namespace } from "effect-state"
import * as Coalescer from "../../src/store/Coalescer.ts"
import type { FullKey } from "../../src/store/Key.ts"

const root = Namespace.root({}, undefined)
const keyOf = (i: number) => Namespace.fullKey(root, `k${i}`)

interface Limits {
  readonly readsMax: number
  readonly commitsMin?: number
  readonly inFlightMax: number
  readonly readsInFlightMax?: number
}

/** A backend that records its batches, answers them when told to, finds nothing, and commits nothing. */
const recorder = (limits: Limits) => {
  const batches: Array<ReadonlyArray<string>> = []
  const gates: Array<Deferred.Deferred<void>> = []
  const recorded = (keys: ReadonlyArray<FullKey>) =>
    Effect.gen(function* () {
      batches.push(keys.map((key) => key.local))
      const gate = yield* Deferred.make<void>()
      gates.push(gate)
      yield* Deferred.await(gate)
    })
  const backend: Backend.Backend = {
    name: "recorder",
    capabilities: {
      changes: "none",
      placementOf: undefined,
      coalesce: { ...limits, commitsMax: 100 },
      batchReadsMax: 100,
      batchCommitsMax: 100,
      commitStepsMax: 100,
      valueBytesMax: 100
    },
    read: (keys) =>
      Effect.as(
        recorded(keys),
        keys.map((key) => (key.local === "k13" ? { _tag: "Unreadable", key: key.text, reason: "bad" } : undefined))
      ),
    commit: (batch) =>
      Effect.as(
        recorded(batch.flatMap(({ mutations }) => mutations.map(({ key }) => key))),
        batch.map(() => ({ _tag: "Conflict", keys: [] }))
      ),
    scan: () => Effect.dieMessage("not used"),
    count: () => Effect.dieMessage("not used"),
    sweep: () => Effect.dieMessage("not used"),
    info: Effect.dieMessage("not used")
  }
  const openNext = Effect.suspend(() => {
    const gate = gates.shift()
    return gate === undefined ? Effect.dieMessage("No batch is under way") : Deferred.succeed(gate, undefined)
  })
  return { backend, batches, openNext, underWay: () => gates.length }
}

const read = (access: Coalescer.Access, key: FullKey) => access.read(key, "entry", Effect.succeed)

const remove = (access: Coalescer.Access, key: FullKey) =>
  Effect.withFiberRuntime<Backend.Outcome>((fiber, status) =>
    access.commit({ checks: [], mutations: [{ _tag: "Delete", key }] }, Effect.succeed, fiber, status)
  )

const settled = Effect.repeatN(Effect.yieldNow(), 20)

describe("Coalescer", () => {
  it.scopedLive("lets a backend end its waits, also where it was made in a region that can't be interrupted", () =>
    Effect.gen(function* () {
      const { backend } = recorder({ readsMax: 10, inFlightMax: 2 })
      const waiting: Backend.Backend = {
        ...backend,
        read: (keys) =>
          Effect.as(
            Effect.timeoutOption(Effect.never, "10 millis"),
            keys.map(() => undefined)
          )
      }
      const access = yield* Effect.uninterruptible(Coalescer.make(waiting))
      assert.isUndefined(yield* read(access, keyOf(1)))
    })
  )

  for (const limits of [
    { readsMax: 10, inFlightMax: 2 },
    { readsMax: 10, inFlightMax: 5, readsInFlightMax: 2 }
  ]) {
    it.scoped(`makes one tick's calls few batches, in order, each call once, within ${JSON.stringify(limits)}`, () =>
      Effect.gen(function* () {
        const { backend, batches, openNext, underWay } = recorder(limits)
        const access = yield* Coalescer.make(backend)
        const all = Array.from({ length: 64 }, (_, i) => i)
        const fiber = yield* Effect.fork(
          Effect.forEach(all, (i) => read(access, keyOf(i)), { concurrency: "unbounded" })
        )
        yield* settled
        assert.strictEqual(underWay(), 2)
        while (underWay() > 0) {
          assert.isAtMost(underWay(), 2)
          yield* openNext
          yield* settled
        }
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          batches.flat(),
          all.map((i) => `k${i}`)
        )
        assert.isAtMost(Math.max(...batches.map((batch) => batch.length)), 10)
        assert.isAtMost(batches.length, 12)
      })
    )
  }

  it.scoped("commits part into batches that are worth a transaction each", () =>
    Effect.gen(function* () {
      const { backend, batches, openNext } = recorder({ readsMax: 100, commitsMin: 8, inFlightMax: 3 })
      const access = yield* Coalescer.make(backend)
      for (const callers of [14, 16]) {
        const keys = Array.from({ length: callers }, (_, i) => keyOf(i))
        const all = yield* Effect.fork(
          Effect.forEach(keys, (key) => remove(access, key), { concurrency: "unbounded", discard: true })
        )
        yield* settled
        while (all.unsafePoll() === null) {
          yield* openNext
          yield* settled
        }
      }
      assert.deepStrictEqual(
        batches.map((batch) => batch.length),
        [14, 8, 8]
      )
    })
  )

  it.effect("closing refuses and waits once for all that is under way, in real time", () =>
    Effect.gen(function* () {
      const { backend, underWay } = recorder({ readsMax: 1, inFlightMax: 1 })
      const scope = yield* Scope.make()
      const access = yield* Scope.extend(Coalescer.make(backend, { closeTimeout: "500 millis" }), scope)
      const calls = (key: FullKey): ReadonlyArray<Effect.Effect<unknown>> => [
        access.read(key, "meta", Effect.succeed),
        read(access, key),
        remove(access, key)
      ]
      yield* Effect.forEach(calls(keyOf(1)), (call) => Effect.fork(call))
      yield* settled
      assert.strictEqual(underWay(), 3)
      const waiting = yield* Effect.fork(Effect.all(calls(keyOf(2)), { concurrency: "unbounded" }))
      yield* settled
      const startedMs = performance.now()
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      for (const reply of yield* Fiber.join(waiting)) assert.propertyVal(reply, "reason", "it is closed")
      assert.isNull(closing.unsafePoll())
      yield* Fiber.join(closing)
      assert.isBelow(performance.now() - startedMs, 1_400)
    })
  )

  it.scoped("gives every call its own answer", () =>
    Effect.gen(function* () {
      const { backend, openNext } = recorder({ readsMax: 10, inFlightMax: 1 })
      const access = yield* Coalescer.make(backend)
      const fiber = yield* Effect.fork(
        Effect.forEach([12, 13], (i) => read(access, keyOf(i)), { concurrency: "unbounded" })
      )
      yield* settled
      yield* openNext
      const [absent, unreadable] = yield* Fiber.join(fiber)
      assert.isUndefined(absent)
      assert.strictEqual(unreadable?._tag, "Unreadable")
    })
  )

  it.scoped("a batch that dies tells its own callers, and the next one runs", () =>
    Effect.gen(function* () {
      const { backend, openNext } = recorder({ readsMax: 10, inFlightMax: 1 })
      let dies = true
      const access = yield* Coalescer.make({
        ...backend,
        read: (keys, select) => (dies ? Effect.dieMessage("broken") : backend.read(keys, select))
      })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(read(access, keyOf(1)))))
      dies = false
      const fiber = yield* Effect.fork(read(access, keyOf(2)))
      yield* settled
      yield* openNext
      assert.isUndefined(yield* Fiber.join(fiber))
    })
  )

  it.effect("closing waits for a call of a caller that was alone, and interrupted", () =>
    Effect.gen(function* () {
      const { backend, batches, openNext } = recorder({ readsMax: 10, inFlightMax: 3 })
      const scope = yield* Scope.make()
      const access = yield* Scope.extend(Coalescer.make(backend), scope)
      const both = yield* Effect.fork(Effect.zipRight(read(access, keyOf(1)), read(access, keyOf(2))))
      yield* settled
      yield* openNext
      yield* settled
      assert.deepStrictEqual(batches, [["k1"], ["k2"]])
      yield* Fiber.interrupt(both)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* settled
      assert.isNull(closing.unsafePoll())
      yield* openNext
      yield* Fiber.join(closing)
    })
  )

  it.effect("closing refuses what waits, and waits for what was sent", () =>
    Effect.gen(function* () {
      const { backend, openNext } = recorder({ readsMax: 10, inFlightMax: 1 })
      const scope = yield* Scope.make()
      const access = yield* Scope.extend(Coalescer.make(backend), scope)
      const sent = yield* Effect.fork(read(access, keyOf(1)))
      yield* settled
      const waiting = yield* Effect.fork(read(access, keyOf(2)))
      yield* settled
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      const refused = yield* Fiber.join(waiting)
      assert(refused?._tag === "Fault")
      assert.strictEqual(refused.outcome, "not-applied")
      yield* settled
      assert.isNull(closing.unsafePoll())
      yield* openNext
      assert.isUndefined(yield* Fiber.join(sent))
      yield* Fiber.join(closing)
      const late = yield* read(access, keyOf(3))
      assert.strictEqual(late?._tag, "Fault")
    })
  )

  it.effect("a backend that answers by callback is asked by callback, and closing waits for it", () =>
    Effect.gen(function* () {
      const { backend } = recorder({ readsMax: 10, inFlightMax: 1 })
      const answers: Array<() => void> = []
      const batches: Array<ReadonlyArray<string>> = []
      const scope = yield* Scope.make()
      const byCallback = Coalescer.make({
        ...backend,
        read: () => Effect.dieMessage("not used"),
        send: {
          read: (keys, _, done) => {
            batches.push(keys.map((key) => key.local))
            answers.push(() => done(Exit.succeed(keys.map(() => undefined))))
          },
          commit: () => assert.fail("not used")
        }
      })
      const access = yield* Scope.extend(byCallback, scope)
      const both = yield* Effect.fork(
        Effect.forEach([1, 2], (i) => read(access, keyOf(i)), { concurrency: "unbounded" })
      )
      yield* settled
      assert.deepStrictEqual(batches, [["k1", "k2"]])
      yield* Fiber.interrupt(both)
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* settled
      assert.isNull(closing.unsafePoll())
      answers.shift()?.()
      yield* Fiber.join(closing)
    })
  )
})
