import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { Atomic, Backend, Lock, MemoryStore, Namespace, StateStore } from "effect-state"
import { make as makeMemory } from "../../src/backends/memory/backend.ts"
import * as DisturbedStore from "../store/DisturbedStore.ts"

/** Two stores over one backend: what two processes are to each other, each with lines of its own. */
const twoStores = Effect.gen(function* () {
  const backend = yield* makeMemory
  return [yield* StateStore.make(backend), yield* StateStore.make(backend)] as const
})

const on = (store: StateStore.Service) => Effect.provideService(StateStore.StateStore, store)

describe("Lock", () => {
  it.scoped("keeps a lock that is held longer than its lease", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* twoStores
      const holder = yield* Effect.fork(
        on(ours)(Lock.withLock("a", { lease: "30 seconds" })(Effect.sleep("10 minutes")))
      )
      yield* TestClock.adjust("9 minutes")
      const refused = yield* Effect.flip(on(theirs)(Lock.withLock("a", { wait: 0 })(Effect.void)))
      assert.strictEqual(refused._tag, "LockTimeout")
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(holder)
      yield* on(theirs)(Lock.withLock("a", { wait: 0 })(Effect.void))
    })
  )

  it.scoped("fails with LockTimeout after the time one is willing to wait, in line and alone", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* twoStores
      yield* on(ours)(Lock.acquire("a"))
      for (const store of [ours, theirs]) {
        const waiter = yield* Effect.fork(
          Effect.flip(on(store)(Lock.withLock("a", { wait: "10 seconds" })(Effect.void)))
        )
        yield* TestClock.adjust("9 seconds")
        assert.deepStrictEqual(yield* Fiber.poll(waiter), Option.none())
        yield* TestClock.adjust("1 seconds")
        const error = yield* Fiber.join(waiter)
        assert.deepStrictEqual([error._tag, (error as Lock.LockTimeout).waitMs], ["LockTimeout", 10_000]) // As just said.
      }
    })
  )

  it.scoped("is given back though the first who does so is interrupted, and tells all who do", () =>
    Effect.gen(function* () {
      const { happened, justBefore, store } = yield* DisturbedStore.make
      const lease = yield* on(store)(Lock.acquire("a"))
      const underWay = yield* Deferred.make<void>()
      const interrupted = yield* Deferred.make<void>()
      yield* justBefore(
        { commit: () => true },
        Effect.zipRight(Deferred.succeed(underWay, undefined), Deferred.await(interrupted))
      )
      const first = yield* Effect.fork(lease.release)
      yield* Deferred.await(underWay)
      yield* Fiber.interruptFork(first)
      yield* Effect.yieldNow()
      yield* Deferred.succeed(interrupted, undefined)
      assert.deepStrictEqual(yield* lease.release, { _tag: "Released" })
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(first)))
      assert.isTrue(yield* happened)
    })
  )

  it.scoped("frees the lock of a holder who died, after its lease", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* twoStores
      // A process that died left its lock behind.
      const { lock } = yield* on(ours)(Effect.scoped(Lock.acquire("a")))
      yield* ours.set(lock, { holder: "dead" }, { ttl: "30 seconds" })
      const waiter = yield* Effect.fork(on(theirs)(Lock.withLock("a", { wait: "1 minute" })(Effect.succeed("mine"))))
      yield* TestClock.adjust("29 seconds")
      assert.deepStrictEqual(yield* Fiber.poll(waiter), Option.none())
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(waiter), "mine")
    })
  )

  it.scoped("interrupts the body when the lock is lost, and says why", () =>
    Effect.gen(function* () {
      const expire = (locks: StateStore.Service) => locks.delete("a")
      const takeOver = (locks: StateStore.Service) => locks.set("a", { holder: "other" })
      for (const [lose, reason] of [
        [expire, "expired"],
        [takeOver, "taken-over"]
      ] as const) {
        const [ours, theirs] = yield* twoStores
        const inside = yield* Deferred.make<void>()
        let interrupted = false
        const body = Deferred.succeed(inside, undefined).pipe(
          Effect.zipRight(Effect.never),
          Effect.onInterrupt(() =>
            Effect.sync(() => {
              interrupted = true
            })
          )
        )
        const holder = yield* Effect.fork(Effect.flip(on(ours)(Lock.withLock("a", { lease: "30 seconds" })(body))))
        yield* Deferred.await(inside)
        yield* lose(theirs.namespace(Namespace.inner("lock")))
        yield* TestClock.adjust("10 seconds")
        const error = yield* Fiber.join(holder)
        assert.deepStrictEqual([error._tag, (error as Lock.LockLost).reason], ["LockLost", reason]) // As just said.
        assert.isTrue(interrupted)
      }
    })
  )

  it.scoped("lets the next of its process have a lock that was lost, though its holder goes on", () =>
    Effect.gen(function* () {
      const [ours] = yield* twoStores
      const lease = yield* on(ours)(Lock.acquire("a", { lease: "30 seconds" }))
      const waiter = yield* Effect.fork(on(ours)(Lock.acquire("a", { wait: "1 minute" })))
      yield* Effect.yieldNow()
      yield* ours.delete(lease.lock)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Effect.flip(lease.lost)).reason, "expired")
      const next = yield* Effect.flatten(yield* Fiber.poll(waiter))
      assert.deepStrictEqual(yield* lease.release, { _tag: "TakenOver" })
      // It was out of line: its release has let nobody pass the one who holds the lock now.
      const refused = yield* Effect.flip(on(ours)(Lock.withLock("a", { wait: 0 })(Effect.void)))
      assert.strictEqual(refused._tag, "LockTimeout")
      assert.deepStrictEqual(yield* next.release, { _tag: "Released" })
    })
  )

  it.scoped("is given back after a body that can't be interrupted", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* twoStores
      const holder = yield* Effect.fork(Effect.uninterruptible(on(ours)(Lock.withLock("a")(Effect.succeed("done")))))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Fiber.poll(holder), Option.some(Exit.succeed("done")))
      yield* on(theirs)(Lock.withLock("a", { wait: 0 })(Effect.void))
    })
  )

  it.scoped("does not call work done that outlived its lock", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* twoStores
      const error = yield* Effect.flip(
        on(ours)(Lock.withLock("a")(theirs.namespace(Namespace.inner("lock")).delete("a")))
      )
      assert.strictEqual(error._tag, "LockLost")
    })
  )

  it.scoped("gives a lock up that could not be renewed for as long as its lease", () =>
    Effect.gen(function* () {
      const memory = yield* makeMemory
      let cut = false
      const store = yield* StateStore.make({
        ...memory,
        now: undefined,
        commit: (batch) =>
          cut ? Effect.succeed(batch.map(() => Backend.fault("unavailable", "it is cut"))) : memory.commit(batch)
      })
      const lease = yield* on(store)(Lock.acquire("a", { lease: "30 seconds" }))
      cut = true
      yield* TestClock.adjust("20 seconds")
      assert.isTrue(yield* lease.isHeld)
      cut = false
      yield* TestClock.adjust("20 seconds")
      assert.isTrue(yield* lease.isHeld, "one renewal is enough")
      cut = true
      yield* TestClock.adjust("31 seconds")
      assert.isFalse(yield* lease.isHeld)
      const error = yield* Effect.flip(lease.lost)
      assert.strictEqual(error.reason, "unconfirmed")
      assert.strictEqual((error.cause as { readonly _tag: string })._tag, "StoreUnavailable") // What the renewals met.
      assert.strictEqual((yield* lease.release)._tag, "Unknown")
    })
  )

  it.scoped("finds out what became of an acquisition whose answer was lost", () =>
    Effect.gen(function* () {
      const memory = yield* makeMemory
      let lose = 1
      const store = yield* StateStore.make({
        ...memory,
        now: undefined,
        commit: (batch) =>
          Effect.map(memory.commit(batch), (outcomes) =>
            lose-- > 0 ? batch.map(() => Backend.fault("unavailable", "cut", { outcome: "unknown" })) : outcomes
          )
      })
      const lease = yield* on(store)(Lock.acquire("a"))
      yield* store.commit(Atomic.make.pipe(Atomic.fencedBy(lease), Atomic.set("a", 1)))
      assert.deepStrictEqual(yield* lease.release, { _tag: "Released" })
    })
  )

  it.scoped("leaves no lock behind when it is interrupted while the store answers", () =>
    Effect.gen(function* () {
      const memory = yield* makeMemory
      const asked = yield* Deferred.make<void>()
      const answer = yield* Deferred.make<void>()
      const store = yield* StateStore.make({
        ...memory,
        now: undefined,
        commit: (batch) =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.zipRight(memory.commit(batch)),
            Effect.zipLeft(Deferred.await(answer))
          )
      })
      const fiber = yield* Effect.fork(on(store)(Lock.withLock("a")(Effect.never)))
      yield* Deferred.await(asked)
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(answer, undefined)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.join(interrupting)))
      yield* on(store)(Lock.withLock("a", { wait: 0 })(Effect.void))
    })
  )

  it.scoped("serves the waiters of a process in the order in which they came", () =>
    Effect.gen(function* () {
      const store = Context.get(yield* Layer.build(MemoryStore.layer()), StateStore.StateStore)
      const first = yield* on(store)(Lock.acquire("a"))
      const served: Array<number> = []
      const waiters = yield* Effect.forEach([0, 1, 2, 3, 4, 5], (i) =>
        Effect.zipLeft(Effect.fork(on(store)(Lock.withLock("a")(Effect.sync(() => served.push(i))))), Effect.yieldNow())
      )
      const [, , gone] = waiters
      if (gone !== undefined) yield* Fiber.interrupt(gone)
      yield* first.release
      yield* Effect.forEach(waiters, Fiber.await)
      assert.deepStrictEqual(served, [0, 1, 3, 4, 5])
    })
  )

  it.scoped("lets a pause go by when somebody waits elsewhere, so that nobody starves", () =>
    Effect.gen(function* () {
      const [ours, theirs] = yield* twoStores
      const lease = yield* on(ours)(Lock.acquire("a"))
      const other = yield* Effect.fork(on(theirs)(Lock.withLock("a")(Effect.never)))
      yield* TestClock.adjust("50 millis")
      yield* lease.release
      const next = yield* Effect.fork(on(ours)(Lock.withLock("a")(Effect.succeed("mine"))))
      yield* Fiber.interrupt(other)
      yield* TestClock.adjust("49 millis")
      // Real time alone ends no pause.
      yield* Effect.withClock(Effect.sleep("60 millis"), Clock.make())
      yield* TestClock.adjust(0)
      assert.isTrue(Option.isNone(yield* Fiber.poll(next)))
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(next), "mine")
    })
  )

  it.scoped("is not taken inside a transaction, where nobody would see it", () =>
    Effect.gen(function* () {
      const memory = yield* makeMemory
      const InTransaction = Context.GenericTag<"InTransaction", boolean>("InTransaction")
      const store = yield* StateStore.make({
        ...memory,
        now: undefined,
        within: (caller) => (Option.isSome(Context.getOption(caller, InTransaction)) ? memory : undefined)
      })
      const error = yield* on(store)(Effect.scoped(Lock.acquire("a"))).pipe(
        Effect.provideService(InTransaction, true),
        Effect.flip
      )
      assert.strictEqual(error._tag, "Unsupported")
    })
  )

  it.scoped("locks a key of another namespace, in that key's placement", () =>
    Effect.gen(function* () {
      const store = Context.get(yield* Layer.build(MemoryStore.layer()), StateStore.StateStore)
      const orders = store.namespace("orders", { placement: "prefix" })
      const key = orders.key("eu:42")
      const lease = yield* on(store)(Lock.acquire(key))
      assert.strictEqual(lease.lock.placement, key.placement)
      assert.notStrictEqual(lease.lock.text, key.text)
      yield* store.commit(Atomic.make.pipe(Atomic.fencedBy(lease), Atomic.set(key, "new")))
      const other = yield* Effect.either(on(orders)(Effect.scoped(Lock.acquire("eu:42", { wait: 0 }))))
      assert.isTrue(Either.isLeft(other))
      yield* on(store)(Effect.scoped(Lock.acquire("eu:42", { wait: 0 })))
    })
  )

  it.scoped("is freed with the scope it was acquired in, whatever ends it", () =>
    Effect.gen(function* () {
      const store = Context.get(yield* Layer.build(MemoryStore.layer()), StateStore.StateStore)
      const free = on(store)(Lock.withLock("a", { wait: 0 })(Effect.void))
      for (const end of [Effect.fail("no"), Effect.die("bug"), Effect.interrupt, Effect.void]) {
        yield* Effect.exit(on(store)(Lock.withLock("a")(end)))
        yield* free
        const scope = yield* Scope.make()
        yield* Effect.provideService(on(store)(Lock.acquire("a")), Scope.Scope, scope)
        yield* Scope.close(scope, yield* Effect.exit(end))
        yield* free
      }
    })
  )
})
