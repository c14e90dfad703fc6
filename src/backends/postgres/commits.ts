/**
 * Commits as the functions on the server take them, and their answers as outcomes.
 *
 * @since 0.1.0
 */
import { type Commit, type Fault, fault, type Mutation, type Outcome, type Payload } from "../../store/Backend.ts"
import type { Version } from "../../store/Version.ts"
import * as BinaryArray from "./binaryArray.ts"
import { op } from "./functions.ts"
import type { Rows, Statement } from "./query.ts"
import type { Statements } from "./statements.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** How long all locks together may be waited for, in milliseconds. Default: the short time of batches, for each. */
  readonly lockTimeoutMs: number | undefined
  /** Sets `synchronous_commit`. Default: the connection's. */
  readonly synchronousCommit: string | undefined
}

/**
 * A batch to send, and how to read the answer to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Call {
  readonly statement: Statement
  readonly outcomes: (rows: Rows) => ReadonlyArray<Outcome>
}

/**
 * @since 0.1.0
 * @category encoding
 */
export const encode = (statements: Statements, batch: ReadonlyArray<Commit>, options: Options): Call => {
  const puts = options.lockTimeoutMs === undefined ? plainPuts(batch) : undefined
  return puts === undefined ? encodeCommits(statements, batch, options) : encodePuts(statements, puts, options)
}

/**
 * How much a commit weighs in a batch: its checks and mutations, and the characters or bytes of its payloads.
 *
 * @since 0.1.0
 * @category sizes
 */
export const weigh = ({ checks, mutations }: Commit): { readonly steps: number; readonly chars: number } => {
  let chars = 0
  for (const mutation of mutations) {
    const payload = payloadOf(mutation)
    if (payload !== undefined) chars += payload.length
  }
  return { steps: checks.length + mutations.length, chars }
}

type Put = Extract<Mutation, { readonly _tag: "Put" }>

/** The batch's writes, if it consists of nothing but unconditional ones that ask nothing about what is there. */
const plainPuts = (batch: ReadonlyArray<Commit>): ReadonlyArray<Put> | undefined => {
  const puts: Array<Put> = []
  for (const { checks, mutations } of batch) {
    const put = mutations[0]
    if (checks.length > 0 || mutations.length !== 1 || put?._tag !== "Put") return undefined
    if (put.stamped || put.deadline.keep) return undefined
    puts.push(put)
  }
  // An end may lie in the past: then a later write to the same key meets no live entry.
  const hasEnds = puts.some(({ deadline }) => deadline.notAfterMs !== undefined)
  return hasEnds && new Set(puts.map(({ key }) => key.text)).size < puts.length ? undefined : puts
}

const encodePuts = (statements: Statements, puts: ReadonlyArray<Put>, options: Options): Call => {
  const [first] = puts
  const synchronousCommit = options.synchronousCommit ?? null
  return {
    statement:
      first !== undefined && puts.length === 1
        ? encodePut(statements, first, synchronousCommit)
        : encodeLast(statements, puts, synchronousCommit),
    outcomes: putOutcomes(puts.length)
  }
}

const putOutcomes =
  (count: number): Call["outcomes"] =>
  ([row]) => {
    const [atMs, first] = row ?? []
    return Array.from({ length: count }, (_, turn) =>
      atMs === null || atMs === undefined
        ? wrongIsolation
        : {
            _tag: "Committed",
            version: (Number(first) + turn) as Version, // What nextval draws is a version, and so are those that follow.
            atMs: Number(atMs),
            results: done
          }
    )
  }

const encodePut = (statements: Statements, { key, payload, deadline }: Put, synchronousCommit: string | null) =>
  statements.putOne([
    key.text,
    typeof payload === "string" ? payload : null,
    typeof payload === "string" ? null : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
    deadline.ttlMs ?? null,
    deadline.notAfterMs ?? null,
    synchronousCommit
  ])

/** The last write to each key. */
const encodeLast = (statements: Statements, puts: ReadonlyArray<Put>, synchronousCommit: string | null) => {
  const lastTurns = new Map<string, number>()
  for (const [i, put] of puts.entries()) lastTurns.set(put.key.text, i)
  const turns = [...lastTurns.values()]
  const last = turns.length === puts.length ? puts : turns.map((turn) => puts[turn] as Put) // An index of it.
  return statements.put([
    BinaryArray.text(last.map(({ key }) => key.text)),
    texts(last.map(({ payload }) => payload)),
    bytes(last.map(({ payload }) => payload)),
    `{${turns.join(",")}}`,
    numbers(last.map(({ deadline }) => deadline.ttlMs)),
    numbers(last.map(({ deadline }) => deadline.notAfterMs)),
    synchronousCommit
  ])
}

const done = [true]

