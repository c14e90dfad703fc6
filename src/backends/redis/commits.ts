/**
 * Commits as the scripts take them, and outcomes as they give them.
 *
 * @since 0.1.0
 */
import { type Commit, type Fault, fault, type Mutation, type Outcome, type Payload } from "../../store/Backend.ts"
import type { Deadline } from "../../store/Ttl.ts"
import { Version } from "../../store/Version.ts"
import type { Bucket } from "./layout.ts"
import type { Argument, Reply } from "./request.ts"
import * as CommitScript from "./scripts/commit.ts"
import * as PutScript from "./scripts/put.ts"
import * as PutOneScript from "./scripts/putOne.ts"
import type { Script } from "./scripts/Script.ts"

/**
 * A run of a script that applies some commits of one bucket, and what became of each.
 *
 * @since 0.1.0
 * @category models
 */
export interface Run {
  readonly script: Script
  readonly keys: ReadonlyArray<string>
  readonly args: ReadonlyArray<Argument>
  readonly outcomesOf: (failure: Fault | undefined, reply: Reply) => ReadonlyArray<Outcome>
}

/**
 * The runs that apply some commits of one bucket, to be made one after another. Each is bounded in steps and payload, since
 * nobody else is served during a script; one commit is never split.
 *
 * @since 0.1.0
 * @category encoding
 */
export const runs = (bucket: Bucket, commits: ReadonlyArray<Commit>): ReadonlyArray<Run> => {
  const slices: Array<Array<Commit>> = []
  let slice: Array<Commit> = []
  let steps = 0
  let units = 0
  for (const commit of commits) {
    const commitUnits = payloadUnits(commit)
    const commitSteps = commit.checks.length + commit.mutations.length
    if (slice.length > 0 && (steps + commitSteps > runStepsMax || units + commitUnits > runUnitsMax)) {
      slices.push(slice)
      slice = []
      steps = 0
      units = 0
    }
    slice.push(commit)
    steps += commitSteps
    units += commitUnits
  }
  if (slice.length > 0) slices.push(slice)
  return slices.map((slice) => putOneRun(bucket, slice) ?? putRun(bucket, slice) ?? commitRun(bucket, slice))
}

/** The most checks and mutations of one run, unless one commit has more. */
const runStepsMax = 1_000

/** The most UTF-16 units and bytes of payload of one run, unless one commit has more. */
const runUnitsMax = 4 * 1_024 * 1_024

const payloadUnits = ({ mutations }: Commit): number => {
  let units = 0
  for (const mutation of mutations) {
    const payload =
      mutation._tag === "Put" ? mutation.payload : mutation._tag === "Install" ? mutation.entry.payload : undefined
    units += payload?.length ?? 0
  }
  return units
}

/** A run of a single plain write, if it is one. */
const putOneRun = (bucket: Bucket, commits: ReadonlyArray<Commit>): Run | undefined => {
  const [commit] = commits
  const put = commit && commits.length === 1 ? plainPut(commit) : undefined
  if (put === undefined) return undefined
  const { key, payload, deadline } = put
  const keys = [bucket.index, bucket.expiry, bucket.version, bucket.entryPrefix + key.text]
  const args = [bucket.entryPrefixBytes, kindOf(payload), String(deadline.ttlMs ?? "-"), payload]
  const outcomesOf = told(1, (reply) => {
    const [version, atMs] = integers(reply)
    return [committed(version, atMs, [true])]
  })
  return { script: PutOneScript.putOne, keys, args, outcomesOf }
}

/**
 * A run of plain writes, if all are. They draw one version. Of several writes of one key only the last is sent; each one
 * before it has the version before, as if it had been written.
 */
const putRun = (bucket: Bucket, commits: ReadonlyArray<Commit>): Run | undefined => {
  const groups: Array<Group> = []
  const later = new Map<string, number>()
  const versionsBack: Array<number> = []
  let versions = 1
  for (let i = commits.length - 1; i >= 0; i--) {
    const put = plainPut(commits[i] as Commit) // In bounds.
    if (put === undefined) return undefined
    const back = later.get(put.key.text) ?? 0
    later.set(put.key.text, back + 1)
    versionsBack.push(back)
    if (back === 0) groupOf(groups, put).puts.push(put)
    else versions = Math.max(versions, back + 1)
  }
  versionsBack.reverse()
  const keys = [bucket.index, bucket.expiry, bucket.version]
  const args: Array<Argument> = [bucket.entryPrefixBytes, String(versions)]
  for (const { kind, ttlMs, puts } of groups) {
    args.push(kind, String(ttlMs ?? "-"), String(puts.length))
    for (const { key, payload } of puts) {
      keys.push(bucket.entryPrefix + key.text)
      args.push(payload)
    }
  }
  const outcomesOf = told(commits.length, (reply) => {
    const [version, atMs] = integers(reply)
    return versionsBack.map((back) => committed(version - back, atMs, [true]))
  })
  return { script: PutScript.put, keys, args, outcomesOf }
}

type Put = Extract<Mutation, { readonly _tag: "Put" }>

