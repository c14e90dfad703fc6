/**
 * The service that programs are written against. A backend's layer decides where the state lives.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Atomic, AtomicKey, ExpireOptions, Refusal, WriteOptions } from "./Atomic.ts"
import type { Backend, Info } from "./Backend.ts"
import type { Change, Cursor } from "./Change.ts"
import * as Coalescer from "./Coalescer.ts"
import type { Codec } from "./Codec.ts"
import * as Copy from "./Copy.ts"
import type { Entry } from "./Entry.ts"
import type { FullKey } from "./Key.ts"
import type { KeyRange } from "./KeyRange.ts"
import * as Modification from "./Modification.ts"
import * as Namespace from "./Namespace.ts"
import * as Reads from "./Reads.ts"
import {
  type BatchError,
  InvalidOption,
  type InvalidTtl,
  type NotInteger,
  type ReadError,
  type StoreError,
  Unsupported,
  type VersionConflict,
  type WriteError
} from "./StateError.ts"
import * as Sweeper from "./Sweeper.ts"
import * as Telemetry from "./Telemetry.ts"
import * as Ttl from "./Ttl.ts"
import * as Turns from "./Turns.ts"
import type { Version } from "./Version.ts"
import * as View from "./View.ts"
import * as Writes from "./Writes.ts"

export type { Copied } from "./Copy.ts"
export { type Item, type OnInvalid, type Page, type PageOptions, pageLimitMax } from "./Reads.ts"
export type { Committed, SetItem, SetOptions } from "./Writes.ts"

/**
 * Durable, typed state. Every method checks what it is given before anything is sent, and fails with typed errors only.
 * An expired entry counts as absent everywhere. Where a full key is taken, it may lie in any namespace of the same store; one
 * of another store is a `StoreMismatch`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The entry under a key. */
  readonly get: (key: AtomicKey) => Effect.Effect<Option.Option<Entry>, ReadError>
  /** The entries under some keys, in their order; each is read for itself. `onInvalid` defaults to `"fail"`. */
  readonly getMany: <Invalid extends Reads.OnInvalid = "fail">(
    keys: ReadonlyArray<AtomicKey>,
    options?: { readonly onInvalid?: Invalid | undefined }
  ) => Effect.Effect<ReadonlyArray<Reads.Item<Option.Option<Entry>, Invalid>>, ReadError>
  /** Whether there is an entry. */
  readonly exists: (key: AtomicKey) => Effect.Effect<boolean, ReadError>
  /** Writes a value, and gives the version it has now; with `ifVersion` only if the key is at that version, or absent. */
  readonly set: {
    (
      key: AtomicKey,
      value: unknown,
      options?: WriteOptions & { readonly ifVersion?: undefined }
    ): Effect.Effect<Version, WriteError>
    (key: AtomicKey, value: unknown, options: Writes.SetOptions): Effect.Effect<Version, WriteError | VersionConflict>
  }
  /** Writes values, each for itself. `BatchError` has each one's result. */
  readonly setMany: (items: ReadonlyArray<Writes.SetItem>) => Effect.Effect<ReadonlyArray<Version>, BatchError<Version>>
  /** Removes an entry, and tells whether there was one. */
  readonly delete: {
    (key: AtomicKey, options?: { readonly ifVersion?: undefined }): Effect.Effect<boolean, WriteError>
    (
      key: AtomicKey,
      options: { readonly ifVersion?: Version | undefined }
    ): Effect.Effect<boolean, WriteError | VersionConflict>
  }
  /** Removes entries, each for itself. `BatchError` has each one's result. */
  readonly deleteMany: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<boolean>, BatchError<boolean>>
  /** Sets how long a live entry lives from now, and tells whether there is one. Version and `updatedAt` stay. */
  readonly expire: (
    key: AtomicKey,
    ttl: Duration.DurationInput,
    options?: ExpireOptions
  ) => Effect.Effect<boolean, WriteError>
  /** Lets a live entry live for ever, and tells whether there is one. Version and `updatedAt` stay. */
  readonly persist: (key: AtomicKey) => Effect.Effect<boolean, WriteError>
  /**
   * One atomic read-modify-write: shows the current entry to a function, and does what it decides. If another writer comes
   * in between, the function runs again, up to `Modification.attemptsMax` times; then it is a `VersionConflict`.
   */
  readonly modify: <A, E, R>(
    key: AtomicKey,
    f: (current: Option.Option<Entry>) => Effect.Effect<readonly [A, Modification.Modification], E, R>
  ) => Effect.Effect<A, E | ReadError | WriteError | VersionConflict, R>
  /** Adds to a counter of safe integers, 0 where absent, and gives the sum. The deadline of a live counter stays. */
  readonly add: (key: AtomicKey, delta: number) => Effect.Effect<number, WriteError | NotInteger>
  /** Makes checks and changes together, or none of them. Only checks conflict, and only adds meet what is no counter. */
  readonly commit: <E extends Refusal>(atomic: Atomic<E>) => Effect.Effect<Writes.Committed, WriteError | E>
  /** Some entries of a range, in the order of their keys' UTF-8 bytes. Pages neither skip nor repeat what was there throughout. */
  readonly page: <Invalid extends Reads.OnInvalid = "fail">(
    range: KeyRange,
    options?: Reads.PageOptions<Invalid>
  ) => Effect.Effect<Reads.Page<Reads.Item<Entry, Invalid>>, ReadError>
  /** The entries of a range, read page by page. */
  readonly entries: <Invalid extends Reads.OnInvalid = "fail">(
    range: KeyRange,
    options?: Omit<Reads.PageOptions<Invalid>, "limit">
  ) => Stream.Stream<Reads.Item<Entry, Invalid>, ReadError>
  /** The keys that match a pattern (see `Pattern`), in order; its literal start bounds what is looked at. */
  readonly keys: (pattern: string) => Stream.Stream<string, ReadError>
  /** How many entries a range has. */
  readonly count: (range: KeyRange) => Effect.Effect<number, ReadError>
  /** Removes a range's entries batch by batch, and gives their number. Not atomic: what is written meanwhile may stay. */
  readonly clear: (range: KeyRange) => Effect.Effect<number, ReadError | WriteError>
  /** The changes of a range from now on, or from a cursor. No backend offers it yet: it fails with `Unsupported`. */
  readonly watch: (
    range: KeyRange,
    options?: { readonly from?: Cursor | undefined }
  ) => Stream.Stream<Change, ReadError>
  /**
   * A part of the keyspace of its own, disjoint from this one and from all others. A segment is what a key may be, but begins
   * with no `~`: those are kept for what this library lays beside a namespace's keys (locks, histories, quarantines).
   */
  readonly namespace: (segment: string | Namespace.Inner, options?: Namespace.Options) => Service
  /** The same part of the keyspace through another codec; `undefined` is JSON text. */
  readonly withCodec: (codec: Codec | undefined) => Service
  /** A key with its namespace, so that a commit can span the namespaces of one store. */
  readonly key: (local: string) => FullKey
  /** Whether all keys live together, so that one commit can name them all. Only a cluster ever says no. */
  readonly together: (keys: ReadonlyArray<FullKey>) => boolean
  /** The backend's clock and server, and about how many entries there are, and bytes. */
  readonly stats: Effect.Effect<Info & { readonly backend: string }, StoreError>
  /** Whether the store answers. */
  readonly ping: Effect.Effect<void, StoreError>
  /** Removes what is expired now, and gives the number of entries removed. A layer does so by itself, every minute. */
  readonly sweep: Effect.Effect<number, StoreError>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class StateStore extends Context.Tag("effect-state/StateStore")<StateStore, Service>() {}

