/**
 * Locks: one holder at a time, and no write of one who lost it.
 */
import { strict as assert } from "node:assert"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Lock from "../../coordination/lock/Lock.ts"
import * as Atomic from "../../store/Atomic.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import { type Case, failure, storeCase, value } from "../Case.ts"

const lock = storeCase("atomic")

const acquire = Lock.acquireOn
const withLock = Lock.withLockOn

export const lockCases: ReadonlyArray<Case> = [
  lock("a lock has one holder, and tokens rise from one to the next", (store) =>
    Effect.gen(function* () {
      let holders = 0
      const tokens: Array<number> = []
      const section = withLock(
        store,
        "a"
      )((lease) =>
        Effect.gen(function* () {
          assert.equal(++holders, 1, "two at once hold the lock")
          tokens.push(lease.token)
          yield* store.set("seen", lease.token)
          holders--
        })
      )
      yield* Effect.replicateEffect(section, 10, { concurrency: "unbounded" })
      assert.equal(tokens.length, 10)
      assert.deepEqual(
        tokens,
        tokens.toSorted((a, b) => a - b)
      )
    })
  ),
  lock("a lock is no entry of its namespace, and leaves nothing behind", (store) =>
    Effect.gen(function* () {
      yield* withLock(
        store,
        "a"
      )(
        Effect.gen(function* () {
          assert.equal(yield* store.exists("a"), false)
          assert.equal(yield* store.count(KeyRange.all), 0)
        })
      )
      assert.equal(yield* store.namespace(Namespace.inner("lock")).count(KeyRange.all), 0)
    })
  ),
  lock("a fenced commit goes through while the lock is held", (store) =>
    withLock(
      store,
      "a"
    )((lease) =>
      Effect.gen(function* () {
        yield* store.commit(Atomic.make.pipe(Atomic.fencedBy(lease), Atomic.set("a", 1)))
        yield* store.commit(Atomic.make.pipe(Atomic.fencedBy(lease), Atomic.add("a", 1)))
        assert.equal(yield* value(store, "a"), 2)
      })
    )
  ),
  lock("a renewal keeps the fence", (store, harness) =>
    Effect.gen(function* () {
      const lease = yield* acquire(store, "a", { lease: 2_000 })
      const startMs = yield* lease.expiresAtMs
      for (let i = 0; i < 4; i++) yield* harness.advance(700)
      assert.ok((yield* lease.expiresAtMs) > startMs, "it was not renewed")
      yield* store.commit(Atomic.make.pipe(Atomic.fencedBy(lease), Atomic.set("a", 1)))
      assert.equal(yield* lease.isHeld, true)
      assert.deepEqual(yield* lease.release, { _tag: "Released" })
      assert.equal(yield* lease.isHeld, false)
    })
  ),
  lock("a released lock fences no more", (store) =>
    Effect.gen(function* () {
      const lease = yield* acquire(store, "a", {})
      assert.deepEqual(yield* lease.release, { _tag: "Released" })
      assert.deepEqual(yield* lease.release, { _tag: "Released" })
      yield* failure(store.commit(Atomic.make.pipe(Atomic.fencedBy(lease), Atomic.set("a", 1))), "VersionConflict")
      assert.equal(yield* store.exists("a"), false)
    })
  ),
  lock("the fence of an earlier holder holds nobody's later lock", (store) =>
    Effect.gen(function* () {
      const first = yield* acquire(store, "a", {})
      yield* first.release
      const second = yield* acquire(store, "a", {})
      assert.ok(second.token > first.token)
      yield* failure(store.commit(Atomic.make.pipe(Atomic.fencedBy(first), Atomic.set("a", 1))), "VersionConflict")
      yield* failure(first.verify, "LockLost")
      yield* store.commit(Atomic.make.pipe(Atomic.fencedBy(second), Atomic.set("a", 2)))
    })
  ),
  lock("a lock that expired is free, and its holder's release says so", (store, harness) =>
    Effect.gen(function* () {
      const lease = yield* acquire(store, "a", { lease: "1 hour" })
      // As if the holder had been away: nobody renews it.
      yield* store.expire(lease.lock, "1 milli")
      yield* harness.advance(1)
      yield* failure(store.commit(Atomic.make.pipe(Atomic.fencedBy(lease), Atomic.set("a", 1))), "VersionConflict")
      assert.equal((yield* failure(lease.verify, "LockLost")).reason, "expired")
      assert.deepEqual(yield* lease.release, { _tag: "Expired" })
    })
  ),
  lock("a release frees nobody else's lock", (store, harness) =>
    Effect.gen(function* () {
      const lost = yield* acquire(store, "a", { lease: "1 hour" })
      yield* store.expire(lost.lock, "1 milli")
      yield* harness.advance(1)
      const version = yield* store.set(lost.lock, { holder: "somebody else" }, { ttl: "1 hour", ifVersion: "absent" })
      assert.deepEqual(yield* lost.release, { _tag: "TakenOver" })
      assert.equal((yield* failure(lost.verify, "LockLost")).reason, "taken-over")
      yield* store.commit(Atomic.make.pipe(Atomic.fencedBy({ lock: lost.lock, token: version })))
    })
  ),
  lock("a lock that another process holds is not taken", (store) =>
    Effect.gen(function* () {
      const { lock } = yield* Effect.scoped(acquire(store, "a", {}))
      yield* store.set(lock, { holder: "another process" }, { ttl: "1 hour" })
      yield* failure(Effect.scoped(acquire(store, "a", { wait: 0 })), "LockTimeout")
      yield* store.delete(lock)
      yield* Effect.scoped(acquire(store, "a", { wait: 0 }))
    })
  ),
  lock("a held lock is waited for no longer than one is willing to", (store) =>
    Effect.gen(function* () {
      const held = yield* acquire(store, "a", {})
      const error = yield* failure(Effect.scoped(acquire(store, "a", { wait: 0 })), "LockTimeout")
      assert.equal(error.waitMs, 0)
      yield* held.release
      yield* Effect.scoped(acquire(store, "a", { wait: 0 }))
    })
  ),
  lock("an interrupted holder frees the lock, and so does an interrupted waiter's scope", (store) =>
    Effect.gen(function* () {
      const inside = yield* Deferred.make<void>()
      const holder = yield* Effect.fork(
        withLock(store, "a")(Effect.zipRight(Deferred.succeed(inside, undefined), Effect.never))
      )
      yield* Deferred.await(inside)
      const waiter = yield* Effect.fork(withLock(store, "a")(Effect.void))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiter)
      yield* Fiber.interrupt(holder)
      yield* withLock(store, "a", { wait: 0 })(Effect.void)
    })
  ),
  lock("a scope that closes frees its locks, of many keys", (store) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      for (const key of ["a", "b", "c"]) yield* Effect.provideService(acquire(store, key, {}), Scope.Scope, scope)
      yield* failure(Effect.scoped(acquire(store, "b", { wait: 0 })), "LockTimeout")
      yield* Scope.close(scope, Exit.void)
      for (const key of ["a", "b", "c"]) yield* withLock(store, key, { wait: 0 })(Effect.void)
    })
  ),
  lock("bad options, and bad keys, are typed errors", (store) =>
    Effect.gen(function* () {
      for (const lease of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        assert.equal((yield* failure(withLock(store, "a", { lease })(Effect.void), "InvalidOption")).option, "lease")
      }
      yield* failure(withLock(store, "")(Effect.void), "InvalidKey")
      yield* failure(withLock(store, "\0")(Effect.void), "InvalidKey")
    })
  )
]