/** Writes that end alike, which the script prepares once. */
interface Group {
  readonly kind: "json" | "bytes"
  readonly ttlMs: number | undefined
  readonly puts: Array<Put>
}

const groupOf = (groups: Array<Group>, { payload, deadline: { ttlMs } }: Put): Group => {
  const kind = kindOf(payload)
  // There are few of them, and mostly one.
  for (const group of groups) if (group.kind === kind && group.ttlMs === ttlMs) return group
  const group = { kind, ttlMs, puts: [] }
  groups.push(group)
  return group
}

/** The one change of a commit that only sets a key, whatever is there, to end after a time or never. */
const plainPut = ({ checks, mutations }: Commit): Put | undefined => {
  const put = mutations[0]
  if (checks.length > 0 || mutations.length !== 1 || put?._tag !== "Put" || put.stamped) return undefined
  return put.deadline.keep || put.deadline.notAfterMs !== undefined ? undefined : put
}

const commitRun = (bucket: Bucket, commits: ReadonlyArray<Commit>): Run => {
  const keys = [bucket.index, bucket.expiry, bucket.version]
  const args: Array<Argument> = [bucket.entryPrefixBytes]
  for (const { checks, mutations } of commits) {
    const own: Array<Argument> = []
    for (const { key, version } of checks) {
      keys.push(bucket.entryPrefix + key.text)
      own.push(version === "absent" ? "-" : String(version))
    }
    for (const mutation of mutations) {
      keys.push(bucket.entryPrefix + mutation.key.text)
      pushMutation(own, mutation)
    }
    args.push(String(checks.length), String(mutations.length), String(own.length))
    for (const arg of own) args.push(arg)
  }
  const outcomesOf = told(commits.length, (reply) => {
    const [at, ...items] = list(reply)
    return commits.map((commit, i) => outcomeOf(commit, Number(at), integers(items[i] ?? null)))
  })
  return { script: CommitScript.commit, keys, args, outcomesOf }
}

/** A reply that none of the scripts gives, but perhaps a proxy, tells nothing of what became of the commits. */
const told =
  (commits: number, decode: (reply: Reply) => ReadonlyArray<Outcome>): Run["outcomesOf"] =>
  (failure, reply) => {
    const forAll = (fault: Fault) => Array.from({ length: commits }, () => fault)
    if (failure !== undefined) return forAll(failure)
    try {
      return decode(reply)
    } catch (cause) {
      return forAll(fault("failure", "the reply to a script is none of the script's", { outcome: "unknown", cause }))
    }
  }

const pushMutation = (args: Array<Argument>, mutation: Mutation): void => {
  switch (mutation._tag) {
    case "Put":
      args.push(mutation.stamped ? "S" : "P", deadline(mutation.deadline), kindOf(mutation.payload), mutation.payload)
      return
    case "Add":
      args.push("A", deadline(mutation.deadline), String(mutation.delta))
      return
    case "Touch":
      args.push("T", deadline(mutation.deadline))
      return
    case "Delete":
      args.push("D")
      return
    case "Install": {
      const { version, createdAtMs, updatedAtMs, expiresAtMs, payload } = mutation.entry
      args.push("I", String(version), String(createdAtMs), String(updatedAtMs), String(expiresAtMs ?? "-"))
      args.push(payload === undefined ? "-" : kindOf(payload), payload ?? "")
    }
  }
}

const deadline = ({ keep, ttlMs, notAfterMs }: Deadline): string =>
  `${keep ? 1 : 0} ${ttlMs ?? "-"} ${notAfterMs ?? "-"}`

const kindOf = (payload: Payload): "json" | "bytes" => (typeof payload === "string" ? "json" : "bytes")

const outcomeOf = ({ checks, mutations }: Commit, atMs: number, [tag, ...rest]: Integers): Outcome => {
  switch (tag) {
    case 0: {
      const [version = 0, ...results] = rest
      return committed(
        version,
        atMs,
        results.map((result, i) => (mutations[i]?._tag === "Add" ? result : result === 1))
      )
    }
    case 1:
      return { _tag: "Conflict", keys: rest.flatMap((i) => checks[i]?.key.text ?? []) }
    case 2:
      return { _tag: "NotInteger", keys: rest.flatMap((i) => mutations[i - checks.length]?.key.text ?? []) }
    case 3:
      return fault("failure", "a value whose deadline was to change was not written by this store")
    default:
      throw new TypeError(`An outcome of kind ${tag}`)
  }
}

const committed = (version: number, atMs: number, results: ReadonlyArray<boolean | number>): Outcome => ({
  _tag: "Committed",
  version: Version(version),
  atMs,
  results
})

/** Scripts answer with two integers at least. */
type Integers = readonly [number, number, ...ReadonlyArray<number>]

const integers = (reply: Reply): Integers => {
  const [first, second, ...rest] = list(reply)
  return [Number(first), Number(second), ...rest.map(Number)]
}

const list = (reply: Reply): ReadonlyArray<Reply> => (Array.isArray(reply) ? reply : [])
