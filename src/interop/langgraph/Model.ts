/**
 * Threads of checkpoints, as they are stored and as they are read. What LangGraph's serializer makes of values is opaque here.
 *
 * A checkpoint holds no channel values: each value is an entry of its own, written by the checkpoint that brought it, and
 * shared by those after it. A checkpoint names for each channel the one that wrote its value. (The channel's version alone
 * would not do: where a thread branches, both branches count on from the same version.)
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type { Version } from "../../store/Version.ts"
import type * as Keys from "./Keys.ts"
import * as Serialized from "./Serialized.ts"

const ChannelVersion = Schema.Union(Schema.String, Schema.Number)

/**
 * @since 0.1.0
 * @category storing
 */
export const StoredCheckpoint = Schema.Struct({
  checkpoint: Serialized.Stored,
  metadata: Serialized.Stored,
  parent: Schema.optional(Schema.String),
  /** For each channel with a value its name, its version, and the checkpoint that wrote the value. */
  channels: Schema.Array(Schema.Tuple(Schema.String, ChannelVersion, Schema.String))
})

const OneWrite = Schema.Struct({ channel: Schema.String, value: Serialized.Stored })

/**
 * A write, or several that lie together because their task made very many.
 *
 * @since 0.1.0
 * @category storing
 */
export const StoredWrite = Schema.Union(
  OneWrite,
  Schema.Array(Schema.Struct({ index: Schema.Number, ...OneWrite.fields }))
)

type ChannelVersions = Readonly<Record<string, string | number>>

/**
 * A checkpoint without its channels' values.
 *
 * @since 0.1.0
 * @category models
 */
export interface Checkpoint {
  readonly place: Keys.Place
  readonly id: string
  readonly version: Version
  readonly parent: string | undefined
  readonly checkpoint: Serialized.Serialized
  readonly metadata: Serialized.Serialized
  readonly channels: (typeof StoredCheckpoint.Type)["channels"]
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Write {
  readonly task: string
  readonly index: number
  readonly channel: string
  readonly value: Serialized.Serialized
}

/**
 * The values of a checkpoint's channels, and what tasks wrote to it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Details {
  readonly values: ReadonlyArray<readonly [channel: string, value: Serialized.Serialized]>
  readonly writes: ReadonlyArray<Write>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Put<E> {
  readonly place: Keys.Place
  readonly id: string
  readonly parent: string | undefined
  readonly checkpoint: Serialized.Serialized
  readonly metadata: Serialized.Serialized
  readonly versions: ChannelVersions
  /** The versions of those channels that are new in this checkpoint. */
  readonly newVersions: ChannelVersions
  /** The value of a channel, if it has one. */
  readonly value: (channel: string) => Effect.Effect<Option.Option<Serialized.Serialized>, E>
}

/**
 * Which checkpoints are wanted; what is `undefined` is all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Selection {
  readonly thread: string | undefined
  readonly namespace: string | undefined
  /** Only those whose ids are less. */
  readonly before: string | undefined
  /** How many are read at once. */
  readonly pageLimit: number
}

/**
 * @since 0.1.0
 * @category errors
 */
export type ChangeError = ReadError | WriteError | VersionConflict

/**
 * @since 0.1.0
 * @category models
 */
export interface Threads {
  /** A checkpoint, or the newest. */
  readonly find: (place: Keys.Place, id: string | undefined) => Effect.Effect<Option.Option<Checkpoint>, ReadError>
  /** What belongs to a checkpoint that was found; `None` if it is gone meanwhile. */
  readonly details: (checkpoint: Checkpoint) => Effect.Effect<Option.Option<Details>, ReadError>
  /** What tasks wrote to a checkpoint, by task and index. */
  readonly writes: (place: Keys.Place, checkpoint: string) => Effect.Effect<ReadonlyArray<Write>, ReadError>
  /** Checkpoints, those of a graph in one piece and the newest first. */
  readonly list: (selection: Selection) => Stream.Stream<Checkpoint, ReadError>
  /** Writes a checkpoint, and those values of its channels that no checkpoint before it has written. */
  readonly put: <E>(put: Put<E>) => Effect.Effect<void, E | ChangeError>
  /** Writes what a task did, all or none of it. What the task wrote before stays; what has a negative index is replaced. */
  readonly putWrites: (
    place: Keys.Place,
    checkpoint: string,
    task: string,
    writes: ReadonlyArray<Omit<Write, "task">>
  ) => Effect.Effect<void, ChangeError>
  /** Removes all of a thread, and what is written to it meanwhile: until then no part of a checkpoint is missing. */
  readonly remove: (thread: string) => Effect.Effect<void, ChangeError>
}
