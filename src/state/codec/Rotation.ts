/**
 * Bringing what is stored to the codec of its namespace, while it is in use.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { Codec } from "../../store/Codec.ts"
import * as Concurrent from "../../store/Concurrent.ts"
import type { Entry } from "../../store/Entry.ts"
import type { KeyRange } from "../../store/KeyRange.ts"
import type { PageCursor } from "../../store/PageCursor.ts"
import * as PayloadHeader from "../../store/PayloadHeader.ts"
import type { ReadError, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import { json } from "./Pipeline.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** Which entries. Default: all of the namespace. */
  readonly range?: KeyRange | undefined
  /** Where an earlier run has come to: the `next` of its last report. */
  readonly after?: PageCursor | undefined
  /** How many entries are read at once, and reported on together: 1 to 1,000. Default 100. */
  readonly limit?: number | undefined
  /**
   * Also encrypt plain integers. By default they stay, as they may be counters, and `add` would find an encrypted
   * one to be no integer.
   */
  readonly integers?: boolean | undefined
}

/**
 * How far a job has come, with the counts since it began (or went on).
 *
 * @since 0.1.0
 * @category models
 */
export interface Report {
  /** Entries looked at. */
  readonly scanned: number
  /** Entries written anew. */
  readonly rewritten: number
  /** How many of those looked at are now encrypted by the key of each id. */
  readonly byKeyId: { readonly [keyId: string]: number }
  /** How many are not encrypted. */
  readonly plain: number
  /** How many can't be decoded: their key is not in the ring, or they are damaged. They are left alone, and counted above too. */
  readonly unreadable: number
  /** Where to go on; `None` at the end. */
  readonly next: Option.Option<PageCursor>
}

/**
 * Writes every entry of a namespace anew that is not encrypted as its codec encrypts now: by the primary key, or not at all
 * where the codec has none. The last report tells how many are left under each key; a key that is under none, in every
 * namespace that used it, can be taken out of the ring.
 *
 * It runs while the store is in use. Reads never fail on its account; each entry is written only if nobody has changed it
 * since it was read, so that a concurrent writer wins. The deadline and `createdAt` stay; the version and `updatedAt` are those of
 * a write. It holds no state of its own: stopped at any time, it goes on from the last report's `next`, or from the start.
 *
 * Programs that still have the old primary key go on to write with it: first give all of them the new key among the older
 * ones, then make it the primary, then rotate.
 *
 * The namespaces inside are not touched, nor counted. Locks end by themselves; records of a history are rotated by its own store.
 * What sessions (owners), customers, machines and migrations keep inside has no handle: where they are used, the old key stays in
 * the ring.
 *
 * @since 0.1.0
 * @category rotation
 */
export const rotateKeys = (
  store: StateStore.Service,
  options: Options = {}
): Stream.Stream<Report, ReadError | WriteError> => survey(store, options, (found) => renew(store, options, found))

/**
 * How many entries lie under each key, without writing any.
 *
 * @since 0.1.0
 * @category rotation
 */
export const countKeys = (
  store: StateStore.Service,
  options: Pick<Options, "range"> = {}
): Effect.Effect<Omit<Report, "next">, ReadError> =>
  Stream.runFold(
    survey(store, { ...options, limit: 1_000 }, (found) => Effect.succeed({ ...found, rewritten: false })),
    started,
    (_, report) => report
  )

/** What lies under a key: who encrypted it, and its value if it can be had. */
interface Found {
  readonly key: string
  readonly version: Entry["version"]
  readonly keyIds: ReadonlyArray<string>
  readonly value: Either.Either<unknown, string>
  readonly isInteger: boolean
}

interface Outcome extends Pick<Found, "keyIds" | "value"> {
  readonly rewritten: boolean
}

const survey = <E>(
  store: StateStore.Service,
  { after, limit = 100, range = {} }: Options,
  see: (found: Found) => Effect.Effect<Outcome | undefined, E>
): Stream.Stream<Report, E | ReadError> =>
  Stream.paginateEffect({ after, report: started }, ({ after, report }) =>
    Effect.gen(function* () {
      const page = yield* looking(store).page(range, { limit, after, onInvalid: "skip" })
      const outcomes = yield* Concurrent.forEach(page.entries.map(foundIn), 16, see)
      const now: Report = { ...outcomes.reduce(count, report), next: page.next }
      return [now, Option.map(page.next, (after) => ({ after, report: now }))] as const
    })
  )

const started: Report = { scanned: 0, rewritten: 0, byKeyId: {}, plain: 0, unreadable: 0, next: Option.none() }

/** What is gone meanwhile was looked at, and lies nowhere. */
const count = (report: Report, outcome: Outcome | undefined): Report => {
  const scanned = report.scanned + 1
  if (outcome === undefined) return { ...report, scanned }
  const { keyIds, rewritten, value } = outcome
  return {
    ...report,
    scanned,
    rewritten: report.rewritten + (rewritten ? 1 : 0),
    byKeyId: {
      ...report.byKeyId,
      ...Object.fromEntries(keyIds.map((id) => [id, (report.byKeyId[id] ?? 0) + 1]))
    },
    plain: report.plain + (keyIds.length === 0 ? 1 : 0),
    unreadable: report.unreadable + (Either.isLeft(value) ? 1 : 0)
  }
}

const codecOf = (store: StateStore.Service): Codec => store.key("any").namespace.codec ?? json

/** The store with a codec that tells how a payload is encoded, and never fails. */
const looking = (store: StateStore.Service): StateStore.Service => {
  const codec = codecOf(store)
  return store.withCodec({
    ...codec,
    decode: (payload, context) => {
      const value = codec.decode(payload, context)
      const isInteger = typeof payload === "string" && Number.isSafeInteger(Number(payload))
      return Either.right({ keyIds: PayloadHeader.keyIds(payload), value, isInteger })
    }
  })
}

const foundIn = ({ key, value, version }: Entry): Found => ({
  ...(value as Pick<Found, "keyIds" | "value" | "isInteger">), // The codec of `looking` decodes to this.
  key,
  version
})

/** Writes an entry anew if it has to be; if somebody else writes it meanwhile, it is looked at again. */
const renew = (
  store: StateStore.Service,
  options: Options,
  found: Found,
  attempts = attemptsMax
): Effect.Effect<Outcome | undefined, ReadError | WriteError> => {
  const wanted = codecOf(store).keyIds
  const isCounter = found.isInteger && options.integers !== true
  if (isCounter || sameIds(found.keyIds, wanted) || Either.isLeft(found.value) || attempts === 0) {
    return Effect.succeed({ ...found, rewritten: false })
  }
  return store.set(found.key, found.value.right, { ttl: "keep", ifVersion: found.version }).pipe(
    Effect.as({ ...found, keyIds: wanted, rewritten: true }),
    Effect.catchTag("VersionConflict", () =>
      Effect.flatMap(
        looking(store).get(found.key),
        Option.match({
          onNone: () => Effect.succeed(undefined),
          onSome: (entry) => renew(store, options, foundIn(entry), attempts - 1)
        })
      )
    )
  )
}

const sameIds = (a: ReadonlyArray<string>, b: ReadonlyArray<string>) =>
  a.length === b.length && a.every((id, i) => id === b[i])

/** An entry that is written all the time is written with the primary key by others. */
const attemptsMax = 8
