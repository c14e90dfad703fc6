/**
 * What a store tells about itself: log events, metrics, spans. A store without telemetry is not wrapped, and pays nothing.
 *
 * Nothing here ever shows a value, nor a key that its namespace declared secret: those are shown as a hash.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AtomicKey, Step } from "./Atomic.ts"
import { type FullKey, isFullKey } from "./Key.ts"
import * as Namespace from "./Namespace.ts"
import type { Service } from "./StateStore.ts"
import { type Event, type Instrument, log, make as makeRecorder, type Options } from "./TelemetryRecorder.ts"
import * as View from "./View.ts"

export type { Options } from "./TelemetryRecorder.ts"

/**
 * Makes observed services of views, by a function that makes plain ones.
 *
 * @since 0.1.0
 * @category constructors
 */
export const observing = (
  plain: (view: View.View) => Service,
  backend: string,
  options: Options
): ((view: View.View) => Service) => {
  const recorder = makeRecorder(backend, options)
  const observed = (view: View.View): Service => observe(view, plain, observed, recorder)
  return observed
}

/**
 * The event of a store that was made.
 *
 * @since 0.1.0
 * @category logging
 */
export const initialized = (backend: string): Effect.Effect<void> => log(backend, { name: "store_initialized" })

/** What was encoded during one call, by key; the last attempt counts. */
type Sizes = Map<string, { readonly key: FullKey; readonly bytes: number }>

const observe = (
  view: View.View,
  plain: (view: View.View) => Service,
  observed: (view: View.View) => Service,
  record: Instrument
): Service => {
  const store = plain(view)
  const full = (key: AtomicKey): FullKey => (isFullKey(key) ? key : store.key(key))
  const about = (name: Event["name"], key: AtomicKey, size?: number): Event => ({
    name,
    namespace: full(key).namespace.path,
    key: Namespace.label(full(key)),
    size
  })
  const listed = (count: number): Event => ({ name: "states_listed", namespace: view.namespace.path, count })
  const presence = (name: Event["name"], key: AtomicKey) => (there: boolean) =>
    about(there ? name : "state_not_found", key)

  /** Runs a call whose values' sizes are wanted, if they are logged: to know them takes a service of its own. */
  const sized = <A, E, R>(
    call: (store: Service, sizes: Sizes) => Effect.Effect<A, E, R>,
    operation: string,
    events: (result: A, sizes: Sizes) => ReadonlyArray<Event>
  ): Effect.Effect<A, E, R> =>
    Effect.withFiberRuntime<A, E, R>((fiber) => {
      const sizes: Sizes = new Map()
      const onEncoded = (key: FullKey, bytes: number) => sizes.set(key.text, { key, bytes })
      const through = record.isLogged(fiber) ? plain({ ...view, onEncoded }) : store
      return record(operation, view.namespace.path, call(through, sizes), (result) => events(result, sizes))
    })
  const saved = (sizes: Sizes) => Array.from(sizes.values(), ({ bytes, key }) => about("state_saved", key, bytes))

  const single = <A, E, R>(
    operation: string,
    effect: Effect.Effect<A, E, R>,
    event: (result: A) => Event | undefined = () => undefined
  ) =>
    record(operation, view.namespace.path, effect, (result) => [event(result)].filter((event) => event !== undefined))

  const stream = <A, E, R>(operation: string, self: Stream.Stream<A, E, R>): Stream.Stream<A, E, R> =>
    Stream.suspend(() => {
      const startedMs = performance.now()
      let count = 0
      const counted = Stream.mapChunks(self, (chunk) => {
        count += chunk.length
        return chunk
      })
      return Stream.ensuringWith(counted, (exit) => record.settle(operation, startedMs, exit, () => [listed(count)]))
    })

  return {
    ...store,
    get: (key) =>
      single("get", store.get(key), (found) => about(Option.isSome(found) ? "state_loaded" : "state_not_found", key)),
    getMany: (keys, options) =>
      record("getMany", view.namespace.path, store.getMany(keys, options), (items) =>
        items.flatMap((item, i) => {
          const there = isThere(item)
          return there === undefined ? [] : [presence("state_loaded", keys[i] ?? "")(there)]
        })
      ),
    exists: (key) => single("exists", store.exists(key)),
    // As the plain one: the overloads say what it fails with.
    set: ((key, value, options) =>
      sized(
        (store) => store.set(key, value, options ?? {}),
        "set",
        (_, sizes) => saved(sizes)
      )) as Service["set"],
    setMany: (items) =>
      sized(
        (store) => store.setMany(items),
        "setMany",
        (_, sizes) => saved(sizes)
      ),
    // Likewise.
    delete: ((key, options) =>
      single("delete", store.delete(key, options ?? {}), presence("state_deleted", key))) as Service["delete"],
    deleteMany: (keys) =>
      record("deleteMany", view.namespace.path, store.deleteMany(keys), (results) =>
        results.map((there, i) => presence("state_deleted", keys[i] ?? "")(there))
      ),
    expire: (key, ttl, options) =>
      single("expire", store.expire(key, ttl, options), (there) => (there ? undefined : about("state_not_found", key))),
    persist: (key) =>
      single("persist", store.persist(key), (there) => (there ? undefined : about("state_not_found", key))),
    modify: (key, f) =>
      Effect.suspend(() => {
        let deleted = false
        return sized(
          (store, sizes) =>
            store.modify(key, (current) => {
              sizes.clear()
              return Effect.tap(f(current), ([, { _tag }]) => {
                deleted = _tag === "Delete" && Option.isSome(current)
              })
            }),
          "modify",
          (_, sizes) => (deleted ? [about("state_deleted", key)] : saved(sizes))
        )
      }),
    add: (key, delta) => single("add", store.add(key, delta), () => about("state_saved", key)),
    commit: (atomic) =>
      sized(
        (store) => store.commit(atomic),
        "commit",
        ({ results }, sizes) => [
          ...saved(sizes),
          ...atomic.steps
            .filter((step) => step._tag !== "Check")
            .flatMap((step, i) => change(step, results[i] === true, about))
        ]
      ),
    page: (range, options) => single("page", store.page(range, options), ({ entries }) => listed(entries.length)),
    entries: (range, options) => stream("entries", store.entries(range, options)),
    keys: (pattern) => stream("keys", store.keys(pattern)),
    count: (range) => single("count", store.count(range), listed),
    clear: (range) =>
      single("clear", store.clear(range), (count) => ({
        name: "state_deleted",
        namespace: view.namespace.path,
        count
      })),
    namespace: (segment, options) => observed(View.child(view, segment, options)),
    withCodec: (codec) => observed(View.withCodec(view, codec)),
    ping: single("ping", store.ping),
    sweep: single("sweep", store.sweep)
  }
}

/** What a commit did besides writing values. */
const change = (
  step: Step,
  wasThere: boolean,
  about: (name: Event["name"], key: AtomicKey) => Event
): ReadonlyArray<Event> => {
  if (step._tag === "Add") return [about("state_saved", step.key)]
  return step._tag === "Delete" && wasThere ? [about("state_deleted", step.key)] : []
}

/** What an item of `getMany` is, whatever `onInvalid` makes of it; `undefined` where it can't be decoded. */
const isThere = (item: unknown): boolean | undefined => {
  if (Option.isOption(item)) return Option.isSome(item)
  return Either.isEither(item) && Either.isRight(item) ? isThere(item.right) : undefined
}
