/**
 * Named counters: every increment counts, and counts once, whoever else counts at the same time.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Codec } from "../../store/Codec.ts"
import type { Entry } from "../../store/Entry.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { Page, PageOptions } from "../../store/Reads.ts"
import type { DecodeError, NotInteger, ReadError, WriteError } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import * as SchemaCodec from "../SchemaCodec.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options extends Namespace.Options {
  /** The segment of the namespace. Default: the tag's id. */
  readonly namespace?: string | undefined
  /** Default: JSON text, whatever the parent's is, since the store itself adds to counters. One that encrypts can't read them. */
  readonly codec?: Codec | undefined
}

/**
 * A counter that has counted.
 *
 * @since 0.1.0
 * @category models
 */
export interface Count {
  readonly name: string
  readonly value: number
}

/**
 * Counters of safe integers by their names, each 0 until it counts. With a `ttl`, a counter starts again that long after its
 * first increment: counting does not prolong it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Counter {
  /** Adds to a counter, one unless told otherwise, and gives the sum. What leaves the safe integers is `NotInteger`. */
  readonly increment: (name: string, by?: number) => Effect.Effect<number, WriteError | NotInteger>
  /** Takes away from a counter, one unless told otherwise, and gives the rest, which may be negative. */
  readonly decrement: (name: string, by?: number) => Effect.Effect<number, WriteError | NotInteger>
  /** How far a counter has counted. */
  readonly get: (name: string) => Effect.Effect<number, ReadError>
  /** Removes a counter, which is 0 then, and tells whether it was there. */
  readonly reset: (name: string) => Effect.Effect<boolean, WriteError>
  /** Some counters, in the order of their names. */
  readonly list: (options?: PageOptions<"fail">) => Effect.Effect<Page<Count>, ReadError>
  /** All counters, read page by page. */
  readonly stream: Stream.Stream<Count, ReadError>
  /** Removes all counters, and gives their number. */
  readonly clear: Effect.Effect<number, ReadError | WriteError>
  /** The namespace that the counters lie in: `Atomic.add(store.key(name), 1)` counts in a commit. */
  readonly store: StateStore.Service
}

/**
 * Counters in a store.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  id: string,
  { namespace, ...options }: Options = {}
): Effect.Effect<Counter, never, StateStore.StateStore> =>
  Effect.gen(function* () {
    const store = (yield* StateStore.StateStore).namespace(namespace ?? id, options).withCodec(options.codec) // The parent's is not inherited: the store itself adds to counters, in plain text.
    const { decode } = yield* SchemaCodec.make(Schema.Int)
    const toCount = ({ key, value }: Entry): Effect.Effect<Count, DecodeError> =>
      Effect.map(decode(Namespace.label(store.key(key)), value), (value) => ({ name: key, value }))
    return {
      increment: (name, by = 1) => store.add(name, by),
      decrement: (name, by = 1) => store.add(name, -by),
      get: (name) =>
        Effect.flatMap(
          store.get(name),
          Option.match({
            onNone: () => Effect.succeed(0),
            onSome: (entry) => Effect.map(toCount(entry), ({ value }) => value)
          })
        ),
      reset: (name) => store.delete(name),
      list: (options) =>
        Effect.flatMap(store.page({}, options), ({ entries, next }) =>
          Effect.map(Effect.forEach(entries, toCount), (entries) => ({ entries, next }))
        ),
      stream: Stream.mapEffect(store.entries({}), toCount),
      clear: store.clear({}),
      store
    }
  })

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string> extends Context.TagClass<Self, Id, Counter> {
  readonly layer: Layer.Layer<Self, never, StateStore.StateStore>
}

/**
 * A class that is the tag of some counters, with its layer.
 *
 * ```ts
 * import { Counter, MemoryStore } from "effect-state"
 * import { Effect, Layer } from "effect"
 *
 * class Visits extends Counter.Tag<Visits>()("Visits") {}
 *
 * const program = Effect.gen(function* () {
 *   const visits = yield* Visits
 *   yield* visits.increment("/home")
 *   yield* visits.increment("/home", 2)
 *   return yield* visits.get("/home") // 3
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Visits.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <const Id extends string>(id: Id, options?: Options): TagClass<Self, Id> => {
    const base = Context.Tag(id)<Self, Counter>()
    return Object.assign(base, { layer: Layer.effect(base, make(id, options)) })
  }
