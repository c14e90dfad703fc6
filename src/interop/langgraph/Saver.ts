/**
 * LangGraph's checkpointer: promises and LangGraph's own types over `Threads`.
 *
 * @since 0.1.0
 */
import type { RunnableConfig } from "@langchain/core/runnables"
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  copyCheckpoint,
  getCheckpointId,
  maxChannelVersion,
  type PendingWrite,
  type SerializerProtocol,
  TASKS,
  WRITES_IDX_MAP
} from "@langchain/langgraph-checkpoint"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import * as Edge from "./Edge.ts"
import type { Place } from "./Keys.ts"
import type * as Model from "./Model.ts"
import type { Serialized } from "./Serialized.ts"

/** How many checkpoints a list reads at once where it can't be known how many are wanted. */
const pageLimit = 64

/**
 * A checkpointer over threads in a store.
 *
 * @since 0.1.0
 * @category models
 */
export class Saver extends BaseCheckpointSaver {
  readonly #threads: Model.Threads
  readonly #runtime: Runtime.Runtime<never>
  readonly #run: Edge.Run

  constructor(threads: Model.Threads, runtime: Runtime.Runtime<never>, serde: SerializerProtocol | undefined) {
    super(serde)
    this.#threads = threads
    this.#runtime = runtime
    this.#run = Edge.make(runtime)
  }

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const place = placeOf(config)
    if (place === undefined) return undefined
    const id = getCheckpointId(config)
    for (;;) {
      const found = await this.#run(this.#threads.find(place, id === "" ? undefined : id))
      if (Option.isNone(found)) return undefined
      const tuple = await this.#tuple(found.value)
      // It went away while it was read: another one may be the newest now.
      if (tuple !== undefined) return tuple
    }
  }

  override async *list(
    config: RunnableConfig,
    { before, filter, limit = Number.POSITIVE_INFINITY }: CheckpointListOptions = {}
  ): AsyncGenerator<CheckpointTuple> {
    const { checkpoint_id: only, checkpoint_ns: namespace, thread_id: thread } = config.configurable ?? {}
    // Only without a word about it all threads are meant.
    if (thread === null) throw missing("thread_id")
    const wanted = Object.entries(filter ?? {})
    const checkpoints = this.#threads.list({
      thread: thread === undefined ? undefined : String(thread),
      // As everywhere else, none is the root graph's; only without a word about it all are meant.
      namespace: namespace === null ? "" : namespace,
      before: before === undefined ? undefined : getCheckpointId(before) || undefined,
      pageLimit: wanted.length === 0 ? Math.max(1, Math.min(limit, pageLimit)) : pageLimit
    })
    let left = limit
    if (left <= 0) return
    for await (const checkpoint of Stream.toAsyncIterableRuntime(checkpoints, this.#runtime)) {
      if (only && checkpoint.id !== only) continue
      const metadata = await this.#load(checkpoint.metadata)
      if (!wanted.every(([name, value]) => metadata[name] === value)) continue
      const tuple = await this.#tuple(checkpoint)
      if (tuple === undefined) continue
      yield tuple
      left -= 1
      if (left <= 0) return
    }
  }

  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions
  ): Promise<RunnableConfig> {
    const place = placeOf(config)
    if (place === undefined) throw missing("thread_id")
    const { channel_values: values, ...rest } = copyCheckpoint(checkpoint)
    const value = (channel: string) =>
      Object.hasOwn(values, channel)
        ? Effect.asSome(Effect.promise(() => this.#dump(values[channel])))
        : Effect.succeedNone
    await this.#run(
      this.#threads.put({
        place,
        id: checkpoint.id,
        parent: config.configurable?.checkpoint_id || undefined,
        checkpoint: await this.#dump(rest),
        metadata: await this.#dump(metadata),
        versions: checkpoint.channel_versions,
        newVersions,
        value
      })
    )
    return configOf(place, checkpoint.id)
  }

  override async putWrites(config: RunnableConfig, writes: Array<PendingWrite>, taskId: string): Promise<void> {
    const place = placeOf(config)
    if (place === undefined) throw missing("thread_id")
    const id = getCheckpointId(config)
    if (id === "") throw missing("checkpoint_id")
    const dumped = await Promise.all(
      writes.map(async ([channel, value], index) => ({
        // Errors, interrupts and the like have places of their own, in which the last one counts.
        index: Object.hasOwn(WRITES_IDX_MAP, channel) ? (WRITES_IDX_MAP[channel] ?? index) : index,
        channel,
        value: await this.#dump(value)
      }))
    )
    await this.#run(this.#threads.putWrites(place, id, taskId, dumped))
  }

  override async deleteThread(threadId: string): Promise<void> {
    await this.#run(this.#threads.remove(threadId))
  }

  async #tuple(found: Model.Checkpoint): Promise<CheckpointTuple | undefined> {
    const details = await this.#run(this.#threads.details(found))
    if (Option.isNone(details)) return undefined
    const values = await Promise.all(
      details.value.values.map(async ([name, value]) => [name, await this.#load(value)] as const)
    )
    const checkpoint: Checkpoint = {
      ...(await this.#load(found.checkpoint)),
      channel_values: Object.fromEntries(values)
    }
    if (checkpoint.v < 4 && found.parent !== undefined)
      await this.#addPendingSends(checkpoint, found.place, found.parent)
    const tuple = {
      config: configOf(found.place, found.id),
      checkpoint,
      metadata: await this.#load(found.metadata),
      pendingWrites: await this.#pending(details.value.writes)
    }
    return found.parent === undefined ? tuple : { ...tuple, parentConfig: configOf(found.place, found.parent) }
  }

  /** Before version 4 of the format, what was sent to the next step lay with the parent's writes. */
  async #addPendingSends(checkpoint: Checkpoint, place: Place, parent: string): Promise<void> {
    const writes = await this.#pending(await this.#run(this.#threads.writes(place, parent)))
    checkpoint.channel_values[TASKS] = writes.flatMap(([, channel, value]) => (channel === TASKS ? [value] : []))
    const versions = Object.values(checkpoint.channel_versions)
    checkpoint.channel_versions[TASKS] =
      versions.length > 0 ? maxChannelVersion(...versions) : this.getNextVersion(undefined)
  }

  #pending(writes: ReadonlyArray<Model.Write>): Promise<Array<CheckpointPendingWrite>> {
    return Promise.all(
      writes.map(
        async ({ channel, task, value }): Promise<CheckpointPendingWrite> => [task, channel, await this.#load(value)]
      )
    )
  }

  async #dump(value: unknown): Promise<Serialized> {
    const [type, bytes] = await this.serde.dumpsTyped(value)
    return { type, bytes }
  }

  #load({ bytes, type }: Serialized) {
    return this.serde.loadsTyped(type, bytes)
  }
}

const placeOf = ({ configurable = {} }: RunnableConfig): Place | undefined =>
  Predicate.isNullable(configurable.thread_id)
    ? undefined
    : { thread: String(configurable.thread_id), namespace: configurable.checkpoint_ns ?? "" }

const configOf = ({ namespace, thread }: Place, id: string): RunnableConfig => ({
  configurable: { thread_id: thread, checkpoint_ns: namespace, checkpoint_id: id }
})

const missing = (name: string) =>
  new TypeError(`The config has no "configurable.${name}", which says where the checkpoint belongs`)
