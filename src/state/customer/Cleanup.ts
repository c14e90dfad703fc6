/**
 * Removing customers whom nobody has seen for long, and what is left of those who expired.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
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
  store: StateStore.Service,
  archive: Archive.Archive,
  quarantine: Quarantine
): Effect.Effect<number, ReadError | WriteError> => {
  const live = ({ id, key }: Archive.Subject) =>
    Effect.map(store.get(key), (entry) => Option.exists(entry, (entry) => Stored.archiveIdOf(entry) === id))
  return archive.deeds.entries(KeyRange.all).pipe(
    Stream.map(({ key }) => archive.subjectOf(key)),
    Stream.filterEffect((subject) => isGone(live(subject), subject.key, quarantine)),
    Stream.mapEffect(archive.remove),
    Stream.runCount
  )
}

/**
 * Removes sessions from the index that are not active any more, because their customers expired, and gives their number. A
 * customer in quarantine is not gone.
 *
 * @since 0.1.0
 * @category cleaning
 */
export const sessions = (
  index: StateStore.Service,
  find: Changes.Changes["find"],
  quarantine: Quarantine
): Effect.Effect<number, ReadError | WriteError> =>
  index.entries(KeyRange.all).pipe(
    Stream.filterEffect((entry) => isGone(isActive(entry, find), String(entry.value), quarantine)),
    Stream.mapEffect(({ key }) => index.delete(key)),
    Stream.runCount
  )

/** In this order: a customer who moves into quarantine or back meanwhile is seen in one of the two. */
const isGone = (isThere: Effect.Effect<boolean, ReadError>, key: string, quarantine: Quarantine) =>
  Effect.gen(function* () {
    const isKept = Effect.map(quarantine.get(key), Option.isSome)
    return !((yield* isThere) || (yield* isKept) || (yield* isThere))
  })

/** Of a customer who can't be decoded, nobody knows. */
const isActive = ({ key, value }: Entry, find: Changes.Changes["find"]) =>
  find(String(value)).pipe(
    Effect.map(Option.exists(({ entry }) => Stored.activeIds(entry.value).includes(key))),
    Effect.catchTags({
      DecodeError: () => Effect.succeed(true),
      MigrationFailed: () => Effect.succeed(true),
      NewerVersion: () => Effect.succeed(true)
    })
  )
