/**
 * Bringing what is stored to the newest version of its schema: entry by entry as it is read, or all at once.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Concurrent from "../../store/Concurrent.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { PageCursor } from "../../store/PageCursor.ts"
import { pageLimitMax } from "../../store/Reads.ts"
import { InvalidOption, type ReadError, type WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as Bulk from "./Bulk.ts"
import * as Quarantine_ from "./Quarantine.ts"
import * as Report_ from "./Report.ts"
import type * as Versioned from "./Versioned.ts"

export { MigrationFailed, NewerVersion } from "./MigrationError.ts"
export type { Quarantine, Quarantined } from "./Quarantine.ts"
export { type Counts, type Failure, failuresMax, type Reason, type Report } from "./Report.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /**
   * The names of the properties that lead to the versioned part of each stored value: `["data"]` for the data of sessions.
   * Default: it is the whole value.
   */
  readonly at?: ReadonlyArray<string> | undefined
  /** How many entries are read, and their position kept, at a time: 1 to 1,000. Default 100. */
  readonly batch?: number | undefined
  /** How many entries of a batch are upgraded at once: 1 or more. Default 16. */
  readonly concurrency?: number | undefined
  /** `false` starts at the first entry, and not where an earlier run of the same job ended. Default `true`. */
  readonly resume?: boolean | undefined
}

/**
 * What a bulk migration can fail with. Then it has done what its last report said, at least, and goes on from there when it is
 * run again.
 *
 * @since 0.1.0
 * @category errors
 */
export type MigrateError = ReadError | WriteError | InvalidOption

/**
 * Upgrades all entries of a namespace (`collection.store`), and reports what became of them.
 *
 * Each is written by compare-and-set with its deadline kept: a concurrent writer wins, and readers never wait. Several
 * programs may run the job at once. After each batch its position is stored beside the entries, so that a job that
 * was interrupted goes on from there; when it has seen them all, the position is removed, and the next run starts anew.
 *
 * ```ts
 * import { Collection, MemoryStore, Migration, Versioned } from "effect-state"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const User = Versioned.make(Schema.Struct({ name: Schema.String }), { unversioned: true })
 *   .next(Schema.Struct({ name: Schema.String, tags: Schema.Array(Schema.String) }), (user) => ({ ...user, tags: [] }))
 *
 * class Users extends Collection.Tag<Users>()("Users", { schema: User }) {}
 *
 * const program = Effect.gen(function* () {
 *   const users = yield* Users
 *   yield* users.store.set("ada", { name: "Ada" })
 *   return yield* Migration.migrateAll(users.store, User) // { upgraded: 1, current: 0, … }
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Users.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category migrating
 */
export const migrateAll = <A, R, P extends Versioned.Past>(
  store: StateStore.Service,
  schema: Versioned.Versioned<A, R, P>,
  options?: Options
): Effect.Effect<Report_.Report, MigrateError, R> =>
  Stream.runFold(progress(store, schema, options), Report_.empty, (_, report) => report)

/**
 * {@link migrateAll}, as a stream of the reports so far: one after each batch, the last one the whole job's.
 *
 * @since 0.1.0
 * @category migrating
 */
export const progress = <A, R, P extends Versioned.Past>(
  store: StateStore.Service,
  schema: Versioned.Versioned<A, R, P>,
  options: Options = {}
): Stream.Stream<Report_.Report, MigrateError, R> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const limit = yield* checkBatch(options.batch ?? 100)
      const atOnceMax = yield* checkConcurrency(options.concurrency ?? 16)
      const at = options.at ?? []
      const codec = yield* SchemaCodec.make<unknown, unknown, R>(
        schema as unknown as Schema.Schema<unknown, unknown, R>
      ) // Erased.
      const quarantine = yield* Quarantine_.make(store)
      const target: Bulk.Target = { store, quarantine, at, isCurrent: schema.isCurrent, codec }
      const position = yield* positionOf(store, [...at, schema.versions.at(-1)].join("/"))

      const batch = ({ after, report }: Progress): Effect.Effect<Progress, MigrateError> =>
        Effect.gen(function* () {
          const page = yield* store.page(KeyRange.all, { limit, after, onInvalid: "either" })
          const results = yield* Concurrent.forEach(
            page.entries,
            atOnceMax,
            Either.match({
              onLeft: (error) => Effect.succeed(Bulk.unreadable(error)),
              onRight: (entry) => Bulk.upgrade(target, entry)
            })
          )
          const done = { after: Option.getOrUndefined(page.next), report: Report_.add(report, results) }
          yield* position.set(done)
          return done
        })

      const start = options.resume === false ? Option.none() : yield* position.get
      return Stream.unfoldEffect(
        Option.some(Option.getOrElse(start, () => beginning)),
        (state: Option.Option<Progress>) =>
          Option.isNone(state)
            ? Effect.succeedNone
            : Effect.map(batch(state.value), (done) =>
                Option.some([done.report, done.after === undefined ? Option.none() : Option.some(done)])
              )
      )
    })
  )

/**
 * The quarantine of a namespace: where {@link migrateAll} puts what no version of the schema takes.
 *
 * @since 0.1.0
 * @category quarantine
 */
export const quarantine = (store: StateStore.Service): Effect.Effect<Quarantine_.Quarantine> => Quarantine_.make(store)

/** How far a job is: all that lies up to `after` is done. */
interface Progress {
  readonly after: PageCursor | undefined
  readonly report: Report_.Report
}

const beginning: Progress = { after: undefined, report: Report_.empty }

const Position = Schema.Struct({ after: Schema.String, counts: Report_.Counts })

/** Where a job keeps its position. Once it has seen the last entry, there is none. */
const positionOf = (subjects: StateStore.Service, job: string) =>
  Effect.map(SchemaCodec.make(Position), (codec) => {
    const store = subjects.namespace(Namespace.inner("migration"), { ttl: Number.POSITIVE_INFINITY, secretKeys: false })
    return {
      get: Effect.flatMap(
        store.get(job),
        Option.match({
          onNone: () => Effect.succeedNone,
          onSome: ({ value }) =>
            Effect.map(codec.decode(job, value), ({ after, counts }) =>
              // It was a cursor when it was written; the store checks it again.
              Option.some<Progress>({ after: after as PageCursor, report: { ...counts, failures: [] } })
            )
        })
      ),
      set: ({ after, report }: Progress): Effect.Effect<unknown, WriteError> =>
        after === undefined ? store.delete(job) : store.set(job, { after, counts: Report_.countsOf(report) })
    }
  })

const checkBatch = (batch: number): Either.Either<number, InvalidOption> =>
  Number.isInteger(batch) && batch >= 1 && batch <= pageLimitMax
    ? Either.right(batch)
    : Either.left(
        new InvalidOption({ option: "batch", reason: `expected an integer from 1 to ${pageLimitMax}, got ${batch}` })
      )

const checkConcurrency = (concurrency: number): Either.Either<number, InvalidOption> =>
  concurrency >= 1
    ? Either.right(concurrency)
    : Either.left(new InvalidOption({ option: "concurrency", reason: `expected 1 or more, got ${concurrency}` }))
