/**
 * What a bulk migration did.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { DecodeError, EncodeError, InvalidKey, ValueTooLarge } from "../../store/StateError.ts"
import type { MigrationFailed, NewerVersion } from "./MigrationError.ts"

/**
 * How many entries ended in which way.
 *
 * @since 0.1.0
 * @category models
 */
export const Counts = Schema.Struct({
  /** Written in the newest version. */
  upgraded: Schema.Number,
  /** In the newest version before, and decodable. */
  current: Schema.Number,
  /** Left to a writer who came in between, and wrote the newest version or removed the entry. */
  raced: Schema.Number,
  /** Of a version that this program does not know. */
  newer: Schema.Number,
  /** Left as they were: a step failed, or what it gave could not be written, or the store itself could not read them. */
  failed: Schema.Number,
  /** Moved out of the way: no version of the schema takes them. */
  quarantined: Schema.Number
})

/**
 * @since 0.1.0
 * @category models
 */
export type Counts = typeof Counts.Type

/**
 * How an entry ended.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = keyof Counts

/**
 * Why an entry is not in the newest version.
 *
 * @since 0.1.0
 * @category models
 */
export type Reason = MigrationFailed | NewerVersion | DecodeError | EncodeError | InvalidKey | ValueTooLarge

/**
 * An entry that is not in the newest version.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  /** The key as errors may show it. */
  readonly key: string
  readonly outcome: "newer" | "failed" | "quarantined"
  readonly error: Reason
}

/**
 * Counts of the whole job, its earlier runs included, and the first {@link failuresMax} failures of this run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Report extends Counts {
  readonly failures: ReadonlyArray<Failure>
}

/**
 * How many failures a report tells one by one.
 *
 * @since 0.1.0
 * @category limits
 */
export const failuresMax = 100

/**
 * @since 0.1.0
 * @category constructors
 */
export const empty: Report = { upgraded: 0, current: 0, raced: 0, newer: 0, failed: 0, quarantined: 0, failures: [] }

/**
 * A report with what became of some more entries.
 *
 * @since 0.1.0
 * @category combining
 */
export const add = (report: Report, results: ReadonlyArray<Outcome | Failure>): Report => {
  const counts = { ...report }
  for (const result of results) counts[typeof result === "string" ? result : result.outcome] += 1
  const failures = results.filter((result) => typeof result !== "string")
  return { ...counts, failures: [...report.failures, ...failures].slice(0, failuresMax) }
}

/**
 * The counts of a report alone.
 *
 * @since 0.1.0
 * @category combining
 */
export const countsOf = ({ failures: _, ...counts }: Report): Counts => counts
