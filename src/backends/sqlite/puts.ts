/**
 * Unconditional puts, the most frequent commits.
 *
 * A put's version is a guess, one more than the highest that was met here: right unless another process was faster, and
 * having it told by the file costs more than writing the row does. The statement passes over a row that the guess is not
 * above, which then gets the version that comes next by what lies in the file.
 *
 * @since 0.1.0
 */
import type { Commit, Mutation, Outcome, Payload } from "../../store/Backend.ts"
import * as Ttl from "../../store/Ttl.ts"
import { isVersion, type Version } from "../../store/Version.ts"
import { CommitFailure, type Row } from "./connection.ts"
import type { Statements } from "./schema.ts"

/**
 * @since 0.1.0
 * @category models
 */
export type Put = Extract<Mutation, { readonly _tag: "Put" }>

/**
 * The put that a commit is, if it is nothing else.
 *
 * @since 0.1.0
 * @category getters
 */
export const lonePut = ({ checks, mutations }: Commit): Put | undefined => {
  const mutation = mutations[0]
  return mutation?._tag === "Put" &&
    mutations.length === 1 &&
    checks.length === 0 &&
    !mutation.stamped &&
    !mutation.deadline.keep
    ? mutation
    : undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export class Puts {
  readonly #sql: Statements
  readonly #nowMs: () => number
  /** The highest version that was drawn or met here. */
  #highest = 0

  constructor(statements: Statements, nowMs: () => number) {
    this.#sql = statements
    this.#nowMs = nowMs
  }

  /** The next guess: it was never given here, also where a rollback left no trace of what was. */
  get next(): number {
    return this.#highest + 1
  }

  /** A version that others drew: the next guess is above it. */
  meet(version: number): void {
    this.#highest = Math.max(this.#highest, version)
  }

  /** One, by a statement that is a transaction by itself. */
  alone({ key, deadline, payload }: Put): Outcome {
    const nowMs = this.#nowMs()
    const expiresAtMs = endsAtMs(deadline, nowMs)
    const version = this.next
    try {
      if (this.#sql.putAt(key.text, version, nowMs, nowMs, expiresAtMs, payload, version) === 0) {
        return this.#next(key.text, nowMs, expiresAtMs, payload)
      }
    } catch (cause) {
      throw new CommitFailure(cause)
    }
    this.#highest = version
    return committed(version, nowMs)
  }

  /** Several, one after the other; to be called inside a transaction, whose floor their versions are to be above. */
  all(puts: ReadonlyArray<Put>, floor: number): ReadonlyArray<Outcome> {
    this.meet(floor)
    const outcomes: Array<Outcome> = []
    for (const { rows, run } of this.#sql.putMany) {
      while (puts.length - outcomes.length >= rows) {
        outcomes.push(...this.#many(puts.slice(outcomes.length, outcomes.length + rows), run))
      }
    }
    return outcomes
  }

  #many(puts: ReadonlyArray<Put>, run: Statements["putMany"][number]["run"]): ReadonlyArray<Outcome> {
    const nowMs = this.#nowMs()
    const before = this.#highest
    const params: Array<string | number | Uint8Array | null> = []
    for (const { key, deadline, payload } of puts) {
      this.#highest += 1
      params.push(key.text, this.#highest, nowMs, nowMs, endsAtMs(deadline, nowMs), payload)
    }
    return run(...params) === puts.length
      ? puts.map((_, i) => committed(before + 1 + i, nowMs))
      : puts.map(({ key, deadline, payload }) => this.#next(key.text, nowMs, endsAtMs(deadline, nowMs), payload))
  }

  /** At the version that comes next by what lies in the file, whose row or floor the guess was not above. */
  #next(key: string, nowMs: number, expiresAtMs: number | null, payload: Payload): Outcome {
    const [row = []] = this.#sql.putNext(key, nowMs, nowMs, expiresAtMs, payload) // RETURNING gives one row.
    const version = versionOf(row)
    this.meet(version)
    return committed(version, nowMs)
  }
}

/**
 * The version that a statement returned.
 *
 * @since 0.1.0
 * @category decoding
 */
export const versionOf = (row: Row): number => (isVersion(row[0]) ? row[0] : 0)

const endsAtMs = (deadline: Put["deadline"], nowMs: number): number | null =>
  Ttl.expiresAtMs(deadline, nowMs, "absent") ?? null

const committed = (version: number, atMs: number): Outcome => ({
  _tag: "Committed",
  version: version as Version, // One more than a version.
  atMs,
  results: [true]
})
