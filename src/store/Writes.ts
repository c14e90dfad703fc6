/**
 * Writing, derived from a backend's `commit`.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"
import { type Atomic, type AtomicKey, type ExpireOptions, type Step, stampLength, type WriteOptions } from "./Atomic.ts"
import { type Check, type Commit, type Mutation, type Outcome, settle } from "./Backend.ts"
import * as Key from "./Key.ts"
import * as KeyRange from "./KeyRange.ts"
import * as Namespace from "./Namespace.ts"
import * as Reads from "./Reads.ts"
import {
  BatchError,
  CommitTooLarge,
  InvalidTtl,
  NotInteger,
  type ReadError,
  Unsupported,
  VersionConflict,
  type WriteError
} from "./StateError.ts"
import * as Ttl from "./Ttl.ts"
import * as Utf8 from "./Utf8.ts"
import { isVersion, type Version } from "./Version.ts"
import * as View from "./View.ts"

/**
 * A commit that happened: its version, its time by the store's clock, and a result for each change in order: `true` for a
 * set or append, the sum of an add, whether there was an entry to expire, persist or delete.
 *
 * @since 0.1.0
 * @category models
 */
export interface Committed {
  readonly version: Version
  /** Milliseconds since the epoch. */
  readonly atMs: number
  readonly results: ReadonlyArray<boolean | number>
}

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
  options: SetOptions = {}
): Effect.Effect<Version, WriteError | VersionConflict> => {
  const steps: ReadonlyArray<Step> = [{ _tag: "Set", key, value, options }]
  return options.ifVersion === undefined
    ? Effect.map(commitNoCheckNoAdd(view, "set", steps), versionOf)
    : Effect.map(commitNoAdd(view, "set", [{ _tag: "Check", key, version: options.ifVersion }, ...steps]), versionOf)
}

const delete_ = (
  view: View.View,
  key: AtomicKey,
  options: { readonly ifVersion?: Version | undefined } = {}
): Effect.Effect<boolean, WriteError | VersionConflict> => {
  const steps: ReadonlyArray<Step> = [{ _tag: "Delete", key }]
  return options.ifVersion === undefined
    ? Effect.map(commitNoCheckNoAdd(view, "delete", steps), wasThere)
    : Effect.map(commitNoAdd(view, "delete", [{ _tag: "Check", key, version: options.ifVersion }, ...steps]), wasThere)
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
  Effect.map(commitNoCheckNoAdd(view, "expire", [{ _tag: "Expire", key, ttl, options }]), wasThere)

/**
 * @since 0.1.0
 * @category writing
 */
export const persist = (view: View.View, key: AtomicKey): Effect.Effect<boolean, WriteError> =>
  Effect.map(commitNoCheckNoAdd(view, "persist", [{ _tag: "Persist", key }]), wasThere)

/**
 * @since 0.1.0
 * @category writing
 */
export const add = (view: View.View, key: AtomicKey, delta: number): Effect.Effect<number, WriteError | NotInteger> =>
  Effect.map(commitNoCheck(view, "add", [{ _tag: "Add", key, delta }]), ({ results }) => Number(results[0]))

/**
 * @since 0.1.0
 * @category writing
 */
export const commit = (
  view: View.View,
  atomic: Atomic
): Effect.Effect<Committed, WriteError | VersionConflict | NotInteger> => commitSteps(view, "commit", atomic.steps)

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

const commitSteps = (
  view: View.View,
  operation: string,
  steps: ReadonlyArray<Step>
): Effect.Effect<Committed, WriteError | VersionConflict | NotInteger> =>
  Effect.suspend(() => {
    const commit = lower(view, operation, steps)
    if (Either.isLeft(commit)) return Effect.fail(commit.left)
    return View.reach(view, (_, access) =>
      access.commit(commit.right, (outcome) => raise(view, operation, commit.right, outcome))
    )
  })

/** Only adds meet counters. */
export const commitNoAdd = commitSteps as (
  ...args: Parameters<typeof commitSteps>
) => Effect.Effect<Committed, WriteError | VersionConflict>

/** Only checks conflict, and only adds meet counters. */
const commitNoCheckNoAdd = commitSteps as (
  ...args: Parameters<typeof commitSteps>
) => Effect.Effect<Committed, WriteError>

/** Only checks conflict. */
const commitNoCheck = commitSteps as (
  ...args: Parameters<typeof commitSteps>
) => Effect.Effect<Committed, WriteError | NotInteger>

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
        Either.flatMap(commit, (commit) =>
          Either.map(raisePlain(view, operation, commit, next.next().value as Outcome), result)
        )
      )
      return results.every(Either.isRight)
        ? Effect.succeed(Arr.getRights(results))
        : Effect.fail(new BatchError<A>({ results }))
    })
  })

