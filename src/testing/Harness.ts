/**
 * What a case has besides its store: more stores like it, and power over time.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import type { Backend } from "../store/Backend.ts"
import { inRealTime } from "../store/RealTime.ts"
import * as StateStore from "../store/StateStore.ts"

/**
 * What is tested: how a backend's store is made, and whose clock it lives by.
 *
 * @since 0.1.0
 * @category models
 */
export interface Subject<out E = unknown> {
  /**
   * The layer that users provide, made with `StateStore.make` or `layerFromBackend`. Each build may be a new store, or a new
   * connection to the same one.
   */
  readonly layer: (options: StateStore.Options) => Layer.Layer<StateStore.StateStore, E>
  /** `"test"`: Effect's `Clock`, which tests move. `"server"`: a clock of its own, which tests wait for. */
  readonly clock: "test" | "server"
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly clock: Subject["clock"]
  /**
   * Another store in the case's namespace, for options of its own, and for a scope of its own. Whether it shows the same
   * entries is up to the subject.
   */
  readonly open: (options?: StateStore.Options) => Effect.Effect<StateStore.Service, unknown, Scope.Scope>
  /** A backend, and a store over it in the case's namespace. */
  readonly openBackend: Effect.Effect<
    { readonly backend: Backend; readonly store: StateStore.Service },
    unknown,
    Scope.Scope
  >
  /** The store's clock, in milliseconds since the epoch. */
  readonly nowMs: Effect.Effect<number, unknown>
  /** Lets so many milliseconds go by on the store's clock, if not more. */
  readonly advance: (ms: number) => Effect.Effect<void, unknown>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class Harness extends Context.Tag("effect-state/testing/Harness")<Harness, Service>() {}

/**
 * Runs an effect on a store of the subject, in a namespace that nobody else has: under a fresh `TestClock` if the subject
 * lives by it, else in real time.
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E>(
  subject: Subject,
  effect: Effect.Effect<A, E, StateStore.StateStore | Harness | Scope.Scope>
): Effect.Effect<A, unknown> => {
  const program = Effect.scoped(
    Effect.flatMap(make(subject), ({ harness, store }) =>
      effect.pipe(Effect.provideService(StateStore.StateStore, store), Effect.provideService(Harness, harness))
    )
  )
  return subject.clock === "test"
    ? Effect.provide(Effect.zipRight(TestClock.setTime(testEpochMs), program), TestContext.TestContext)
    : program
}

const make = (subject: Subject) =>
  Effect.gen(function* () {
    const segment = `t${crypto.randomUUID().slice(0, 8)}`
    // Where placement matters, a case's keys can be committed together.
    const own = (store: StateStore.Service) => store.namespace(segment, { placement: "namespace" })
    const build = (options: StateStore.Options) =>
      Effect.map(Layer.build(subject.layer(options)), (context) => Context.get(context, StateStore.StateStore))
    const open = (options: StateStore.Options = {}) => Effect.map(build(options), own)
    const store = yield* open()
    const nowMs = Effect.map(store.stats, (stats) => stats.nowMs)
    const harness: Service = {
      clock: subject.clock,
      open,
      openBackend: Effect.gen(function* () {
        const root = yield* build({ sweep: false })
        return { backend: yield* StateStore.backendOf(root), store: own(root) }
      }),
      nowMs,
      advance: (ms) =>
        subject.clock === "test"
          ? TestClock.adjust(ms)
          : // A server may count parts of milliseconds that it doesn't tell.
            Effect.flatMap(nowMs, (startMs) => waitUntil(nowMs, startMs + ms + 1))
    }
    return { harness, store }
  })

const waitUntil = (nowMs: Effect.Effect<number, unknown>, ms: number): Effect.Effect<void, unknown> =>
  Effect.flatMap(nowMs, (now) =>
    now >= ms ? Effect.void : Effect.zipRight(Effect.sleep(Math.max(1, Math.min(20, ms - now))), waitUntil(nowMs, ms))
  ).pipe(inRealTime)

/** Some time that looks like today: a test must not begin in 1970, where zero is a time. */
const testEpochMs = Date.UTC(2026, 0, 1)
