/**
 * What is stored of a workflow, and what users see of it.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import { Version } from "../../store/Version.ts"
import { Metadata, type State } from "./State.ts"

const VersionSchema: Schema.Schema<Version, number> = Schema.Number.pipe(Schema.fromBrand(Version))

/**
 * The checkpoint that a workflow was forked from.
 *
 * @since 0.1.0
 * @category models
 */
export const Origin = Schema.Struct({ workflowId: Schema.String, checkpoint: VersionSchema })

/**
 * @since 0.1.0
 * @category models
 */
export type Origin = typeof Origin.Type

/**
 * A workflow as it was when it was read or written. It does not change.
 *
 * @since 0.1.0
 * @category models
 */
export interface Saved<M, C> {
  readonly id: string
  readonly state: State<M, C>
  /** Where it was forked from, if it was. */
  readonly origin: Origin | undefined
  readonly version: Version
  /** When it was saved first. Milliseconds since the epoch. */
  readonly createdAtMs: number
  /** When it was saved last. Milliseconds since the epoch. */
  readonly updatedAtMs: number
  /** Milliseconds since the epoch; `undefined` means never. */
  readonly expiresAtMs: number | undefined
}

/**
 * A workflow as lists show it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Summary extends Omit<Saved<never, never>, "state"> {
  readonly metadata: Metadata
  /** How many messages it has. */
  readonly messageCount: number
}

/**
 * The state of a workflow at some moment. It never changes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Checkpoint<M, C> {
  /** The version of the commit that made it: later checkpoints of a workflow have greater ones. */
  readonly id: Version
  readonly workflowId: string
  /**
   * The checkpoint that the state came from, by whatever was saved in between; `undefined` for the first. It may have
   * expired.
   */
  readonly parent: Version | undefined
  /** Whether it was taken of the current state, or marks that a workflow was resumed from its parent. */
  readonly source: "taken" | "resumed"
  readonly state: State<M, C>
  /** Where the workflow was forked from, if it was. */
  readonly origin: Origin | undefined
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number
}

/**
 * @since 0.1.0
 * @category storing
 */
export interface Stored<M, C> {
  readonly state: State<M, C>
  readonly origin?: Origin | undefined
}

/**
 * @since 0.1.0
 * @category storing
 */
export const stored = <M, C, R>(state: Schema.Schema<State<M, C>, unknown, R>) =>
  Schema.Struct({ state, origin: Schema.optional(Origin) })

/**
 * @since 0.1.0
 * @category storing
 */
export interface StoredCheckpoint<M, C> extends Stored<M, C> {
  readonly parent?: Version | undefined
  readonly source: Checkpoint<M, C>["source"]
}

/**
 * @since 0.1.0
 * @category storing
 */
export const storedCheckpoint = <M, C, R>(state: Schema.Schema<State<M, C>, unknown, R>) =>
  Schema.Struct({
    state,
    origin: Schema.optional(Origin),
    parent: Schema.optional(VersionSchema),
    source: Schema.Literal("taken", "resumed")
  })

/**
 * What lists show and an entry does not tell by itself.
 *
 * @since 0.1.0
 * @category storing
 */
export const Indexed = Schema.Struct({
  id: Schema.String,
  metadata: Metadata,
  messageCount: Schema.Number,
  origin: Schema.optional(Origin),
  /** Not there in a workflow's first index entry, which is as old as the workflow. */
  createdAtMs: Schema.optional(Schema.Number)
})

/**
 * @since 0.1.0
 * @category storing
 */
export type Indexed = typeof Indexed.Type

/**
 * The workflow of an entry.
 *
 * @since 0.1.0
 * @category reading
 */
export const saved = <M, C>(id: string, entry: Entry<Stored<M, C>>): Saved<M, C> => ({
  id,
  state: entry.value.state,
  origin: entry.value.origin,
  version: entry.version,
  createdAtMs: entry.createdAtMs,
  updatedAtMs: entry.updatedAtMs,
  expiresAtMs: entry.expiresAtMs
})

/**
 * The line of a list that an index entry is.
 *
 * @since 0.1.0
 * @category reading
 */
export const summary = ({ value, ...entry }: Entry<Indexed>): Summary => ({
  id: value.id,
  metadata: value.metadata,
  messageCount: value.messageCount,
  origin: value.origin,
  version: Atomic.stampOf(entry.key),
  createdAtMs: value.createdAtMs ?? entry.createdAtMs,
  updatedAtMs: entry.updatedAtMs,
  expiresAtMs: entry.expiresAtMs
})

/**
 * The checkpoint of an entry.
 *
 * @since 0.1.0
 * @category reading
 */
export const checkpoint = <M, C>(
  workflowId: string,
  { createdAtMs, key, value }: Entry<StoredCheckpoint<M, C>>
): Checkpoint<M, C> => ({
  id: Atomic.stampOf(key),
  workflowId,
  parent: value.parent,
  source: value.source,
  state: value.state,
  origin: value.origin,
  createdAtMs
})