/** What the backend is to do, or what is wrong with what was asked. */
const lower = (
  view: View.View,
  operation: string,
  steps: ReadonlyArray<Step>
): Either.Either<Commit, WriteError | VersionConflict | NotInteger> => {
  const { backend } = view
  if (steps.length > backend.capabilities.commitStepsMax) return tooLarge(view, operation, steps.length, 0)
  const checks: Array<Check> = []
  const mutations: Array<Mutation> = []
  for (const step of steps) {
    const key = View.resolveKey(view, operation, step.key)
    if (Either.isLeft(key)) return Either.left(key.left)
    if (step._tag === "Check") {
      if (step.version !== "absent" && !isVersion(step.version))
        return conflict(view, operation, [label(view, key.right)])
      checks.push({ key: key.right, version: step.version })
    } else {
      const mutation = lowerChange(view, operation, step, key.right)
      if (Either.isLeft(mutation)) return Either.left(mutation.left)
      mutations.push(mutation.right)
    }
  }
  const commit = { checks, mutations }
  const bytes = mutations.length > 1 ? payloadBytes(mutations, commitBytesMax(view)) : 0
  if (bytes > commitBytesMax(view)) return tooLarge(view, operation, steps.length, bytes)
  return checks.length + mutations.length > 1 &&
    !View.together(
      view,
      [...checks, ...mutations].map(({ key }) => key)
    )
    ? Either.left(
        new Unsupported({
          operation,
          backend: backend.name,
          reason: "its keys live in different parts of the store; give their namespaces a common placement"
        })
      )
    : Either.right(commit)
}

/** One payload alone was measured as a value. */
const commitBytesMax = ({ backend }: View.View): number =>
  backend.capabilities.commitBytesMax ?? backend.capabilities.valueBytesMax

const tooLarge = (view: View.View, operation: string, steps: number, bytes: number) => {
  const stepsMax = view.backend.capabilities.commitStepsMax
  const bytesMax = commitBytesMax(view)
  return Either.left(new CommitTooLarge({ operation, backend: view.backend.name, steps, stepsMax, bytes, bytesMax }))
}

/** The bytes of all payloads; only counted, and else zero, if they may exceed the limit. */
const payloadBytes = (mutations: ReadonlyArray<Mutation>, bytesMax: number): number => {
  const payloads = mutations.flatMap((mutation) => (mutation._tag === "Put" ? [mutation.payload] : []))
  // No UTF-16 unit takes more than three bytes: most commits need no counting.
  return payloads.reduce((units, payload) => units + payload.length, 0) * 3 <= bytesMax
    ? 0
    : payloads.reduce(
        (bytes, payload) => bytes + (typeof payload === "string" ? Utf8.byteLength(payload) : payload.length),
        0
      )
}

/** Only checks conflict, and only adds meet counters. */
const lowerPlain = lower as (...args: Parameters<typeof lower>) => Either.Either<Commit, WriteError>

