/**
 * Workflows: states that outlive the process and the framework that work on them, listed newest first, with checkpoints to
 * resume and fork from.
 *
 * All workflows of one tag live together, so that each change and its place in the list are one commit, on a cluster too: on
 * one node of it. Give tenants tags of their own where there are more than a node should hold.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import type { FullKey } from "../../store/Key.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { Page, PageOptions } from "../../store/Reads.ts"
import type { DecodeError, ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import type { Version } from "../../store/Version.ts"
import type { SetOptions } from "../../store/Writes.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as Checkpoints from "./Checkpoints.ts"
import * as Keys from "./Keys.ts"
import * as Records from "./Records.ts"
import * as State from "./State.ts"
import { type CheckpointNotFound, WorkflowExists, WorkflowNotFound } from "./WorkflowError.ts"
import * as Writer from "./Writer.ts"

export type { Checkpoints } from "./Checkpoints.ts"
export { idBytesMax } from "./Keys.ts"
export { type Checkpoint, Origin, type Saved, type Summary } from "./Records.ts"
export {
  addMessage,
  append,
  Context,
  empty,
  Message,
  Metadata,
  type Parts,
  State,
  schema,
  updateContext,
  updateMetadata
} from "./State.ts"
export { CheckpointNotFound, WorkflowExists, WorkflowNotFound } from "./WorkflowError.ts"

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
  ) => Effect.Effect<(self: Atomic.Atomic) => Atomic.Atomic, ReadError | WriteError>
  /** Where a workflow lies, for namespaces whose entries are to live where it does. */
  readonly key: (id: string) => FullKey
}

/**
 * An id that nobody else has.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeId: Effect.Effect<string> = Effect.sync(() => crypto.randomUUID())

/**
 * The workflows of a namespace; the services that the schemas need are taken from the context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <
  M = State.Message,
  MI = State.Message,
  MR = never,
  C = State.Context,
  CI = State.Context,
  CR = never
>(
  id: string,
  options: Options<M, MI, MR, C, CI, CR> = {}
): Effect.Effect<Workflow<M, C>, never, StateStore.StateStore | MR | CR> =>
  Effect.gen(function* () {
    const { checkpointTtl, namespace = id, ttl } = options
    const store = (yield* StateStore.StateStore).namespace(namespace, { placement: "namespace", ttl })
    const state = State.schema(options)
    const states = yield* SchemaCodec.make(Records.stored(state))
    const lines = yield* SchemaCodec.make(Records.Indexed)
    const checkpoints = yield* Checkpoints.make(store, state, checkpointTtl)
    const { change, commit, read, remove, write } = Writer.make(store, states)

    const decode = (id: string, entry: Entry) =>
      Effect.map(states.decode(Namespace.label(store.key(entry.key)), entry.value), (value) =>
        Records.saved(id, entry.as(id, value))
      )
    const found = (
      id: string,
      entry: Option.Option<Entry>
    ): Effect.Effect<Records.Saved<M, C>, DecodeError | WorkflowNotFound> =>
      Option.isNone(entry) ? Effect.fail(new WorkflowNotFound({ workflowId: id })) : decode(id, entry.value)

    /** Writes a state over what was read, if that is still there, and a checkpoint of it if asked. */
    const overwrite = (
      current: Option.Option<Entry>,
      state: State.State<M, C>,
      { checkpoint = false, ...options }: WriteOptions
    ) =>
      Effect.gen(function* () {
        const { workflowId } = state.metadata
        const next = { state, origin: Writer.originOf(current) }
        const written = yield* write(current, next, options)
        if (!checkpoint) return written
        const parent = yield* checkpoints.head(workflowId)
        const append = yield* checkpoints.append(workflowId, { ...next, parent, source: "taken" })
        return { ...written, steps: (atomic: Atomic.Atomic) => atomic.pipe(written.steps, append) }
      })

    const save: Workflow<M, C>["save"] = (state, { ifVersion, ...options } = {}) => {
      const { workflowId } = state.metadata
      if (ifVersion === undefined) {
        return change(workflowId, (current) => Effect.flatMap(overwrite(current, state, options), commit))
      }
      // Who names a version has nothing to say to another one: no second attempt.
      const unchanged = Atomic.check(store.key(Keys.state(workflowId)), ifVersion)
      return Effect.flatMap(read(workflowId), (current) =>
        Effect.flatMap(overwrite(current, state, options), (written) => commit(written, unchanged))
      )
    }

    const delete_ = (id: string) =>
      Effect.gen(function* () {
        const { version, wasThere } = yield* change(id, (current) =>
          Effect.map(
            Effect.catchTag(store.commit(Atomic.make.pipe(remove(id, current))), "NotInteger", Effect.die), // It adds nothing.
            ({ version }) => ({ version, wasThere: Option.isSome(current) })
          )
        )
        // Those of a workflow that began under this id since then are newer.
        yield* store.clear(checkpoints.before(id, version))
        return wasThere
      })

    const decodeLine = (entry: Entry): Effect.Effect<Records.Summary, DecodeError> =>
      Effect.map(lines.decode(Namespace.label(store.key(entry.key)), entry.value), (value) =>
        Records.summary(entry.as(entry.key, value))
      )

    const list: Workflow<M, C>["list"] = (options) =>
      Effect.gen(function* () {
        const { entries, next } = yield* store.page(KeyRange.prefix(Keys.indexPrefix), { ...options, reverse: true })
        if (options?.onInvalid !== "skip") return { entries: yield* Effect.forEach(entries, decodeLine), next }
        const decoded = yield* Effect.forEach(entries, (entry) => Effect.either(decodeLine(entry)))
        return { entries: Arr.getRights(decoded), next }
      })

    const self: Workflow<M, C> = {
      save,
      load: (id) =>
        Effect.flatMap(read(id), (entry) =>
          Option.isNone(entry) ? Effect.succeedNone : Effect.asSome(decode(id, entry.value))
        ),
      require: (id) => Effect.flatMap(read(id), (entry) => found(id, entry)),
      update: (id, f, options = {}) =>
        change(id, (current) =>
          Effect.gen(function* () {
            const next = f((yield* found(id, current)).state)
            const state = { ...next, metadata: { ...next.metadata, workflowId: id } }
            return yield* commit(yield* overwrite(current, state, { ...options, ttl: options.ttl ?? "keep" }))
          })
        ),
      delete: delete_,
      list,
      stream: Stream.paginateChunkEffect(undefined as PageOptions["after"], (after) =>
        Effect.map(list({ after, limit: streamPageLimit }), ({ entries, next }) => [
          Chunk.unsafeFromArray(entries),
          next
        ])
      ),
      count: store.count(KeyRange.prefix(Keys.indexPrefix)),
      clear: Effect.suspend(() =>
        self.stream.pipe(
          Stream.mapEffect(({ id }) => delete_(id), { concurrency: 16 }),
          Stream.runFold(0, (removed, wasThere) => removed + (wasThere ? 1 : 0))
        )
      ),
      checkpoint: (id) =>
        change(id, (current) =>
          Effect.gen(function* () {
            const { origin, state, version } = yield* found(id, current)
            const parent = yield* checkpoints.head(id)
            const stored = { state, origin, parent, source: "taken" as const }
            const append = yield* checkpoints.append(id, stored)
            const unchanged = Atomic.check(store.key(Keys.state(id)), version)
            const committed = yield* Effect.catchTag(
              store.commit(Atomic.make.pipe(unchanged, append)),
              "NotInteger",
              Effect.die // It adds nothing.
            )
            return { ...stored, id: committed.version, workflowId: id, createdAtMs: committed.atMs }
          })
        ),
      checkpoints: { list: checkpoints.list, load: checkpoints.load, latest: checkpoints.latest },
      resume: (id, { checkpoint, ...options } = {}) =>
        Effect.flatMap(checkpoints.require(id, checkpoint), ({ id: parent, origin, state }) =>
          change(id, (current) =>
            Effect.gen(function* () {
              const written = yield* write(current, { state, origin }, options)
              return yield* commit(written, yield* checkpoints.append(id, { state, origin, parent, source: "resumed" }))
            })
          )
        ),
      fork: (id, { checkpoint, to, ...options } = {}) =>
        Effect.gen(function* () {
          const source = yield* checkpoints.require(id, checkpoint)
          const workflowId = to ?? (yield* makeId)
          const problem = Keys.problem(workflowId)
          if (problem !== undefined) return yield* problem
          const state = { ...source.state, metadata: { ...source.state.metadata, workflowId } }
          const origin = { workflowId: id, checkpoint: source.id }
          const written = yield* write(Option.none(), { state, origin }, options)
          return yield* Effect.catchTag(commit(written), "VersionConflict", () =>
            Effect.fail(new WorkflowExists({ workflowId }))
          )
        }),
      put: (state, options = {}) =>
        Effect.flatMap(read(state.metadata.workflowId), (current) =>
          Effect.map(overwrite(current, state, options), ({ steps }) => steps)
        ),
      key: (id) => store.key(Keys.state(id))
    }
    return self
  })

