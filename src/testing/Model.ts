/**
 * The model-based test: random commands on a store and on a plain model of it, which must say the same.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Runtime from "effect/Runtime"
import { StateStore } from "../store/StateStore.ts"
import * as Harness from "./Harness.ts"
import * as Command from "./model/Command.ts"
import * as Concurrent from "./model/Concurrent.ts"
import * as Run from "./model/Run.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** How many random runs. Default 300. */
  readonly runs?: number | undefined
  /** What the randomness starts from: the seed that a failure tells repeats it. Default: the time. */
  readonly seed?: number | undefined
  /** Whether a failure is made as short as can be. Default `true`. */
  readonly shrink?: boolean | undefined
}

/**
 * A store that says something else than the model. The message has the seed, and the shortest commands found.
 *
 * @since 0.1.0
 * @category errors
 */
export class ModelMismatch extends Data.TaggedError("ModelMismatch")<{
  readonly message: string
}> {}

/**
 * Runs random sequences of all operations, over few and nasty keys in two namespaces: every result and error must be the
 * model's, but for the versions' numbers, of which order and equality count.
 *
 * @since 0.1.0
 * @category running
 */
export const check = (subject: Harness.Subject, options: Options = {}): Effect.Effect<void, unknown> =>
  property(subject, options, Command.sequence(subject.clock), Run.sequence)

/**
 * Runs random commands in a few fibers at once: there must be an order, of those that the calls' times allow, in which a
 * single caller would have seen the same.
 *
 * @since 0.1.0
 * @category running
 */
export const checkConcurrent = (subject: Harness.Subject, options: Options = {}): Effect.Effect<void, unknown> =>
  property(subject, options, Concurrent.programs, (store, _, programs) => Concurrent.run(store, programs))

const property = <A>(
  subject: Harness.Subject,
  { runs = 300, seed = Date.now(), shrink = true }: Options,
  arbitrary: FastCheck.Arbitrary<A>,
  run: (store: StateStore["Type"], harness: Harness.Service, input: A) => Effect.Effect<void, unknown>
): Effect.Effect<void, unknown> =>
  Harness.run(
    subject,
    Effect.gen(function* () {
      const store = yield* StateStore
      const harness = yield* Harness.Harness
      const runPromise = Runtime.runPromise(yield* Effect.runtime())
      let namespaces = 0
      const property = FastCheck.asyncProperty(arbitrary, (input) =>
        // Shrinking runs it again: no run may see what another one wrote.
        runPromise(run(store.namespace(`r${namespaces++}`, { placement: "namespace" }), harness, input))
      )
      const details = yield* Effect.promise(async () =>
        FastCheck.check(property, { numRuns: runs, seed, endOnFailure: !shrink })
      )
      if (details.failed)
        return yield* new ModelMismatch({ message: FastCheck.defaultReportMessage(details) ?? "It failed" })
    })
  )
