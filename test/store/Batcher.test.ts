import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type { Backend } from "effect-state"
import { fault } from "../../src/store/Backend.ts"
import { Batcher, type Options } from "../../src/store/Batcher.ts"

type Reply = string | Backend.Fault

/** A batcher whose batches are recorded, and answered when told to: each request gets itself. */
const recorder = (options: Partial<Options<string, string>>) => {
  const batches: Array<ReadonlyArray<string>> = []
  const underWay: Array<() => void> = []
  const batcher = new Batcher<string, string>({
    send: (requests, done) => {
      batches.push(requests)
      underWay.push(() => done(Exit.succeed(requests)))
    },
    looksForCompany: true,
    batchMax: 10,
    inFlightMax: 2,
    ...options
  })
  const ask = (request: string, answer = (reply: Reply): Effect.Effect<Reply> => Effect.succeed(reply)) =>
    Effect.withFiberRuntime<Reply>((fiber, status) => batcher.submit(request, answer, fiber, status))
  const askAll = (...requests: ReadonlyArray<string>) =>
    Effect.forEach(requests, (request) => ask(request), { concurrency: "unbounded" })
  /** Answers the batch that was sent first. */
  const answer = Effect.suspend(() => {
    const next = underWay.shift()
    return next === undefined ? Effect.dieMessage("No batch is under way") : Effect.sync(next)
  })
  return { batcher, batches, underWay, ask, askAll, answer }
}

const settled = Effect.repeatN(Effect.yieldNow(), 20)

