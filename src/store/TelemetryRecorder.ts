/**
 * Where events, metrics and spans go.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/**
 * What a store is to tell.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /**
   * Events at debug level: `store_initialized`, `state_saved` with its size in bytes, `state_loaded`, `state_not_found`,
   * `state_deleted`, `states_listed`, and `state_failed` with the error's tag. Default `true`.
   */
  readonly logs?: boolean | undefined
  /**
   * The counter `effect_state_operations_total` and the histogram `effect_state_operation_duration_ms`, by `operation`,
   * `backend` and `outcome` (`ok`, `interrupted`, `defect`, or the error's tag, `failed` where it has none). Default `true`.
   */
  readonly metrics?: boolean | undefined
  /** A span for each call, `StateStore.<operation>`, with the backend and the namespace. Default `false`. */
  readonly spans?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Event {
  readonly name:
    | "store_initialized"
    | "state_saved"
    | "state_loaded"
    | "state_not_found"
    | "state_deleted"
    | "states_listed"
    | "state_failed"
  readonly namespace?: string | undefined
  /** As errors show it: a secret one is hashed. */
  readonly key?: string | undefined
  /** The bytes of the value as it is stored. */
  readonly size?: number | undefined
  readonly count?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Instrument {
  /** A call, observed; the events are asked for only where they are logged. */
  <A, E, R>(
    operation: string,
    namespace: string,
    effect: Effect.Effect<A, E, R>,
    events: (result: A) => ReadonlyArray<Event>
  ): Effect.Effect<A, E, R>
  /** Whether a fiber's events are logged. */
  readonly isLogged: (fiber: Fiber.RuntimeFiber<unknown, unknown>) => boolean
  /** What a call that began at a time of `performance.now()` has become. */
  readonly settle: <A>(
    operation: string,
    startedMs: number,
    exit: Exit.Exit<A, unknown>,
    events: (result: A) => ReadonlyArray<Event>
  ) => Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (backend: string, { logs = true, metrics = true, spans = false }: Options): Instrument => {
  const update = metrics ? meters(backend) : undefined
  const settle: Instrument["settle"] = (operation, startedMs, exit, events) => {
    update?.(operation, outcomeOf(exit), performance.now() - startedMs)
    return logs
      ? Effect.withFiberRuntime((fiber) => (isLogged(fiber) ? logAll(backend, operation, exit, events) : Effect.void))
      : Effect.void
  }
  const instrument = <A, E, R>(
    operation: string,
    namespace: string,
    effect: Effect.Effect<A, E, R>,
    events: (result: A) => ReadonlyArray<Event>
  ): Effect.Effect<A, E, R> => {
    const observed = Effect.suspend(() => {
      const startedMs = performance.now()
      return Effect.onExit(effect, (exit) => settle(operation, startedMs, exit, events))
    })
    return spans
      ? Effect.withSpan(observed, `StateStore.${operation}`, {
          kind: "client",
          attributes: { backend, namespace, operation },
          captureStackTrace: false
        })
      : observed
  }
  return Object.assign(instrument, { settle, isLogged: logs ? isLogged : () => false })
}

/**
 * Logs an event at debug level.
 *
 * @since 0.1.0
 * @category logging
 */
export const log = (backend: string, { name, ...details }: Event): Effect.Effect<void> =>
  Effect.annotateLogs(Effect.logDebug(name), {
    backend,
    ...Object.fromEntries(Object.entries(details).filter(([, detail]) => detail !== undefined))
  })

/** Most programs log from the level of information up: then no event is made. */
const isLogged: Instrument["isLogged"] = (fiber) =>
  LogLevel.lessThanEqual(fiber.getFiberRef(FiberRef.currentMinimumLogLevel), LogLevel.Debug)

const logAll = <A>(
  backend: string,
  operation: string,
  exit: Exit.Exit<A, unknown>,
  events: (result: A) => ReadonlyArray<Event>
): Effect.Effect<void> =>
  Exit.isSuccess(exit)
    ? Effect.forEach(events(exit.value), (event) => log(backend, event), { discard: true })
    : Effect.annotateLogs(Effect.logDebug("state_failed"), { backend, operation, error: outcomeOf(exit) })

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  const failure = Cause.failureOption(exit.cause)
  if (Option.isNone(failure)) return Cause.isInterruptedOnly(exit.cause) ? "interrupted" : "defect"
  const error = failure.value
  return Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" ? error._tag : "failed"
}

/** From a tenth of a millisecond to about three seconds. */
const boundaries = MetricBoundaries.exponential({ start: 0.1, factor: 2, count: 16 })

/** Each combination of tags is made once: a call looks up two names. */
const meters = (backend: string) => {
  const byOperation = new Map<string, Map<string, (ms: number) => void>>()
  const meter = (operation: string, outcome: string) => {
    const labels = Object.entries({ operation, backend, outcome }).map(([key, value]) => MetricLabel.make(key, value))
    const counter = Metric.fromMetricKey(
      MetricKey.taggedWithLabels(
        MetricKey.counter("effect_state_operations_total", {
          description: "Calls of the state store",
          incremental: true
        }),
        labels
      )
    )
    const histogram = Metric.fromMetricKey(
      MetricKey.taggedWithLabels(
        MetricKey.histogram(
          "effect_state_operation_duration_ms",
          boundaries,
          "How long calls of the state store take, in milliseconds"
        ),
        labels
      )
    )
    return (ms: number) => {
      counter.unsafeUpdate(1, [])
      histogram.unsafeUpdate(ms, [])
    }
  }
  return (operation: string, outcome: string, ms: number): void => {
    const known = byOperation.get(operation)?.get(outcome)
    const update = known ?? meter(operation, outcome)
    if (known === undefined) byOperation.set(operation, new Map(byOperation.get(operation)).set(outcome, update))
    update(ms)
  }
}
