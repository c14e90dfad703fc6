/**
 * One entry of a bulk migration: from what is stored to what became of it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Entry } from "../../store/Entry.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { DecodeError, ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type * as SchemaCodec from "../SchemaCodec.ts"
import * as Chain from "./Chain.ts"
import type * as Quarantine from "./Quarantine.ts"
import type { Failure, Outcome, Reason } from "./Report.ts"
import * as Versioned from "./Versioned.ts"

/**
 * Where entries lie, and how they are upgraded.
 *
 * @since 0.1.0
 * @category models
 */
export interface Target {
  readonly store: StateStore.Service
  readonly quarantine: Quarantine.Quarantine
  /** The names of the properties that lead to the versioned part of what is stored. */
  readonly at: ReadonlyArray<string>
  readonly isCurrent: (part: unknown) => boolean
  readonly codec: SchemaCodec.SchemaCodec<unknown>
}

/**
 * Brings an entry to the newest version by compare-and-set, so that whoever writes in between wins. An entry that was written
 * in between and still is of an earlier version is taken again, a few times.
 *
 * @since 0.1.0
 * @category running
 */
export const upgrade = (target: Target, entry: Entry): Effect.Effect<Outcome | Failure, ReadError | WriteError> =>
  Effect.catchTag(once(target, entry), "VersionConflict", () => again(target, entry.key, 1))

const again = (
  target: Target,
  key: string,
  attempt: number
): Effect.Effect<Outcome | Failure, ReadError | WriteError> =>
  Effect.flatMap(
    target.store.get(key),
    Option.match({
      onNone: () => Effect.succeed("raced" as const),
      onSome: (entry) =>
        isCurrent(target, entry) || attempt > attemptsMax
          ? Effect.succeed("raced" as const)
          : Effect.catchTag(once(target, entry), "VersionConflict", () => again(target, key, attempt + 1))
    })
  )

/**
 * What is known of an entry that the store itself could not read: it stays where it is, because a key or a codec may be
 * missing here and not there.
 *
 * @since 0.1.0
 * @category running
 */
export const unreadable = (error: DecodeError): Failure => ({ key: error.key, outcome: "failed", error })

/** How often an entry is taken again that others keep writing in an earlier version. */
const attemptsMax = 8

const isCurrent = ({ at, isCurrent }: Target, entry: Entry): boolean => isCurrent(Chain.partAt(entry.value, at))

const once = (
  target: Target,
  entry: Entry
): Effect.Effect<Outcome | Failure, ReadError | WriteError | VersionConflict> => {
  const { at, codec, store } = target
  const key = Namespace.label(store.key(entry.key))
  const failed = (error: Reason) => Effect.succeed<Failure>({ key, outcome: "failed", error })
  const write = Effect.gen(function* () {
    const value = yield* codec.decode(key, Chain.partAt(entry.value, at))
    if (isCurrent(target, entry)) return "current" as const
    const encoded = Chain.withPart(entry.value, at, yield* codec.encode(key, value))
    yield* store.set(entry.key, encoded, { ttl: "keep", ifVersion: entry.version })
    return "upgraded" as const
  })
  return Effect.catchTags(write, {
    DecodeError: (error) => refused(target, entry, error),
    EncodeError: failed,
    ValueTooLarge: failed
  })
}

/** What can't be decoded goes into quarantine, unless another program can make something of it, or a better step. */
const refused = (
  { quarantine, store }: Target,
  entry: Entry,
  error: DecodeError
): Effect.Effect<Outcome | Failure, ReadError | WriteError | VersionConflict> => {
  const key = Namespace.label(store.key(entry.key))
  const known = Option.getOrUndefined(Versioned.failureOf(error))
  if (known !== undefined) {
    const outcome = known._tag === "NewerVersion" ? "newer" : "failed"
    return Effect.succeed({ key, outcome, error: known })
  }
  const failed = (error: Reason) => Effect.succeed<Failure>({ key, outcome: "failed", error })
  return quarantine.put(entry, error).pipe(
    Effect.as<Failure>({ key, outcome: "quarantined", error }),
    Effect.catchTags({ EncodeError: failed, InvalidKey: failed, ValueTooLarge: failed }),
    Effect.catchTag("VersionConflict", (conflict) =>
      // The place in quarantine is taken: nothing there is written over.
      Effect.flatMap(quarantine.get(entry.key), (taken) => (Option.isSome(taken) ? failed(error) : conflict))
    )
  )
}
