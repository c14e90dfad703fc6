/**
 * The backend over an engine, however its connection is come by.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type {
  Backend,
  Commit,
  Fault,
  Outcome,
  Page,
  ReadResult,
  ScanOptions,
  Select,
  Stored,
  Unreadable
} from "../../store/Backend.ts"
import { breathe, isDue } from "../../store/Breath.ts"
import type { FullKey } from "../../store/Key.ts"
import type { FullRange } from "../../store/KeyRange.ts"
import { type Engine, stepRowsMax } from "./engine.ts"
import * as Patience from "./patience.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly engine: Engine
  /** Runs a step on the connection. */
  readonly run: Patience.Run
  /** Runs the body in a transaction: all of it happens, or it throws. */
  readonly transaction: <A>(body: () => A) => A
  /** Whether a statement outside of a transaction is one by itself. */
  readonly commitsAlone: boolean
  readonly coalesce: Backend["capabilities"]["coalesce"]
  readonly within?: Backend["within"]
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ engine, run, transaction, commitsAlone, coalesce, within }: Options): Backend => {
  const applyOne = (commit: Commit): Outcome =>
    (commitsAlone ? engine.commitAlone(commit) : undefined) ??
    transaction(() => engine.commitPuts([commit])?.[0] ?? engine.commitOne(commit))
  const apply = (batch: ReadonlyArray<Commit>): ReadonlyArray<Outcome> => {
    const [commit] = batch
    if (commit !== undefined && batch.length === 1) return [applyOne(commit)]
    return transaction(() => engine.commitPuts(batch) ?? engine.commit(batch))
  }
  const readAll = (keys: ReadonlyArray<FullKey>, select: Select): ReadonlyArray<ReadResult> => {
    const [key] = keys
    return key !== undefined && keys.length === 1 ? [engine.read(key, select)] : engine.readMany(keys, select)
  }
  // To look at the clock at each of them would be felt.
  let reads = 0
  const commit = (batch: ReadonlyArray<Commit>): Effect.Effect<ReadonlyArray<Outcome>> =>
    run(
      () => apply(batch),
      (fault) =>
        batch.length > 1 && fault.kind === "failure" && fault.outcome === "not-applied"
          ? // One of them may be to blame, and must not take the others with it.
            Effect.forEach(batch, (one) => Effect.map(commit([one]), ([outcome]) => outcome ?? fault))
          : Effect.succeed(batch.map(() => fault))
    )
  return {
    name: "sqlite",
    capabilities: {
      changes: "none",
      placementOf: undefined,
      coalesce,
      batchReadsMax: 500,
      batchCommitsMax: 250,
      commitStepsMax: 1_000,
      valueBytesMax: 64 * 1_024 * 1_024
    },
    within,
    now: commitsAlone
      ? {
          read: (key, select) =>
            ++reads % 16 === 0 && isDue() ? "later" : Patience.now(() => engine.read(key, select)),
          commit: (commit) => (isDue() ? "later" : Patience.now(() => applyOne(commit)))
        }
      : undefined,
    read: (keys, select) =>
      airily(
        run(
          () => readAll(keys, select),
          (fault) => Effect.succeed(keys.map(() => fault))
        )
      ),
    commit: (batch) => airily(commit(batch)),
    scan: (range, options) => scan(engine, run, range, options),
    count: (range) => countAll((after) => run(() => engine.count(range, after), Effect.fail)),
    sweep: (entriesMax) =>
      Effect.flatMap(
        // Without anything to remove there is no need of the write lock.
        run(
          () => (engine.hasExpired ? transaction(() => engine.sweep(entriesMax)) : { removed: 0, more: false }),
          Effect.fail
        ),
        (step) => (step.more ? Effect.as(breathe, step) : Effect.succeed(step))
      ),
    info: run(() => engine.info(), Effect.fail)
  }
}

/** What never waits takes a break when it is due. */
const airily = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(effect, (a) => (isDue() ? Effect.as(breathe, a) : Effect.succeed(a)))

/** A page by one statement, as nearly all are, unless it has to go past what expired. */
const scan = (engine: Engine, run: Patience.Run, range: FullRange, options: ScanOptions): Effect.Effect<Page, Fault> =>
  Effect.flatMap(
    run(() => engine.scan(range, options), Effect.fail),
    ({ items, reached }) => {
      const more = reached !== undefined
      return more && items.length < options.limit
        ? scanPast(engine, run, range, options, scanTriesMax)
        : airily(Effect.succeed({ items, more }))
    }
  )

/**
 * What expired may be much, and is gone past in steps. An entry that moves between two of them, from where the next one would
 * look to where the last one did, would be missing: so they start anew if the floor rose, as it does with every removal.
 * Where there are too many of those, the page is one statement, however long that takes.
 */
const scanPast = (
  engine: Engine,
  run: Patience.Run,
  range: FullRange,
  options: ScanOptions,
  tries: number
): Effect.Effect<Page, Fault> =>
  tries === 0
    ? run(() => pageOf(engine.scanLive(range, options, "all").items, options), Effect.fail)
    : Effect.flatMap(scanInSteps(engine, run, range, options), (page) =>
        page === undefined ? scanPast(engine, run, range, options, tries - 1) : Effect.succeed(page)
      )

/** A page in steps, between which others get a turn; nothing if the floor rose. */
const scanInSteps = (
  engine: Engine,
  run: Patience.Run,
  range: FullRange,
  options: ScanOptions
): Effect.Effect<Page | undefined, Fault> =>
  Effect.gen(function* () {
    const items: Array<Stored | Unreadable> = []
    let { after } = options
    let floor: number | undefined
    for (;;) {
      const rest = { ...options, after, limit: options.limit - items.length }
      const step = yield* run(() => {
        const before = engine.floor
        return { before, ...engine.scanLive(range, rest, stepRowsMax), behind: engine.floor }
      }, Effect.fail)
      floor ??= step.before
      if (step.behind !== floor) return undefined
      items.push(...step.items)
      if (items.length === options.limit || step.reached === undefined) return pageOf(items, options)
      after = step.reached
      yield* breathe
    }
  })

const pageOf = (items: Page["items"], { limit }: ScanOptions): Page => ({ items, more: items.length === limit })

/** How often a page is read in steps before it is read at once. */
const scanTriesMax = 3

const countAll = (
  count: (after: string | undefined) => Effect.Effect<{ count: number; reached: string | undefined }, Fault>
): Effect.Effect<number, Fault> => {
  const from = (after: string | undefined, total: number): Effect.Effect<number, Fault> =>
    Effect.flatMap(count(after), (step) =>
      step.reached === undefined
        ? Effect.succeed(total + step.count)
        : Effect.zipRight(breathe, from(step.reached, total + step.count))
    )
  return from(undefined, 0)
}
