/**
 * Interrupting a fiber at any point leaves no connection, lock or transaction behind, and harms nobody else.
 *
 * Each operation runs again and again, and is interrupted one point later each time, until it gets through. The store's
 * other callers come in the same tick, so that they share its batches.
 */
import { SqlClient } from "@effect/sql"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { StateStore } from "effect-state"
import { joinedOperations, lasting, type Operation, operations } from "./interruption/Operations.ts"
import { everyPoint, interruptAt, isExhaustive, type Point, soon } from "./interruption/Points.ts"
import { type World, worlds } from "./interruption/Worlds.ts"

/** A caller who has nothing to do with the one that is interrupted. */
const neighbour = (store: StateStore.Service, key: string) =>
  Effect.gen(function* () {
    const [seen] = yield* Effect.all([store.get(lasting), store.set(key, key)], { concurrency: 2 })
    assert.strictEqual(Option.getOrThrow(seen).value, lasting)
    assert.strictEqual(Option.getOrThrow(yield* store.get(key)).value, key)
  })

const timeoutMs = isExhaustive ? 3_600_000 : 180_000

let ids = 0

/** Every wait; and of the operations in between as many as there is time for, most of them where nobody is asked. */
const density = (name: string) => (name === "memory" ? { denseMax: 30, stride: 13 } : { denseMax: 4, stride: 29 })

/** Interrupts an operation at a point among its neighbours; tells whether it came to that point. */
const tryAt = (store: StateStore.Service, world: World, operation: Operation) => (point: Point) =>
  Effect.gen(function* () {
    const id = `id${ids++}`
    const trial = yield* operation(id)
    const before = yield* Effect.fork(neighbour(store, `${id}:before`))
    const trying = yield* Effect.fork(interruptAt(point, trial.run))
    const behind = yield* Effect.fork(neighbour(store, `${id}:behind`))
    const { exit, reached } = yield* Fiber.join(trying)
    yield* soon(Fiber.joinAll([before, behind]), "a neighbour waits for ever")
    if (Exit.isFailure(exit)) assert.isTrue(Exit.isInterrupted(exit), `it fails: ${exit.cause}`)
    if (!reached) assert.isTrue(Exit.isSuccess(exit), "it does not get through")
    yield* soon(trial.after ?? Effect.void, "what it did can't be looked at")
    yield* world.idle
    yield* soon(neighbour(store, `${id}:after`), "the store does not answer any more")
    return reached
  }).pipe(Effect.mapError((error) => new Error(`interrupted at ${point.at} ${point.n}: ${error}`, { cause: error })))

/** Interrupts each operation at each of its points. */
const tryAll = (name: string, store: StateStore.Service, world: World, all: Readonly<Record<string, Operation>>) =>
  Effect.forEach(Object.entries(all), ([operationName, operation]) =>
    Effect.gen(function* () {
      const points = yield* everyPoint(tryAt(store, world, operation), density(name))
      assert.isAbove(points, 0, operationName)
    }).pipe(Effect.mapError((error) => new Error(`${operationName}, ${error.message}`, { cause: error })))
  )

for (const [name, makeWorld] of Object.entries(worlds)) {
  describe(`Interrupted at every point, on ${name}`, () => {
    it.scopedLive(
      "a call leaves nothing behind, and harms nobody",
      () =>
        Effect.gen(function* () {
          const world = yield* makeWorld
          const store = Context.get(yield* Layer.build(world.layer), StateStore.StateStore)
          yield* store.set(lasting, lasting)
          const all = yield* Effect.provideService(operations(store), StateStore.StateStore, store)
          yield* tryAll(name, store, world, all)
        }),
      timeoutMs
    )

    it.scopedLive(
      "building a store leaves nothing behind",
      () =>
        Effect.gen(function* () {
          const world = yield* makeWorld
          const tryBuilding = (point: Point) =>
            Effect.gen(function* () {
              const build = Effect.scoped(Layer.build(world.layer))
              const { exit, reached } = yield* interruptAt(point, (watch) => watch(build))
              assert.isTrue(Exit.isSuccess(exit) || Exit.isInterrupted(exit), `it fails: ${exit}`)
              yield* world.left
              return reached
            }).pipe(
              Effect.mapError((error) => new Error(`interrupted at ${point.at} ${point.n}: ${error}`, { cause: error }))
            )
          const points = yield* everyPoint(tryBuilding, { denseMax: 4, stride: 31 })
          yield* Effect.scoped(
            Effect.flatMap(Layer.build(world.layer), (context) =>
              Context.get(context, StateStore.StateStore).set("a", 1)
            )
          )
          assert.isAbove(points, 0)
        }),
      timeoutMs
    )
  })
}

for (const [name, makeWorld] of Object.entries(worlds)) {
  if (!name.includes(" on an app's ")) continue
  it.scopedLive(
    `Interrupted at every point, on ${name}, a call is undone with the app's transaction`,
    () =>
      Effect.gen(function* () {
        const world = yield* makeWorld
        if (world.joined === undefined) return assert.fail("it has no client")
        const context = yield* Layer.build(world.joined)
        const store = Context.get(context, StateStore.StateStore)
        yield* store.set(lasting, lasting)
        const all = yield* joinedOperations(store, Context.get(context, SqlClient.SqlClient))
        yield* tryAll(name, store, world, all)
      }),
    timeoutMs
  )
}
