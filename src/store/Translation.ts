/**
 * Between what users ask for and what backends do: steps become a commit, and its outcome becomes a result or an error.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { type Refusal, type Step, stampLength, type WriteOptions } from "./Atomic.ts"
import type { Check, Commit, Mutation, Outcome, Payload } from "./Backend.ts"
import * as Key from "./Key.ts"
import * as Namespace from "./Namespace.ts"
import { CommitTooLarge, InvalidTtl, NotInteger, Unsupported, VersionConflict, type WriteError } from "./StateError.ts"
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
 * What the backend is to do, or what is wrong with what was asked: nothing is sent then.
 *
 * @since 0.1.0
 * @category translating
 */
export const lower = (
  view: View.View,
  operation: string,
  steps: ReadonlyArray<Step>
): Either.Either<Commit, WriteError | Refusal> => {
  const step = steps[0] // By index: taking an array apart goes through its iterator.
  if (step !== undefined && step._tag !== "Check" && steps.length === 1) return lowerOne(view, operation, step)
  if (steps.length > view.backend.capabilities.commitStepsMax) return tooLarge(view, operation, steps.length, 0)
  const checks: Array<Check> = []
  const mutations: Array<Mutation> = []
  for (const step of steps) {
    if (step._tag === "Check") {
      const key = View.fullKey(view, step.key)
      const problem = View.problem(view, operation, key)
      if (problem !== undefined) return Either.left(problem)
      if (step.version !== "absent" && !isVersion(step.version)) {
        return Either.left(conflict(view, operation, [label(view, key)]))
      }
      checks.push({ key, version: step.version })
    } else {
      const mutation = lowerChange(view, operation, step)
      if (mutation instanceof Error) return Either.left(mutation)
      mutations.push(mutation)
    }
  }
  const bytes = mutations.length > 1 ? payloadBytes(mutations, commitBytesMax(view)) : 0
  if (bytes > commitBytesMax(view)) return tooLarge(view, operation, steps.length, bytes)
  return checks.length + mutations.length > 1 &&
    !View.together(
      view,
      [...checks, ...mutations].map(({ key }) => key)
    )
    ? Either.left(apart(view, operation, "its keys live in different parts of the store"))
    : Either.right({ checks, mutations })
}

const apart = ({ backend }: View.View, operation: string, reason: string): Unsupported =>
  new Unsupported({
    operation,
    backend: backend.name,
    reason: `${reason}; give their namespaces a common placement`
  })

/** Most commits are one change: there is nothing to gather, and nothing that could not go together. */
const lowerOne = (view: View.View, operation: string, step: Change) => {
  const mutation = lowerChange(view, operation, step)
  return mutation instanceof Error ? Either.left(mutation) : Either.right(new Lone(mutation))
}

const noChecks: ReadonlyArray<Check> = []

/** A commit of one change: no literals, as it waits for its outcome (see "Objects that wait" in docs/ARCHITECTURE.md). */
class Lone implements Commit {
  readonly checks = noChecks
  readonly mutations: ReadonlyArray<Mutation>

