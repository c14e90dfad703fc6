/**
 * What users do with workflows.
 *
 * @since 0.1.0
 */
import type { DurationInput } from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type * as Atomic from "../../store/Atomic.ts"
import type { Codec } from "../../store/Codec.ts"
import type { FullKey } from "../../store/Key.ts"
import type { Page, PageOptions } from "../../store/Reads.ts"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type { Version } from "../../store/Version.ts"
import type { SetOptions } from "../../store/Writes.ts"
import type * as Checkpoints from "./Checkpoints.ts"
import type * as Records from "./Records.ts"
import type * as State from "./State.ts"
import type { CheckpointNotFound, WorkflowExists, WorkflowNotFound } from "./WorkflowError.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<M, MI, MR, C, CI, CR> extends State.Parts<M, MI, MR, C, CI, CR> {
  /** How long a workflow lives after it was saved last. Default: as the store says, or for ever. */
  readonly ttl?: DurationInput | undefined
  /** How long a checkpoint lives after it was made. Default: the `ttl`. */
  readonly checkpointTtl?: DurationInput | undefined
  /** The segment of the namespace. Default: the tag's id. */
  readonly namespace?: string | undefined
  /** How workflows and checkpoints are stored: see `Codec`. Default: as the store says. */
  readonly codec?: Codec | undefined
}

/**
 * How a state is written.
 *
 * @since 0.1.0
 * @category options
 */
export interface WriteOptions extends Atomic.WriteOptions {
  /** Also make a checkpoint of the state, in the same commit. Its id is the version of the workflow. Default: no. */
  readonly checkpoint?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category errors
 */
export type ChangeError = ReadError | WriteError | VersionConflict

/**
 * The workflows of a namespace. Whatever changes one is a commit of the state and its place in the list: a list never shows
 * a workflow twice, or one that is deleted or expired.
 *
 * @since 0.1.0
 * @category models
 */
export interface Workflow<M = State.Message, C = State.Context> {
  /**
   * Writes a state under the id that its metadata names; with `ifVersion` only if the workflow is at that version, or
   * absent, else it is a `VersionConflict`.
   */
  readonly save: (
    state: State.State<M, C>,
    options?: WriteOptions & Pick<SetOptions, "ifVersion">
  ) => Effect.Effect<Records.Saved<M, C>, ChangeError>
  /** The workflow, if there is one. */
  readonly load: (id: string) => Effect.Effect<Option.Option<Records.Saved<M, C>>, ReadError>
  /** The workflow, or `WorkflowNotFound`. */
  readonly require: (id: string) => Effect.Effect<Records.Saved<M, C>, ReadError | WorkflowNotFound>
  /**
   * Changes a state by a function, atomically: the function may run again if another writer was faster. The deadline stays
   * unless told otherwise, and so does the id.
   */
  readonly update: (
    id: string,
    f: (state: State.State<M, C>) => State.State<M, C>,
    options?: WriteOptions
  ) => Effect.Effect<Records.Saved<M, C>, ChangeError | WorkflowNotFound>
  /** Removes a workflow, then its checkpoints up to then, and tells whether there was one. */
  readonly delete: (id: string) => Effect.Effect<boolean, ChangeError>
  /** Some workflows, the one that was saved last first. A page costs what it shows, however many there are. */
  readonly list: (
    options?: Omit<PageOptions<"fail" | "skip">, "reverse">
  ) => Effect.Effect<Page<Records.Summary>, ReadError>
  /** All workflows, read page by page, the one that was saved last first. */
  readonly stream: Stream.Stream<Records.Summary, ReadError>
  /** How many workflows there are. */
  readonly count: Effect.Effect<number, ReadError>
  /** Removes all workflows, one by one, with their checkpoints, and gives their number. */
  readonly clear: Effect.Effect<number, ChangeError>
  /** Makes a checkpoint of the current state, which stays as it is. */
  readonly checkpoint: (id: string) => Effect.Effect<Records.Checkpoint<M, C>, ChangeError | WorkflowNotFound>
  /** The checkpoints that were made. */
  readonly checkpoints: Checkpoints.Checkpoints<M, C>
  /**
   * Brings the state of a checkpoint back, of the newest unless told otherwise, whatever was saved since, and though the
   * workflow may have expired. The next checkpoints come from that one.
   */
  readonly resume: (
    id: string,
    options?: Atomic.WriteOptions & { readonly checkpoint?: Version | undefined }
  ) => Effect.Effect<Records.Saved<M, C>, ChangeError | CheckpointNotFound>
  /**
   * Begins a new workflow with the state of a checkpoint, of the newest unless told otherwise. Its `origin` names where it
   * came from. Its id is a random one unless told otherwise; one that is taken is `WorkflowExists`.
   */
  readonly fork: (
    id: string,
    options?: Atomic.WriteOptions & {
      readonly checkpoint?: Version | undefined
      readonly to?: string | undefined
    }
  ) => Effect.Effect<Records.Saved<M, C>, ReadError | WriteError | CheckpointNotFound | WorkflowExists>
  /** Saving a state, as steps of a commit, to be committed soon: another save in between makes it a conflict. */
  readonly put: (
    state: State.State<M, C>,
    options?: WriteOptions
  ) => Effect.Effect<Atomic.Steps<VersionConflict>, ReadError | WriteError>
  /** Where a workflow lies, for namespaces whose entries are to live where it does. */
  readonly key: (id: string) => FullKey
}
