/**
 * The checkpoints of workflows, as they lie in the store: appended, read, never changed.
 *
 * The newest checkpoint of a workflow is always the one that its current state came from: resuming from an older one appends
 * a checkpoint too, in the commit that brings the state back. So each checkpoint's parent is the newest that its maker saw before
 * it, and could read, and where a workflow was resumed its checkpoints branch; of those that are made at once, several may have
 * one parent.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { PageCursor } from "../../store/PageCursor.ts"
import type { Page, PageOptions } from "../../store/Reads.ts"
import type { DecodeError, EncodeError, InvalidKey, ReadError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as Keys from "./Keys.ts"
import * as Records from "./Records.ts"
import type { State } from "./State.ts"
import { CheckpointNotFound } from "./WorkflowError.ts"

/**
 * What users do with the checkpoints of a workflow.
 *
 * @since 0.1.0
 * @category models
 */
export interface Checkpoints<M, C> {
  /** Some checkpoints of a workflow, the newest first. */
  readonly list: (
    workflowId: string,
    options?: Omit<PageOptions<"fail" | "skip">, "reverse">
  ) => Effect.Effect<Page<Records.Checkpoint<M, C>>, ReadError>
  /** A checkpoint of a workflow. */
  readonly load: (
    workflowId: string,
    checkpoint: Version
  ) => Effect.Effect<Option.Option<Records.Checkpoint<M, C>>, ReadError>
  /** The newest checkpoint of a workflow: the one that its current state came from. */
  readonly latest: (workflowId: string) => Effect.Effect<Option.Option<Records.Checkpoint<M, C>>, ReadError>
}

/**
 * What workflows do with their checkpoints, besides.
 *
 * @since 0.1.0
 * @category models
 */
export interface Store<M, C> extends Checkpoints<M, C> {
  /** A checkpoint, or the newest. */
  readonly require: (
    workflowId: string,
    checkpoint: Version | undefined
  ) => Effect.Effect<Records.Checkpoint<M, C>, ReadError | CheckpointNotFound>
  /**
   * The id of the newest checkpoint of a workflow since it began: it may have begun under the id of one that expired. One that
   * can't be read is passed over.
   */
  readonly head: (workflowId: string, begunMs: number) => Effect.Effect<Version | undefined, ReadError>
  /** The step that appends a checkpoint. */
  readonly append: (
    workflowId: string,
    checkpoint: Records.StoredCheckpoint<M, C>
  ) => Effect.Effect<Atomic.Steps, EncodeError>
  /** The range of a workflow's checkpoints that were made before a commit. */
  readonly before: (workflowId: string, version: Version) => KeyRange.KeyRange
}

/**
 * The checkpoints of workflows in a namespace; each lives for `ttl`, or as the namespace says.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <M, C, R>(
  store: StateStore.Service,
  state: Schema.Schema<State<M, C>, unknown, R>,
  ttl: DurationInput | undefined
): Effect.Effect<Store<M, C>, never, R> =>
  Effect.map(SchemaCodec.make(Records.storedCheckpoint(state)), (codec) => {
    const label = (key: string) => Namespace.label(store.key(key))
    const prefixOf = (workflowId: string): Effect.Effect<string, InvalidKey> =>
      Effect.suspend(() => Keys.problem(workflowId) ?? Effect.succeed(Keys.checkpointPrefix(workflowId)))
    const decode =
      (workflowId: string) =>
      (entry: Entry): Effect.Effect<Records.Checkpoint<M, C>, DecodeError> =>
        Effect.map(codec.decode(label(entry.key), entry.value), (value) =>
          Records.checkpoint(workflowId, entry.as(entry.key, value))
        )

    const list: Store<M, C>["list"] = (workflowId, options) =>
      Effect.gen(function* () {
        const range = KeyRange.prefix(yield* prefixOf(workflowId))
        const { entries, next } = yield* store.page(range, { ...options, reverse: true })
        if (options?.onInvalid !== "skip") return { entries: yield* Effect.forEach(entries, decode(workflowId)), next }
        const decoded = yield* Effect.forEach(entries, (entry) => Effect.either(decode(workflowId)(entry)))
        return { entries: Arr.getRights(decoded), next }
      })

    const load: Store<M, C>["load"] = (workflowId, checkpoint) =>
      Effect.gen(function* () {
        const entry = yield* store.get(Atomic.stamped(yield* prefixOf(workflowId), checkpoint))
        return Option.isNone(entry) ? Option.none() : Option.some(yield* decode(workflowId)(entry.value))
      })

    const latest: Store<M, C>["latest"] = (workflowId) =>
      Effect.map(list(workflowId, { limit: 1 }), ({ entries }) => Arr.head(entries))

    return {
      list,
      load,
      latest,
      require: (workflowId, checkpoint) =>
        Effect.flatMap(
          checkpoint === undefined ? latest(workflowId) : load(workflowId, checkpoint),
          Option.match({
            onNone: () => Effect.fail(new CheckpointNotFound({ workflowId, checkpoint })),
            onSome: Effect.succeed
          })
        ),
      head: (workflowId, begunMs) =>
        Effect.gen(function* () {
          const range = KeyRange.prefix(yield* prefixOf(workflowId))
          const look = (after?: PageCursor): Effect.Effect<Entry | undefined, ReadError> =>
            Effect.flatMap(
              store.page(range, { after, limit: 1, reverse: true, onInvalid: "skip" }),
              ({ entries: [newest], next }) =>
                newest === undefined && Option.isSome(next) ? look(next.value) : Effect.succeed(newest)
            )
          const newest = yield* look()
          return newest && newest.createdAtMs >= begunMs ? Atomic.stampOf(newest.key) : undefined
        }),
      append: (workflowId, checkpoint) => {
        const key = store.key(Keys.checkpointPrefix(workflowId))
        return Effect.map(codec.encode(Namespace.label(key), checkpoint), (value) => Atomic.append(key, value, { ttl }))
      },
      before: (workflowId, version) => {
        const prefix = Keys.checkpointPrefix(workflowId)
        return KeyRange.between(prefix, Atomic.stamped(prefix, version))
      }
    }
  })