const lowerChange = (
  view: View.View,
  operation: string,
  step: Exclude<Step, { readonly _tag: "Check" }>,
  key: Key.FullKey
): Either.Either<Mutation, WriteError | NotInteger> => {
  switch (step._tag) {
    case "Set":
      return lowerPut(view, key, step.value, step.options, false)
    case "Append": {
      const problem = Key.problemOfPart(key.local, Key.keyBytesMax - stampLength)
      return problem ? Either.left(problem) : lowerPut(view, key, step.value, step.options, true)
    }
    case "Add":
      return Number.isSafeInteger(step.delta)
        ? Either.map(key.namespace.ttlMs, (ttlMs) => ({
            _tag: "Add",
            key,
            delta: step.delta,
            deadline: Ttl.keepOr(ttlMs)
          }))
        : notInteger(view, operation, [label(view, key)])
    case "Expire":
      return Either.map(lowerDeadline(key, { ttl: step.ttl, ...step.options }), (deadline) => ({
        _tag: "Touch",
        key,
        deadline
      }))
    case "Persist":
      return Either.right({ _tag: "Touch", key, deadline: Ttl.never })
    case "Delete":
      return Either.right({ _tag: "Delete", key })
  }
}

const lowerPut = (view: View.View, key: Key.FullKey, value: unknown, options: WriteOptions, stamped: boolean) => {
  const deadline = lowerDeadline(key, options)
  if (Either.isLeft(deadline)) return Either.left(deadline.left)
  return Either.map(
    View.encode(view, key, value),
    (payload): Mutation => ({ _tag: "Put", key, stamped, payload, deadline: deadline.right })
  )
}

const lowerDeadline = (
  { namespace }: Key.FullKey,
  { ttl, notAfterMs }: WriteOptions
): Either.Either<Ttl.Deadline, InvalidTtl> => {
  if (notAfterMs !== undefined && !Number.isSafeInteger(notAfterMs)) {
    return Either.left(new InvalidTtl({ ttl: `notAfterMs ${notAfterMs}`, reason: "it is no integer" }))
  }
  const ttlMs = ttl === undefined || ttl === "keep" ? namespace.ttlMs : Ttl.decode(ttl)
  return Either.map(ttlMs, (ttlMs) => ({ keep: ttl === "keep", ttlMs, notAfterMs }))
}

const raise = (
  view: View.View,
  operation: string,
  commit: Commit,
  outcome: Outcome
): Either.Either<Committed, WriteError | VersionConflict | NotInteger> => {
  switch (outcome._tag) {
    case "Committed":
      return Either.right(outcome)
    case "Conflict":
      return conflict(view, operation, labels(view, commit, outcome.keys))
    case "NotInteger":
      return notInteger(view, operation, labels(view, commit, outcome.keys))
    case "Fault":
      return Either.left(View.storeError(view, operation, outcome))
  }
}

/** Only checks conflict, and only adds meet counters. */
const raisePlain = raise as (...args: Parameters<typeof raise>) => Either.Either<Committed, WriteError>

/** Keys as errors show them: those of another namespace with their path. */
const label = (view: View.View, key: Key.FullKey): string =>
  key.namespace.path === view.namespace.path || key.namespace.secretKeys ? Namespace.label(key) : key.text

const labels = (
  view: View.View,
  { checks, mutations }: Commit,
  texts: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const byText = new Map([...checks, ...mutations].map(({ key }) => [key.text, label(view, key)]))
  return texts.map((text) => byText.get(text) ?? text)
}

const conflict = (view: View.View, operation: string, keys: ReadonlyArray<string>) =>
  Either.left(new VersionConflict({ operation, backend: view.backend.name, keys }))

const notInteger = (view: View.View, operation: string, keys: ReadonlyArray<string>) =>
  Either.left(new NotInteger({ operation, backend: view.backend.name, keys }))

const versionOf = (committed: Committed): Version => committed.version

/** The one change's result: whether there was an entry. */
const wasThere = (committed: Committed): boolean => committed.results[0] === true