/**
 * What every backend's layer takes.
 *
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** How long entries live that are written without a time to live of their own. Default: for ever. */
  readonly defaultTtl?: Duration.DurationInput | undefined
  /** How values are stored where a namespace does not say otherwise: see `Codec`. Default: JSON text. */
  readonly codec?: Codec | undefined
  /** The most bytes an encoded value may have, at most (and by default) what the backend takes. */
  readonly valueBytesMax?: number | undefined
  /** How expired entries are removed; `false` leaves it to others. */
  readonly sweep?: Sweeper.Options | false | undefined
  /** How long closing waits for calls under way. Default 10 seconds. */
  readonly closeTimeout?: Duration.DurationInput | undefined
  /** Log events, metrics and spans. Default: none, which costs nothing. */
  readonly telemetry?: Telemetry.Options | false | undefined
}

/**
 * A store over a backend.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  backend: Backend,
  options: Options = {}
): Effect.Effect<Service, InvalidOption | InvalidTtl, Scope.Scope> =>
  Effect.gen(function* () {
    const ttlMs = options.defaultTtl === undefined ? undefined : yield* Ttl.decode(options.defaultTtl)
    const valueBytesMax = yield* checkValueBytesMax(backend, options.valueBytesMax)
    if (Option.isNone(Duration.decodeUnknown(options.closeTimeout ?? 0))) {
      return yield* new InvalidOption({ option: "closeTimeout", reason: "expected a duration" })
    }
    const access = yield* Coalescer.make(backend, options)
    if (options.sweep !== false) yield* Sweeper.start(backend, options.sweep)
    const identity = {}
    Turns.register(identity, backend)
    const namespace = Namespace.root(identity, ttlMs, options.codec)
    const telemetry = options.telemetry === undefined ? false : options.telemetry
    const serve = telemetry === false ? fromView : Telemetry.observing(fromView, backend.name, telemetry)
    const service = serve({ backend, access, namespace, valueBytesMax })
    if (telemetry !== false && telemetry.logs !== false) yield* Telemetry.initialized(backend.name)
    backends.set(service, backend)
    return service
  })

/** Beside the services, not in them: programs have no business with it. */
const backends = new WeakMap<Service, Backend>()

