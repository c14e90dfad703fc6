/**
 * One tick's calls made one batch.
 *
 * How calls are gathered, and how long they wait, is the `Batcher`'s: nobody waits who is alone, and under load batches are
 * large, few, and under way while others are answered. Here is what becomes a batch: reads of entries, reads of what is
 * known of them, and commits, each for themselves; and how it reaches the backend: by a callback if the backend's driver
 * takes one, else in fibers that stay.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as FiberStatus from "effect/FiberStatus"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { type Backend, type Commit, type Later, type Outcome, type ReadResult, type Select, settle } from "./Backend.ts"
import { Batcher, inTime, type Options, type Replies } from "./Batcher.ts"
import * as Concurrent from "./Concurrent.ts"
import type { FullKey } from "./Key.ts"
import { Lanes } from "./Lanes.ts"
import { inRealTime } from "./RealTime.ts"

/**
 * How single reads and commits reach a backend. `answer` makes of what the backend says what the caller gets: it may run
 * outside the caller's fiber, which costs less.
 *
 * @since 0.1.0
 * @category models
 */
export interface Access {
  /** Answers at once, for a caller that need not wait for anybody: see `Backend.now`. */
  readonly now:
    | {
        readonly read: (key: FullKey, select: Select) => ReadResult | "later"
        readonly commit: (commit: Commit, caller: Fiber.RuntimeFiber<unknown, unknown>) => Outcome | "later"
      }
    | undefined
  readonly read: <A, E>(
    key: FullKey,
    select: Select,
    answer: (result: ReadResult) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
  /** To be run by the fiber that is given, which is the caller's. */
  readonly commit: <A, E>(
    commit: Commit,
    answer: (outcome: Outcome) => Effect.Effect<A, E>,
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    status: FiberStatus.Running
  ) => Effect.Effect<A, E>
}

/**
 * Each call by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const direct = (backend: Backend): Access => ({
  now: backend.now,
  read: (key, select, answer) => Effect.flatMap(backend.read([key], select), (results) => answer(first(results))),
  commit: (commit, answer) =>
    Effect.flatMap(Effect.flatMap(backend.commit([commit]), settle), (outcomes) => answer(first(outcomes)))
})

/**
 * Calls gathered as the backend's capabilities say. Closing the scope refuses what was not sent yet, and waits up to
 * `closeTimeout` for what was.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  backend: Backend,
  options: { readonly closeTimeout?: Duration.DurationInput | undefined } = {}
): Effect.Effect<Access, never, Scope.Scope> =>
  Effect.gen(function* () {
    const limits = backend.capabilities.coalesce
    if (limits === undefined) return direct(backend)
    const runtime = yield* Effect.runtime<never>()
    const lanes = yield* Effect.acquireRelease(
      Effect.sync(() => new Lanes((lane) => void Runtime.runFork(runtime)(Effect.interruptible(lane)))),
      (lanes) => Effect.sync(() => lanes.close())
    )
    const closings: Array<Effect.Effect<void>> = []
    yield* Effect.addFinalizer(() =>
      Effect.interruptible(Concurrent.all(closings)).pipe(
        Effect.timeoutOption(options.closeTimeout ?? "10 seconds"),
        inRealTime
      )
    )
    const batcher = <Request, Reply>({ run, send }: Way<Request, Reply>, sizes: Sizes) => {
      const batcher = new Batcher<Request, Reply>({
        send:
          send ??
          ((requests, done) =>
            lanes.run(
              Effect.suspend(() => run(requests)),
              done
            )),
        sendAlone: limits.synchronous
          ? (request) => Effect.flatMap(run([request]), (replies) => inTime<Reply>(first(replies)))
          : undefined,
        looksForCompany: backend.now === undefined,
        gate: backend.gate,
        ...sizes
      })
      closings.push(batcher.close)
      return batcher
    }

    const commits = batcher(
      { run: backend.commit, send: backend.send?.commit },
      { batchMax: limits.commitsMax, halfMin: limits.commitsMin, inFlightMax: limits.inFlightMax }
    )
    const commit: Access["commit"] = (commit, answer, fiber, status) => commits.submit(commit, answer, fiber, status)
    if (limits.readsMax === undefined) {
      const { now } = backend
      return {
        now: now && {
          read: now.read,
          commit: (commit, caller) => (commits.isAlone(caller) ? now.commit(commit) : "later")
        },
        read: direct(backend).read,
        commit
      }
    }
    const { send } = backend
    const reads = (select: Select): Way<FullKey, ReadResult> => ({
      run: (keys) => backend.read(keys, select),
      send: send && ((keys, done) => send.read(keys, select, done))
    })
    const sizes: Sizes = { batchMax: limits.readsMax, inFlightMax: limits.readsInFlightMax ?? limits.inFlightMax }
    const entries = batcher(reads("entry"), sizes)
    const metas = batcher(reads("meta"), sizes)
    return {
      now: undefined,
      read: <A, E>(key: FullKey, select: Select, answer: (result: ReadResult) => Effect.Effect<A, E>) => {
        const reads = select === "entry" ? entries : metas
        return Effect.withFiberRuntime<A, E>((fiber, status) => reads.submit(key, answer, fiber, status))
      },
      commit
    }
  })

type Sizes = Pick<Options<unknown, unknown>, "batchMax" | "halfMin" | "inFlightMax">

/** How a batch reaches the backend: by an Effect, or by a callback. */
interface Way<Request, Reply> {
  readonly run: (requests: ReadonlyArray<Request>) => Effect.Effect<ReadonlyArray<Reply | Later>>
  readonly send: ((requests: ReadonlyArray<Request>, done: (replies: Replies<Reply>) => void) => void) | undefined
}

const first = <A>(replies: ReadonlyArray<A>): A => {
  if (replies.length !== 1) throw new Error(`A batch of one call got ${replies.length} replies`)
  return replies[0] as A // Just counted; the item may itself be undefined.
}
