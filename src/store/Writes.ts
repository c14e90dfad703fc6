/**
 * Writing, derived from a backend's `commit`.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Stream from "effect/Stream"
import type { Atomic, AtomicKey, ExpireOptions, Refusal, Step, WriteOptions } from "./Atomic.ts"
import { type Outcome, settle } from "./Backend.ts"
import * as KeyRange from "./KeyRange.ts"
import * as Reads from "./Reads.ts"
import { BatchError, type NotInteger, type ReadError, type VersionConflict, type WriteError } from "./StateError.ts"
import { type Committed, lower, lowerPlain, raise, raisePlain } from "./Translation.ts"
import type { Version } from "./Version.ts"
import * as View from "./View.ts"

export type { Committed } from "./Translation.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface SetOptions extends WriteOptions {
  /** Write only if the key is at this version, or absent. */
  readonly ifVersion?: Version | "absent" | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SetItem extends WriteOptions {
  readonly key: string
  readonly value: unknown
}

/**
 * @since 0.1.0
 * @category writing
 */
export const set = (
  view: View.View,
  key: AtomicKey,
  value: unknown,
  options: SetOptions = noOptions
): Effect.Effect<Version, WriteError | VersionConflict> => {
  const steps: ReadonlyArray<Step> = [{ _tag: "Set", key, value, options }]
  return options.ifVersion === undefined
    ? commitNoCheckNoAdd(view, "set", steps, versionOf)
    : commitNoAdd(view, "set", [{ _tag: "Check", key, version: options.ifVersion }, ...steps], versionOf)
}

const noOptions: SetOptions = {}

const delete_ = (
  view: View.View,
  key: AtomicKey,
  options: { readonly ifVersion?: Version | undefined } = {}
): Effect.Effect<boolean, WriteError | VersionConflict> => {
  const steps: ReadonlyArray<Step> = [{ _tag: "Delete", key }]
  return options.ifVersion === undefined
    ? commitNoCheckNoAdd(view, "delete", steps, wasThere)
    : commitNoAdd(view, "delete", [{ _tag: "Check", key, version: options.ifVersion }, ...steps], wasThere)
}

export {
  /**
   * @since 0.1.0
   * @category writing
   */
  delete_ as delete
}

/**
 * @since 0.1.0
 * @category writing
 */
export const expire = (
  view: View.View,
  key: AtomicKey,
  ttl: DurationInput,
  options: ExpireOptions = {}
): Effect.Effect<boolean, WriteError> =>
  commitNoCheckNoAdd(view, "expire", [{ _tag: "Expire", key, ttl, options }], wasThere)

/**
 * @since 0.1.0
 * @category writing
 */
export const persist = (view: View.View, key: AtomicKey): Effect.Effect<boolean, WriteError> =>
  commitNoCheckNoAdd(view, "persist", [{ _tag: "Persist", key }], wasThere)

/**
 * @since 0.1.0
 * @category writing
 */
export const add = (view: View.View, key: AtomicKey, delta: number): Effect.Effect<number, WriteError | NotInteger> =>
  commitNoCheck(view, "add", [{ _tag: "Add", key, delta }], sumOf)

/**
 * @since 0.1.0
 * @category writing
 */
export const commit = <E extends Refusal>(
  view: View.View,
  atomic: Atomic<E>
): Effect.Effect<Committed, WriteError | E> => commitAs<E>()(view, "commit", atomic.steps, identity)

/**
 * @since 0.1.0
 * @category writing
 */
export const setMany = (
  view: View.View,
  items: ReadonlyArray<SetItem>
): Effect.Effect<ReadonlyArray<Version>, BatchError<Version>> =>
  commitEach(
    view,
    "setMany",
    items.map(({ key, value, ...options }) => ({ _tag: "Set", key, value, options })),
    versionOf
  )

/**
 * @since 0.1.0
 * @category writing
 */
export const deleteMany = (
  view: View.View,
  keys: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<boolean>, BatchError<boolean>> =>
  commitEach(
    view,
    "deleteMany",
    keys.map((key) => ({ _tag: "Delete", key })),
    wasThere
  )

/**
 * @since 0.1.0
 * @category writing
 */
export const clear = (view: View.View, range: KeyRange.KeyRange): Effect.Effect<number, ReadError | WriteError> =>
  Effect.flatMap(KeyRange.resolve(view.namespace, range), (full) =>
    Reads.fullKeys(view, "clear", full, Math.min(Reads.pageLimitMax, view.backend.capabilities.batchCommitsMax)).pipe(
      Stream.chunks,
      Stream.mapEffect((keys) => deleteMany(view, Array.from(keys))),
      Stream.runFold(0, (removed, batch) => removed + batch.filter(Boolean).length),
      Effect.catchTag("BatchError", ({ results }) => Effect.failSync(() => Arr.getLefts(results)[0] as WriteError)) // At least one.
    )
  )

const commitSteps = <A>(
  view: View.View,
  operation: string,
  steps: ReadonlyArray<Step>,
  result: (committed: Committed) => A
): Effect.Effect<A, WriteError | Refusal> =>
  Effect.withFiberRuntime<A, WriteError | Refusal>((fiber, status) => {
    const lowered = lower(view, operation, steps)
    if (Either.isLeft(lowered)) return Effect.fail(lowered.left)
    const commit = lowered.right
    const now = view.access.now?.commit(commit, fiber) ?? "later"
    if (now === "later") {
      return View.reach(view, (_, access) =>
        access.commit(commit, (outcome) => raise(view, operation, commit, outcome, result), fiber, status)
      )
    }
    return now._tag === "Committed" ? Effect.succeed(result(now)) : raise(view, operation, commit, now, result)
  })

/** A commit of steps that may refuse in fewer ways: only checks conflict, and only adds meet counters. */
const commitAs = <E extends Refusal>() =>
  commitSteps as <A>(...args: Parameters<typeof commitSteps<A>>) => Effect.Effect<A, WriteError | E>

/** {@link commitSteps} without adds. */
export const commitNoAdd = commitAs<VersionConflict>()

const commitNoCheckNoAdd = commitAs<never>()

const commitNoCheck = commitAs<NotInteger>()

/** Commits of one set or delete each, independent of each other. */
const commitEach = <A>(
  view: View.View,
  operation: string,
  steps: ReadonlyArray<Step>,
  result: (committed: Committed) => A
): Effect.Effect<ReadonlyArray<A>, BatchError<A>> =>
  Effect.suspend(() => {
    const commits = steps.map((step) => lowerPlain(view, operation, [step]))
    const sound = Arr.chunksOf(Arr.getRights(commits), view.backend.capabilities.batchCommitsMax)
    const outcomes = View.reach(view, (backend) =>
      Effect.forEach(sound, (batch) => Effect.flatMap(backend.commit(batch), settle))
    )
    return Effect.flatMap(outcomes, (outcomes) => {
      const next = outcomes.flat().values()
      const results = commits.map((commit) =>
        // Each sound commit has the next outcome.
        Either.flatMap(commit, (commit) => raisePlain(view, operation, commit, next.next().value as Outcome, result))
      )
      return results.every(Either.isRight)
        ? Effect.succeed(Arr.getRights(results))
        : Effect.fail(new BatchError<A>({ results }))
    })
  })

const versionOf = (committed: Committed): Version => committed.version

/** The one change's result: the sum. */
const sumOf = (committed: Committed): number => Number(committed.results[0])

/** The one change's result: whether there was an entry. */
const wasThere = (committed: Committed): boolean => committed.results[0] === true
