/**
 * Removing customers whom nobody has seen for long, and what is left of those who expired.
 *
 * @since 0.1.0
 */
import * as Boolean from "effect/Boolean"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Entry } from "../../store/Entry.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import type { ReadError, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import type { Quarantine } from "../migration/Quarantine.ts"
import type * as Archive from "./Archive.ts"
import type * as Changes from "./Changes.ts"
import type { State } from "./Model.ts"
import * as Stored from "./Stored.ts"

/**
 * Removes customers who were last written before a time, unless they are written meanwhile, and gives their number.
 *
 * @since 0.1.0
 * @category cleaning
 */
export const olderThan = <E>(
  customers: Stream.Stream<Entry<State>, E>,
  before: DateTime.Utc,
  { remove }: Changes.Changes
): Effect.Effect<number, E | ReadError | WriteError> =>
  customers.pipe(
    Stream.filter(({ value }) => DateTime.lessThan(value.updatedAt, before)),
    Stream.filterEffect(({ key, value, version }) =>
      remove({
        key,
        version,
        archiveId: value.history.archived.id ?? undefined,
        sessions: Stored.activeIds(value)
      }).pipe(
        Effect.as(true),
        Effect.catchTag("VersionConflict", () => Effect.succeed(false))
      )
    ),
    Stream.runCount
  )

/**
 * Removes the archives of customers who are gone, and gives their number. A customer in quarantine is not gone.
 *
 * @since 0.1.0
 * @category cleaning
 */
export const archives = (
  archive: Archive.Archive,
  find: Changes.Changes["find"],
  quarantine: Quarantine
): Effect.Effect<number, ReadError | WriteError> =>
  archive.deeds.keys("*").pipe(
    Stream.map(archive.subjectOf),
    Stream.filterEffect(({ id, key }) => isGone(key, ({ history }) => history.archived.id === id, find, quarantine)),
    Stream.mapEffect(archive.remove),
    Stream.runCount
  )

/**
 * Removes sessions from the index that are not active any more, because their customers expired, and gives their number. A
 * customer in quarantine is not gone. Whose session it is must be readable: an entry that is not stays.
 *
 * @since 0.1.0
 * @category cleaning
 */
export const sessions = (
  index: StateStore.Service,
  find: Changes.Changes["find"],
  quarantine: Quarantine
): Effect.Effect<number, ReadError | WriteError> =>
  index.entries(KeyRange.all, { onInvalid: "skip" }).pipe(
    Stream.filterEffect(({ key, value }) =>
      isGone(String(value), (state) => Stored.activeIds(state).includes(key), find, quarantine)
    ),
    Stream.mapEffect(({ key }) => index.delete(key)),
    Stream.runCount
  )

/** Whether what is left is no customer's. */
const isGone = (
  key: string,
  isOf: (state: State) => boolean,
  find: Changes.Changes["find"],
  quarantine: Quarantine
): Effect.Effect<boolean, ReadError> => {
  const isThere = known(
    Effect.map(
      find(key),
      Option.exists(({ entry }) => isOf(entry.value))
    )
  )
  const isKept = known(Effect.map(quarantine.get(key), Option.isSome))
  // In this order: a customer who moves into quarantine or back meanwhile is seen in one of the two.
  return Effect.map(Effect.exists([isThere, isKept, isThere], identity), Boolean.not)
}

/** Of a customer who can't be decoded, nobody knows. */
const known = (isThere: Effect.Effect<boolean, Stored.GetError>): Effect.Effect<boolean, ReadError> =>
  Effect.catchTags(isThere, {
    DecodeError: () => Effect.succeed(true),
    MigrationFailed: () => Effect.succeed(true),
    NewerVersion: () => Effect.succeed(true)
  })
