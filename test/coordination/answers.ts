/** Caches of answers, for the tests. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { Cached, MemoryStore, StateStore } from "effect-state"

export const Answer = Schema.Struct({ at: Schema.Date, n: Schema.Number })
export type Answer = typeof Answer.Type

export class Down extends Schema.TaggedError<Down>()("Down", { n: Schema.Number }) {}

export type Lookup = (key: string) => Effect.Effect<Answer, Down>
export type Options = Omit<
  Cached.Options<string, Answer, typeof Answer.Encoded, Down, never, never, typeof Down.Encoded>,
  "schema" | "key" | "lookup"
>

/** A cache of numbered answers; each `open` is another process's. */
export const open = (lookup: Lookup, options: Partial<Options> = {}) =>
  Cached.make("answers", { schema: Answer, key: (key: string) => key, lookup, ttl: "1 minute", ...options })

/** Lookups that count themselves, and take as long as they are told. */
export const counting = (take: (n: number) => Effect.Effect<void, Down> = () => Effect.void) =>
  Effect.map(Ref.make(0), (count) => ({
    count: Ref.get(count),
    lookup: () =>
      Effect.gen(function* () {
        const n = yield* Ref.updateAndGet(count, (n) => n + 1)
        yield* take(n)
        return { at: new Date(n), n }
      })
  }))

export const numberOf = (effect: Effect.Effect<Answer, Down | Cached.CachedError>) => Effect.map(effect, ({ n }) => n)

/** Lets time go by in small steps until a fiber is done. */
export const finish = <A, E>(fiber: Fiber.RuntimeFiber<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(Fiber.poll(fiber), (exit) =>
    Option.isSome(exit) ? exit.value : Effect.zipRight(TestClock.adjust("10 millis"), finish(fiber))
  )

/** Lets every fiber go on until it waits for something that only time or the test brings. */
export const settle = TestClock.adjust(0)

export const lease = (key: string) =>
  Effect.flatMap(StateStore.StateStore, (store) => store.namespace("answers").exists(`l:${key}`))

export const test = (name: string, body: Effect.Effect<void, unknown, StateStore.StateStore | Scope.Scope>) =>
  it.scoped(name, () => Effect.provide(body, MemoryStore.layer()))
