/**
 * How workflows are kept: what `Workflow` describes, over the writer and the checkpoints of a namespace.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { PageOptions } from "../../store/Reads.ts"
import type { DecodeError, VersionConflict } from "../../store/StateError.ts"
import * as StateStore from "../../store/StateStore.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as Checkpoints from "./Checkpoints.ts"
import * as Keys from "./Keys.ts"
import type { Options, Workflow, WriteOptions } from "./Model.ts"
import * as Records from "./Records.ts"
import * as State from "./State.ts"
import { WorkflowExists, WorkflowNotFound } from "./WorkflowError.ts"
import * as Writer from "./Writer.ts"

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
    const { checkpointTtl, codec, namespace = id, ttl } = options
    const store = (yield* StateStore.StateStore).namespace(namespace, { codec, placement: "namespace", ttl })
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
        const parent = Option.isNone(current)
          ? undefined
          : yield* checkpoints.head(workflowId, current.value.createdAtMs)
        const append = yield* checkpoints.append(workflowId, { ...next, parent, source: "taken" })
        const steps: Atomic.Steps<VersionConflict> = (atomic) => atomic.pipe(written.steps, append)
        return { ...written, steps }
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
          Effect.map(remove(id, current), ({ version }) => ({ version, wasThere: Option.isSome(current) }))
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
      // Not by the list: a workflow that is saved meanwhile moves to its front, behind the back of who pages through it.
      clear: store.keys(Keys.state("*")).pipe(
        Stream.mapEffect((key) => delete_(key.slice(Keys.state("").length)), { concurrency: 16 }),
        Stream.runFold(0, (removed, wasThere) => removed + (wasThere ? 1 : 0))
      ),
      checkpoint: (id) =>
        change(id, (current) =>
          Effect.gen(function* () {
            const { createdAtMs, origin, state, version } = yield* found(id, current)
            const parent = yield* checkpoints.head(id, createdAtMs)
            const stored = { state, origin, parent, source: "taken" as const }
            const append = yield* checkpoints.append(id, stored)
            const unchanged = Atomic.check(store.key(Keys.state(id)), version)
            const committed = yield* store.commit(Atomic.make.pipe(unchanged, append))
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