  constructor(...mutations: readonly [Mutation]) {
    this.mutations = mutations
  }
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

/**
 * {@link lower} of steps without checks and adds: only checks conflict, and only adds meet counters.
 *
 * @since 0.1.0
 * @category translating
 */
export const lowerPlain = lower as (...args: Parameters<typeof lower>) => Either.Either<Commit, WriteError>

type Change = Exclude<Step, { readonly _tag: "Check" }>

/** A mutation, or what is wrong with it: a hot path has no room for an Either of each. */
const lowerChange = (view: View.View, operation: string, step: Change): Mutation | WriteError | NotInteger => {
  const key = View.fullKey(view, step.key)
  const problem = View.problem(view, operation, key)
  if (problem !== undefined) return problem
  switch (step._tag) {
    case "Set":
      return lowerPut(view, key, step.value, step.options, false)
    case "Append": {
      const problem = Namespace.problemOf(key.namespace, key.local, Key.keyBytesMax - stampLength)
      if (problem !== undefined) return problem
      if (view.backend.capabilities.placementOf !== undefined && !Namespace.keepsPlacement(key, stampLength)) {
        return apart(
          view,
          operation,
          "what is appended would lie in another part of the store than what it is appended to"
        )
      }
      return lowerPut(view, key, step.value, step.options, true)
    }
    case "Add":
      return Number.isSafeInteger(step.delta)
        ? withDeadline(Either.map(key.namespace.ttlMs, Ttl.keepOr), (deadline) => ({
            _tag: "Add",
            key,
            delta: step.delta,
            deadline
          }))
        : notInteger(view, operation, [label(view, key)])
    case "Expire":
      return withDeadline(lowerDeadline(key, { ttl: step.ttl, ...step.options }), (deadline) => ({
        _tag: "Touch",
        key,
        deadline
      }))
    case "Persist":
      return { _tag: "Touch", key, deadline: Ttl.never }
    case "Delete":
      return { _tag: "Delete", key }
  }
}

const withDeadline = (deadline: Either.Either<Ttl.Deadline, InvalidTtl>, make: (deadline: Ttl.Deadline) => Mutation) =>
  Either.isRight(deadline) ? make(deadline.right) : deadline.left

const lowerPut = (
  view: View.View,
  key: Key.FullKey,
  value: unknown,
  options: WriteOptions,
  stamped: boolean
): Mutation | WriteError => {
  const deadline = lowerDeadline(key, options)
  if (Either.isLeft(deadline)) return deadline.left
  const payload = View.encode(view, key, value, stamped)
  return payload instanceof Error ? payload : new Put(key, stamped, payload, deadline.right)
}

/** A class for the same reason. */
class Put implements Extract<Mutation, { readonly _tag: "Put" }> {
  readonly _tag = "Put"
  readonly key: Key.FullKey
  readonly stamped: boolean
  readonly payload: Payload
  readonly deadline: Ttl.Deadline

  constructor(key: Key.FullKey, stamped: boolean, payload: Payload, deadline: Ttl.Deadline) {
    this.key = key
    this.stamped = stamped
    this.payload = payload
    this.deadline = deadline
  }
}

const lowerDeadline = (
  { namespace }: Key.FullKey,
  { ttl, notAfterMs }: WriteOptions
): Either.Either<Ttl.Deadline, InvalidTtl> => {
  if (ttl === undefined && notAfterMs === undefined) return namespace.deadline
  if (notAfterMs !== undefined && !Number.isSafeInteger(notAfterMs)) {
    return Either.left(new InvalidTtl({ ttl: `notAfterMs ${notAfterMs}`, reason: "it is no integer" }))
  }
  const ttlMs = ttl === undefined || ttl === "keep" ? namespace.ttlMs : Ttl.decode(ttl)
  return Either.isRight(ttlMs)
    ? Either.right({ keep: ttl === "keep", ttlMs: ttlMs.right, notAfterMs })
    : Either.left(ttlMs.left)
}

/**
 * What a commit's outcome is for its caller.
 *
 * @since 0.1.0
 * @category translating
 */
export const raise = <A>(
  view: View.View,
  operation: string,
  commit: Commit,
  outcome: Outcome,
  result: (committed: Committed) => A
): Either.Either<A, WriteError | Refusal> => {
  switch (outcome._tag) {
    case "Committed":
      return Either.right(result(outcome))
    case "Conflict":
      return Either.left(conflict(view, operation, labels(view, commit, outcome.keys)))
    case "NotInteger":
      return Either.left(notInteger(view, operation, labels(view, commit, outcome.keys)))
    case "Fault":
      return Either.left(View.storeError(view, operation, outcome))
  }
}

/**
 * {@link raise} of a commit without checks and adds: only checks conflict, and only adds meet counters.
 *
 * @since 0.1.0
 * @category translating
 */
export const raisePlain = raise as <A>(...args: Parameters<typeof raise<A>>) => Either.Either<A, WriteError>

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
  new VersionConflict({ operation, backend: view.backend.name, keys })

const notInteger = (view: View.View, operation: string, keys: ReadonlyArray<string>) =>
  new NotInteger({ operation, backend: view.backend.name, keys })