describe("Batcher", () => {
  it.effect("sends a single call at the end of its tick", () =>
    Effect.gen(function* () {
      const { batches, ask, answer } = recorder({})
      const fiber = yield* Effect.fork(ask("a"))
      yield* settled
      assert.deepStrictEqual(batches, [["a"]])
      yield* answer
      assert.strictEqual(yield* Fiber.join(fiber), "a")
    })
  )

  it.effect("sends a caller that comes again and has no company at once", () =>
    Effect.gen(function* () {
      const { batches, ask, answer } = recorder({})
      const fiber = yield* Effect.fork(Effect.zipRight(ask("a"), ask("b")))
      yield* settled
      yield* answer
      // The fiber goes on, and has sent it before it gives way.
      yield* Effect.yieldNow()
      assert.deepStrictEqual(batches, [["a"], ["b"]])
      yield* answer
      assert.strictEqual(yield* Fiber.join(fiber), "b")
    })
  )

  it.effect("has the caller's own fiber send what is alone, where there is a way", () =>
    Effect.gen(function* () {
      const { batches, ask, answer } = recorder({ sendAlone: (request) => Effect.succeed(`${request} alone`) })
      const fiber = yield* Effect.fork(Effect.all([ask("a"), ask("b")]))
      yield* settled
      yield* answer
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["a", "b alone"])
      assert.deepStrictEqual(batches, [["a"]])
    })
  )

  for (const { callers, sizes } of [
    { callers: 2, sizes: [2] },
    { callers: 3, sizes: [2, 1] },
    { callers: 13, sizes: [7, 6] },
    { callers: 64, sizes: [32, 32] }
  ]) {
    it.effect(`${callers} callers that come back make batches of ${sizes.join(" and ")}, under way at once`, () =>
      Effect.gen(function* () {
        const { batches, underWay, ask, answer } = recorder({ batchMax: 100, inFlightMax: 3 })
        const requests = Array.from({ length: callers }, (_, i) => String(i))
        const all = yield* Effect.fork(
          Effect.forEach(requests, (request) => Effect.forever(ask(request)), { concurrency: "unbounded" })
        )
        yield* settled
        for (let round = 0; round < 10; round++) {
          assert.strictEqual(underWay.length, sizes.length)
          yield* answer
          yield* settled
        }
        for (const [i, batch] of batches.entries()) assert.strictEqual(batch.length, sizes[i % sizes.length])
        yield* Fiber.interrupt(all)
      })
    )
  }

  it.effect("a few calls wait for many that are under way, and go when these return", () =>
    Effect.gen(function* () {
      const { batches, askAll, answer } = recorder({ inFlightMax: 3 })
      const many = yield* Effect.fork(askAll("1", "2", "3", "4", "5", "6"))
      yield* settled
      const few = yield* Effect.fork(askAll("7", "8"))
      yield* settled
      assert.deepStrictEqual(batches, [
        ["1", "2", "3"],
        ["4", "5", "6"]
      ])
      yield* answer
      yield* settled
      assert.deepStrictEqual(batches[2], ["7", "8"])
      yield* answer
      yield* answer
      yield* Fiber.join(many)
      yield* Fiber.join(few)
    })
  )

  it.live("a few calls do not wait for batches that are held up", () =>
    Effect.gen(function* () {
      const { batches, ask, askAll, answer } = recorder({ inFlightMax: 3 })
      const heldUp = yield* Effect.fork(askAll("1", "2", "3", "4"))
      yield* settled
      const late = yield* Effect.fork(ask("5"))
      yield* settled
      assert.strictEqual(batches.length, 2)
      yield* Effect.repeat(Effect.sleep("1 millis"), { until: () => batches.length === 3 })
      yield* answer
      yield* answer
      yield* answer
      yield* Fiber.join(heldUp)
      yield* Fiber.join(late)
    })
  )

  it.effect("withdraws an interrupted call that was not sent, and harms no other", () =>
    Effect.gen(function* () {
      const { batches, ask, answer } = recorder({ inFlightMax: 1 })
      const first = yield* Effect.fork(ask("first"))
      yield* settled
      const withdrawn = yield* Effect.fork(ask("withdrawn"))
      const stubborn = yield* Effect.fork(Effect.uninterruptible(ask("stubborn")))
      const patient = yield* Effect.fork(ask("patient"))
      yield* settled
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(withdrawn)))
      yield* Fiber.interruptFork(stubborn)
      yield* answer
      yield* settled
      yield* answer
      yield* Fiber.join(first)
      yield* Fiber.join(patient)
      yield* Fiber.await(stubborn)
      assert.deepStrictEqual(batches, [["first"], ["stubborn", "patient"]])
    })
  )

  it.effect("an interrupted caller does not interrupt the batch it is in", () =>
    Effect.gen(function* () {
      const { ask, answer } = recorder({ inFlightMax: 1 })
      const [one, other] = yield* Effect.all([Effect.fork(ask("one")), Effect.fork(ask("other"))])
      yield* settled
      yield* Fiber.interrupt(one)
      yield* answer
      assert.strictEqual(yield* Fiber.join(other), "other")
    })
  )

  describe("with a gate that is shut", () => {
    const shut = (options: Partial<Options<string, string>> = {}) => {
      const keepers: Array<(fault: Backend.Fault | undefined) => void> = []
      let isOpen = false
      const test = recorder({ ...options, gate: { isOpen: () => isOpen, wait: (done) => keepers.push(done) } })
      const tell = (fault: Backend.Fault | undefined) =>
        Effect.sync(() => {
          isOpen = fault === undefined
          for (const keeper of keepers.splice(0)) keeper(fault)
        })
      return { ...test, tell, waits: () => keepers.length }
    }

    it.effect("sends nothing until it opens, and then what is still wanted, once", () =>
      Effect.gen(function* () {
        const { batches, ask, answer, tell, waits } = shut({ inFlightMax: 1 })
        const first = yield* Effect.fork(ask("first"))
        yield* settled
        const [gone, second] = yield* Effect.all([Effect.fork(ask("gone")), Effect.fork(ask("second"))])
        yield* settled
        assert.strictEqual(waits(), 2)
        yield* Fiber.interrupt(gone)
        yield* tell(undefined)
        yield* settled
        assert.deepStrictEqual(batches, [["first", "second"]])
        yield* answer
        assert.strictEqual(yield* Fiber.join(first), "first")
        assert.strictEqual(yield* Fiber.join(second), "second")
      })
    )

    it.effect("keeps also a caller that comes again and has no company", () =>
      Effect.gen(function* () {
        const { batches, ask, tell } = shut()
        const unavailable = fault("unavailable", "it is away")
        const both = yield* Effect.fork(Effect.all([ask("a"), ask("b")]))
        yield* settled
        yield* tell(unavailable)
        yield* settled
        yield* tell(unavailable)
        assert.deepStrictEqual(yield* Fiber.join(both), [unavailable, unavailable])
        assert.deepStrictEqual(batches, [])
      })
    )

    it.effect("refuses what it keeps when it is closed, and hears of it no more", () =>
      Effect.gen(function* () {
        const { batcher, batches, ask, tell } = shut()
        const fiber = yield* Effect.fork(ask("a"))
        yield* settled
        yield* batcher.close
        const reply = yield* Fiber.join(fiber)
        assert.strictEqual(typeof reply === "object" && reply.outcome, "not-applied")
        yield* tell(undefined)
        yield* settled
        assert.deepStrictEqual(batches, [])
      })
    )
  })

  it.effect("calls whose batch can't be sent die with it, and the next ones are sent", () =>
    Effect.gen(function* () {
      let batches = 0
      const { ask } = recorder({
        send: (requests, done) => {
          batches += 1
          if (batches === 1) throw new Error("too large")
          done(Exit.succeed(requests))
        }
      })
      for (const fiber of yield* Effect.all([Effect.fork(ask("a")), Effect.fork(ask("b"))])) {
        assert.deepStrictEqual(yield* Fiber.await(fiber), Exit.die(new Error("too large")))
      }
      assert.strictEqual(yield* ask("c"), "c")
      assert.strictEqual(batches, 2)
    })
  )

  it.effect("a batch that gets too few replies is a defect of those who have none", () =>
    Effect.gen(function* () {
      const { ask } = recorder({ send: (requests, done) => done(Exit.succeed(requests.slice(0, 1))) })
      const [one, other] = yield* Effect.all([Effect.fork(ask("one")), Effect.fork(ask("other"))])
      assert.strictEqual(yield* Fiber.join(one), "one")
      assert.deepStrictEqual(yield* Fiber.await(other), Exit.die(new Error("A batch of 2 calls got 1 replies")))
    })
  )

  it.effect("a call whose answer can't be made dies alone", () =>
    Effect.gen(function* () {
      const { ask, answer } = recorder({})
      const broken = yield* Effect.fork(
        ask("broken", () => {
          throw new Error("broken")
        })
      )
      const sound = yield* Effect.fork(ask("sound"))
      yield* settled
      yield* answer
      assert.strictEqual(yield* Fiber.join(sound), "sound")
      assert.deepStrictEqual(yield* Fiber.await(broken), Exit.die(new Error("broken")))
    })
  )
})