const encodeCommits = (statements: Statements, batch: ReadonlyArray<Commit>, options: Options): Call => {
  const starts = [1]
  const steps: Array<Step> = []
  for (const { checks, mutations } of batch) {
    for (const { key, version } of checks) {
      steps.push({ ...blank, op: op.check, key: key.text, number: version === "absent" ? 0 : version })
    }
    for (const mutation of mutations) steps.push(stepOf(mutation))
    starts.push(steps.length + 1)
  }
  const installed = steps.filter((step) => step.op >= op.install).map((step) => step.number ?? 0)
  return {
    statement: statements.commit([
      `{${starts.join(",")}}`,
      `{${batch.map(({ checks }) => checks.length).join(",")}}`,
      `{${batch.map(needsGuard).join(",")}}`,
      `{${steps.map((step) => step.op).join(",")}}`,
      BinaryArray.text(steps.map((step) => step.key)),
      numbers(steps.map((step) => step.number)),
      texts(steps.map((step) => step.payload)),
      bytes(steps.map((step) => step.payload)),
      `{${steps.map((step) => step.keep).join(",")}}`,
      numbers(steps.map((step) => step.ttlMs)),
      numbers(steps.map((step) => step.endMs)),
      numbers(steps.map((step) => step.createdAtMs)),
      numbers(steps.map((step) => step.updatedAtMs)),
      installed.length === 0 ? null : Math.max(...installed),
      options.lockTimeoutMs === undefined ? null : String(options.lockTimeoutMs),
      options.synchronousCommit ?? null
    ]),
    outcomes: (rows) =>
      rows.length === 0
        ? batch.map(() => wrongIsolation)
        : rows.map((row, i) => decodeOutcome(row, batch[i] as Commit, starts[i] ?? 1, steps)) // A row for each.
  }
}

interface Step {
  readonly op: number
  readonly key: string
  readonly number: number | undefined
  readonly payload: Payload | undefined
  readonly keep: boolean
  readonly ttlMs: number | undefined
  readonly endMs: number | undefined
  readonly createdAtMs: number | undefined
  readonly updatedAtMs: number | undefined
}

const blank: Step = {
  op: op.check,
  key: "",
  number: undefined,
  payload: undefined,
  keep: false,
  ttlMs: undefined,
  endMs: undefined,
  createdAtMs: undefined,
  updatedAtMs: undefined
}

const stepOf = (mutation: Mutation): Step => {
  const key = mutation.key.text
  switch (mutation._tag) {
    case "Put":
      return { ...until(mutation), op: mutation.stamped ? op.append : op.put, payload: mutation.payload }
    case "Add":
      return { ...until(mutation), op: op.add, number: mutation.delta }
    case "Touch":
      return { ...until(mutation), op: op.touch }
    case "Delete":
      return { ...blank, op: op.delete, key }
    case "Install": {
      const { version, payload, createdAtMs, updatedAtMs, expiresAtMs } = mutation.entry
      if (payload === undefined) return { ...blank, op: op.remove, key, number: version }
      return {
        ...blank,
        op: op.install,
        key,
        number: version,
        payload,
        endMs: expiresAtMs,
        createdAtMs,
        updatedAtMs
      }
    }
  }
}

const until = ({ key, deadline }: Extract<Mutation, { readonly deadline: unknown }>): Step => ({
  ...blank,
  key: key.text,
  keep: deadline.keep,
  ttlMs: deadline.ttlMs,
  endMs: deadline.notAfterMs
})

/** Whether an add may refuse after another change of its commit was made. */
const needsGuard = ({ mutations }: Commit): boolean =>
  mutations.length > 1 && mutations.some((mutation) => mutation._tag === "Add")

const decodeOutcome = (
  [atMs, version, results, refused]: Rows[number],
  { checks, mutations }: Commit,
  start: number,
  steps: ReadonlyArray<Step>
): Outcome => {
  if (version === null || version === undefined) {
    const refusing = integers(refused)
    const keys = refusing.map((step) => steps[step - 1]?.key ?? "")
    return { _tag: (refusing[0] ?? 0) < start + checks.length ? "Conflict" : "NotInteger", keys }
  }
  return {
    _tag: "Committed",
    version: Number(version) as Version, // What nextval draws is a version.
    atMs: Number(atMs),
    results: integers(results).map((result, i) => (mutations[i]?._tag === "Add" ? result : result === 1))
  }
}

const wrongIsolation: Fault = fault(
  "unsupported",
  "it works in transactions of isolation level READ COMMITTED; see default_transaction_isolation"
)

const payloadOf = (mutation: Mutation): Payload | undefined =>
  mutation._tag === "Put" ? mutation.payload : mutation._tag === "Install" ? mutation.entry.payload : undefined

const texts = (payloads: ReadonlyArray<Payload | undefined>): Buffer =>
  BinaryArray.text(payloads.map((payload) => (typeof payload === "string" ? payload : undefined)))

const bytes = (payloads: ReadonlyArray<Payload | undefined>): Buffer | null =>
  payloads.some((payload) => typeof payload === "object")
    ? BinaryArray.bytea(payloads.map((payload) => (typeof payload === "object" ? payload : undefined)))
    : null

/** `null` where there is none at all: unnest and subscripts take it for nulls. */
const numbers = (items: ReadonlyArray<number | undefined>): Buffer | null =>
  items.some((item) => item !== undefined) ? BinaryArray.bigint(items) : null

const integers = (list: string | null | undefined): ReadonlyArray<number> =>
  list === null || list === undefined || list === "" ? [] : list.split(",").map(Number)