/**
 * The backend of a store, for what is built on backends (another store, a test of this one); `None` for a namespace of a
 * store, and for a service that was made in another way.
 *
 * @since 0.1.0
 * @category backends
 */
export const backendOf = (service: Service): Option.Option<Backend> => Option.fromNullable(backends.get(service))

/**
 * Copies all that a store has into another one, as it is: the values of any codec, versions, times and deadlines. Of each key the
 * later version stays, so that copying again brings what was written since; what was deleted since stays in the copy. Deadlines are
 * kept by the other store's clock. Both have to be whole stores, and not namespaces: else it is an `InvalidOption`. It is
 * `Unsupported` into a store of several `buckets`.
 *
 * @since 0.1.0
 * @category copying
 */
export const copy = (from: Service, to: Service): Effect.Effect<Copy.Copied, StoreError | InvalidOption> =>
  Effect.gen(function* () {
    return yield* Copy.copy(yield* wholeStore("from", from), yield* wholeStore("to", to))
  })

const wholeStore = (option: string, service: Service): Either.Either<Backend, InvalidOption> =>
  Either.fromOption(
    backendOf(service),
    () => new InvalidOption({ option, reason: "expected a store as its layer made it, and no namespace of one" })
  )

/**
 * @since 0.1.0
 * @category layers
 */
export const layerFromBackend = (
  backend: Backend,
  options?: Options
): Layer.Layer<StateStore, InvalidOption | InvalidTtl> => Layer.scoped(StateStore, make(backend, options))

const fromView = (view: View.View): Service => {
  const info = View.reach(view, (backend) => backend.info)
  const failAs = (operation: string) =>
    Effect.mapError((fault: Parameters<typeof View.storeError>[2]) => View.storeError(view, operation, fault))
  return {
    get: (key) => Reads.get(view, key),
    getMany: (keys, options) => Reads.getMany(view, keys, options?.onInvalid),
    exists: (key) => Reads.exists(view, key),
    // Without a check there is no conflict: the overloads say so.
    set: ((key, value, options) => Writes.set(view, key, value, options)) as Service["set"],
    setMany: (items) => Writes.setMany(view, items),
    delete: ((key, options) => Writes.delete(view, key, options)) as Service["delete"],
    deleteMany: (keys) => Writes.deleteMany(view, keys),
    expire: (key, ttl, options) => Writes.expire(view, key, ttl, options),
    persist: (key) => Writes.persist(view, key),
    modify: (key, f) => Modification.modify(view, key, f),
    add: (key, delta) => Writes.add(view, key, delta),
    commit: (atomic) => Writes.commit(view, atomic),
    page: (range, options) => Reads.page(view, range, options),
    entries: (range, options) => Reads.entries(view, range, options),
    keys: (pattern) => Reads.keys(view, pattern),
    count: (range) => Reads.count(view, range),
    clear: (range) => Writes.clear(view, range),
    watch: () =>
      Stream.fail(new Unsupported({ operation: "watch", backend: view.backend.name, reason: "it has no change feed" })),
    namespace: (segment, options) => fromView(View.child(view, segment, options)),
    withCodec: (codec) => fromView(View.withCodec(view, codec)),
    key: (local) => View.fullKey(view, local),
    together: (keys) => View.together(view, keys),
    stats: Effect.map(failAs("stats")(info), (info) => ({ ...info, backend: view.backend.name })),
    ping: Effect.asVoid(failAs("ping")(info)),
    sweep: failAs("sweep")(View.reach(view, (backend) => Sweeper.sweep(backend)))
  }
}

const checkValueBytesMax = (backend: Backend, wanted: number | undefined): Either.Either<number, InvalidOption> => {
  const bytesMax = backend.capabilities.valueBytesMax
  if (wanted === undefined) return Either.right(bytesMax)
  return Number.isInteger(wanted) && wanted >= 1 && wanted <= bytesMax
    ? Either.right(wanted)
    : Either.left(
        new InvalidOption({
          option: "valueBytesMax",
          reason: `expected an integer from 1 to ${bytesMax}, got ${wanted}`
        })
      )
}