/** How many workflows a stream reads at once. */
const streamPageLimit = 256

/**
 * @since 0.1.0
 * @category tags
 */
export interface TagClass<Self, Id extends string, M, C, R> extends Context.TagClass<Self, Id, Workflow<M, C>> {
  /** The schema of the states. */
  readonly schema: Schema.Schema<State.State<M, C>, unknown, R>
  readonly layer: Layer.Layer<Self, never, StateStore.StateStore | R>
}

/**
 * A class that is the tag of an application's workflows, with its layer.
 *
 * ```ts
 * import { MemoryStore, Workflow } from "effect-state"
 * import { Effect, Layer, pipe } from "effect"
 *
 * class Workflows extends Workflow.Tag<Workflows>()("Workflows", { ttl: "7 days" }) {}
 *
 * const program = Effect.gen(function* () {
 *   const workflows = yield* Workflows
 *   const begun = pipe(
 *     Workflow.empty("order-1", { framework: "planner" }),
 *     Workflow.addMessage("user", "Hello!"),
 *     Workflow.updateContext({ step: 1 })
 *   )
 *   yield* workflows.save(begun, { checkpoint: true })
 *   yield* workflows.update("order-1", Workflow.addMessage("assistant", "Hi there!"))
 *   yield* workflows.list({ limit: 10 }) // order-1, with two messages
 *   return yield* workflows.resume("order-1") // as it was at the checkpoint
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Workflows.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export const Tag =
  <Self>() =>
  <
    const Id extends string,
    M = State.Message,
    MI = State.Message,
    MR = never,
    C = State.Context,
    CI = State.Context,
    CR = never
  >(
    id: Id,
    options: Options<M, MI, MR, C, CI, CR> = {}
  ): TagClass<Self, Id, M, C, MR | CR> => {
    const base = Context.Tag(id)<Self, Workflow<M, C>>()
    return Object.assign(base, { schema: State.schema(options), layer: Layer.effect(base, make(id, options)) })
  }
