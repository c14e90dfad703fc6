/**
 * Writing to threads of checkpoints: each checkpoint, and each task's writes, in one commit.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import * as Concurrent from "../../store/Concurrent.ts"
import * as Modification from "../../store/Modification.ts"
import type { ReadError, VersionConflict, WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Keys from "./Keys.ts"
import type { Checkpoint, Put, Threads } from "./Model.ts"
import * as Serialized from "./Serialized.ts"

type Channel = Checkpoint["channels"][number]

/** What becomes of a checkpoint's channels: those that have a value, and the steps that write or keep it. */
interface Channels {
  readonly channels: ReadonlyArray<Channel>
  readonly steps: ReadonlyArray<Atomic.Steps>
}

/** How many entries are removed in one commit. */
const removalMax = 500

/** How many entries a task's writes become, each of which takes two steps of a commit. */
const writesMax = 400

/**
 * What `Threads` writes, over what it finds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  store: StateStore.Service,
  ttl: DurationInput | undefined,
  { find, writes: writesOf }: Pick<Threads, "find" | "writes">
): Pick<Threads, "put" | "putWrites" | "remove"> => {
  const options = { ttl }

  /** Whether a checkpoint of this thread has written the channel at this version. */
  const isKnown = (place: Keys.Place, name: string, version: string | number) =>
    Effect.map(store.page(Keys.channelAt(place, name, version), { limit: 1 }), ({ entries }) => entries.length > 0)

  /**
   * A value is written if it is new; one that the parent has at the same version is shared, and lives on. What is neither
   * comes from elsewhere: the checkpoint is a copy of another one, or its parent is gone. Then the value is written again.
   */
  const channelsOf = <E>(put: Put<E>, parent: Option.Option<Checkpoint>): Effect.Effect<Channels, E | ReadError> =>
    Effect.gen(function* () {
      const { id, newVersions, place, versions } = put
      const inherited = new Map(
        Option.match(parent, {
          onNone: () => [],
          onSome: ({ channels }) => channels.map((channel) => [channel[0], channel])
        })
      )
      const channels: Array<Channel> = []
      const steps: Array<Atomic.Steps> = []
      for (const [name, version] of new Map([...Object.entries(versions), ...Object.entries(newVersions)])) {
        const shared = inherited.get(name)
        if (!Object.hasOwn(newVersions, name) && shared?.[1] === version) {
          channels.push(shared)
          if (ttl !== undefined) steps.push(Atomic.expire(Keys.channel(place, ...shared), ttl))
          continue
        }
        const isWritten =
          Object.hasOwn(newVersions, name) || put.parent !== undefined || (yield* isKnown(place, name, version))
        const value = isWritten ? yield* put.value(name) : Option.none()
        if (Option.isNone(value)) continue
        channels.push([name, version, id])
        steps.push(Atomic.set(Keys.channel(place, name, version, id), Serialized.toStored(value.value), options))
      }
      return { channels, steps }
    })

  const bump = (place: Keys.Place, id: string) => Atomic.set(Keys.head(place.thread), id, options)

  /**
   * Values that don't fit into one commit come before it, while nothing refers to them. That no deletion of the thread
   * takes them for leftovers, the head tells: both begin by writing it.
   */
  const commit = (
    place: Keys.Place,
    id: string,
    steps: ReadonlyArray<Atomic.Steps>,
    last: Atomic.Steps<VersionConflict>
  ) =>
    store.commit(last(steps.reduce((atomic, step) => step(atomic), Atomic.make.pipe(bump(place, id))))).pipe(
      Effect.catchTag("CommitTooLarge", () =>
        Effect.gen(function* () {
          const { version } = yield* store.commit(Atomic.make.pipe(bump(place, id)))
          yield* Concurrent.forEach(steps, 16, (step) => store.commit(step(Atomic.make)))
          const head = Keys.head(place.thread)
          return yield* store.commit(Atomic.make.pipe(Atomic.check(head, version), bump(place, id), last))
        })
      )
    )

  const putOnce = <E>(put: Put<E>): Effect.Effect<void, E | ReadError | WriteError | VersionConflict> =>
    Effect.gen(function* () {
      const { id, parent, place } = put
      const before = parent === undefined ? Option.none() : yield* find(place, parent)
      const { channels, steps } = yield* channelsOf(put, before)
      const checkpoint = Serialized.toStored(put.checkpoint)
      const metadata = Serialized.toStored(put.metadata)
      const write = Atomic.set(Keys.checkpoint(place, id), { checkpoint, metadata, parent, channels }, options)
      // What the parent shares must still be there.
      const check = Option.map(before, ({ id, version }) => Atomic.check(Keys.checkpoint(place, id), version))
      yield* commit(place, id, steps, (atomic) =>
        Option.isNone(check) ? write(atomic) : atomic.pipe(check.value, write)
      )
    })

  /**
   * Removes the checkpoints, then what they referred to, as long as no checkpoint was written since: one that was had its
   * parent, and so has what it shares, or brought everything itself. Then all begins anew.
   */
  const removeOnce = (thread: string) =>
    Effect.gen(function* () {
      const head = Keys.head(thread)
      const { version } = yield* store.commit(Atomic.make.pipe(Atomic.set(head, "", options)))
      yield* store.clear(Keys.all(thread, "checkpoint"))
      const remove = (keys: Iterable<string>) => {
        const unchanged: Atomic.Atomic<VersionConflict> = Atomic.make.pipe(Atomic.check(head, version))
        return store.commit(Arr.reduce(keys, unchanged, (atomic, key) => atomic.pipe(Atomic.delete(key))))
      }
      yield* Stream.concat(store.keys(Keys.pattern(thread, "write")), store.keys(Keys.pattern(thread, "channel"))).pipe(
        Stream.grouped(removalMax),
        Stream.runForEach(remove)
      )
      yield* remove([head])
    }).pipe(Modification.orConflict)

  return {
    put: (put) =>
      Modification.untilCommitted(store.key(Keys.checkpoint(put.place, put.id)), Modification.orConflict(putOnce(put))),
    putWrites: (place, checkpoint, task, writes) =>
      Effect.gen(function* () {
        const [head] = writes
        if (head === undefined) return
        const keyOf = ({ index }: { readonly index: number }) => Keys.write(place, checkpoint, task, index)
        const stored = writes.map(({ channel, index, value }) => ({
          index,
          channel,
          value: Serialized.toStored(value)
        }))
        const [first, last] = Arr.partition(stored, ({ index }) => index < 0)
        const replaced = last.map(({ index, ...write }) => Atomic.set(keyOf({ index }), write, options))
        const attempt = (taken: ReadonlySet<number>) => {
          const kept = first.filter(({ index }) => !taken.has(index))
          // A commit takes so many steps: very many writes lie several together.
          const added = Arr.chunksOf(kept, Math.ceil(first.length / writesMax)).map((together) => {
            const [{ index, ...write }] = together
            const key = keyOf({ index })
            return (atomic: Atomic.Atomic<VersionConflict>) =>
              atomic.pipe(
                Atomic.check(key, "absent"),
                Atomic.set(key, together.length === 1 ? write : together, options)
              )
          })
          const start: Atomic.Atomic<VersionConflict> = Atomic.make
          return Modification.orConflict(
            store.commit([...replaced, ...added].reduce((atomic, step) => step(atomic), start))
          )
        }
        // A task writes once, as a rule: whether it did is looked up only where it shows.
        if (Either.isRight(yield* attempt(new Set()))) return
        const looked = Effect.flatMap(writesOf(place, checkpoint), (found) =>
          attempt(new Set(found.flatMap((write) => (write.task === task ? [write.index] : []))))
        )
        yield* Modification.untilCommitted(store.key(keyOf(head)), looked)
      }),
    remove: (thread) => Modification.untilCommitted(store.key(Keys.head(thread)), removeOnce(thread))
  }
}
