/**
 * How an event is delivered to a context: read, step, and one commit of all that follows.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as Modification from "../../store/Modification.ts"
import * as Namespace from "../../store/Namespace.ts"
import { DecodeError, type ReadError, type VersionConflict, type WriteError } from "../../store/StateError.ts"
import type { Version } from "../../store/Version.ts"
import type { Committed } from "../../store/Writes.ts"
import * as Dictionary from "../Dictionary.ts"
import type { StateMachine } from "./Definition.ts"
import { GuardRefused, NoTransition, type UnknownState } from "./MachineError.ts"
import type { Tagged } from "./Members.ts"
import * as Records from "./Records.ts"
import * as Step from "./Step.ts"
import type { Edge } from "./Table.ts"

/**
 * A transition that was committed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transitioned<S> {
  /** The event's name. */
  readonly event: string
  readonly from: S
  readonly to: S
  /** The version of the commit. */
  readonly version: Version
  /** When it was committed, by the store's clock, in milliseconds since the epoch. */
  readonly atMs: number
  /** Whether this is the answer to an earlier delivery of the event: then nothing has happened now. */
  readonly isRepeated: boolean
}

/**
 * What a delivery gives: the transition and, if it was made now, what its effects are to be shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface Delivered<S, E, D, M> {
  readonly transitioned: Transitioned<S>
  readonly step: Option.Option<Step.Step<S, E, S, D, M>>
}

/**
 * What a delivery fails with.
 *
 * @since 0.1.0
 * @category errors
 */
export type DeliveryError = NoTransition | GuardRefused | UnknownState | ReadError | WriteError | VersionConflict

/**
 * Commits to the store, in whichever way writes have to be made: under a lock's fence, say.
 *
 * @since 0.1.0
 * @category models
 */
export type Commit<W> = <E extends Atomic.Refusal>(
  atomic: Atomic.Atomic<E>
) => Effect.Effect<Committed, ReadError | WriteError | E | W>

/** What is kept of the answer to an event, in encoded form. */
const Answer = Schema.Union(
  Schema.TaggedStruct("Transitioned", { event: Schema.String, from: Schema.Unknown, to: Schema.Unknown }),
  NoTransition,
  GuardRefused
)

const encodeAnswer = Schema.encodeSync(Answer)
const decodeAnswer = Schema.decodeUnknownEither(Answer)

/**
 * Delivers an event. The function of the machine runs again if another writer was faster.
 *
 * @since 0.1.0
 * @category delivering
 */
export const deliver = <S extends Tagged, E extends Tagged, D, M, X extends Edge, R, W>(
  machine: StateMachine<S, E, D, M, X, R>,
  records: Records.Records<S, D, M>,
  commit: Commit<W>,
  key: string,
  event: E,
  eventId: string | undefined
): Effect.Effect<Delivered<S, E, D, M>, DeliveryError | W> => {
  const attempt = Effect.gen(function* () {
    const found = yield* records.read(key, eventId)
    if (Option.isSome(found.answer)) return Either.right(yield* earlier<S, E, D, M>(records, key, found.answer.value))
    const state = yield* records.decodeState(key, Records.valueOf(found.state))
    const data = yield* records.decodeData(key, Records.valueOf(found.data))
    const unchanged = Atomic.make.pipe(
      Atomic.check(key, Records.versionOf(found.state)),
      records.checkData(key, found.data)
    )
    const answering = (answer: typeof Answer.Type) =>
      eventId === undefined ? nothing : records.putAnswer(key, eventId, encodeAnswer(answer))

    const stepped = Step.step(machine, state, event, data)
    if (Either.isLeft(stepped)) {
      // A refusal is an answer, too: an event that came too early must not come true when it is delivered again.
      if (eventId !== undefined) {
        const refused = yield* Modification.orConflict(commit(unchanged.pipe(answering(stepped.left))))
        if (Either.isLeft(refused)) return Either.left(refused.left)
      }
      return yield* stepped.left
    }
    const step = stepped.right
    const [from, to] = yield* Effect.all([records.encodeState(key, step.from), records.encodeState(key, step.to)])
    const steps = unchanged.pipe(
      records.putState(key, to),
      yield* changesOfData(records, key, found.data, step.change),
      Option.isSome(step.message) ? yield* records.putMessage(key, step.message.value) : nothing,
      answering({ _tag: "Transitioned", event: event._tag, from, to })
    )
    return yield* Modification.orConflict(
      Effect.map(
        commit(steps),
        ({ atMs, version }): Delivered<S, E, D, M> => ({
          transitioned: { event: event._tag, from: step.from, to: step.to, version, atMs, isRepeated: false },
          step: Option.some(step)
        })
      )
    )
  })
  return Modification.untilCommitted(records.store.key(key), attempt)
}

const nothing: Atomic.Steps = (atomic) => atomic

const changesOfData = <S, D, M>(
  records: Records.Records<S, D, M>,
  key: string,
  current: Option.Option<Entry>,
  change: Step.Change<D>
) => {
  if (change === "none") return Effect.succeed(nothing)
  if (change === "clear") return Effect.succeed(records.removeData(key))
  return Effect.map(records.encodeData(key, change), (fields) =>
    records.putData(key, Dictionary.patched(current, fields))
  )
}

/** The answer that an earlier delivery got. */
const earlier = <S, E, D, M>(
  records: Records.Records<S, D, M>,
  key: string,
  entry: Entry
): Effect.Effect<Delivered<S, E, D, M>, NoTransition | GuardRefused | UnknownState | DecodeError> =>
  Effect.gen(function* () {
    const answer = yield* Either.mapLeft(
      decodeAnswer(entry.value),
      ({ issue }) =>
        // The context's key, as it is told in every error: the entry's own has it in it.
        new DecodeError({ key: Namespace.label(records.store.key(key)), reason: "it is no answer to an event", issue })
    )
    if (answer._tag !== "Transitioned") return yield* answer
    const from = yield* records.decodeState(key, Option.some(answer.from))
    const to = yield* records.decodeState(key, Option.some(answer.to))
    return {
      transitioned: {
        event: answer.event, // As it was called when it was delivered first.
        from,
        to,
        version: entry.version,
        atMs: entry.updatedAtMs,
        isRepeated: true
      },
      step: Option.none()
    }
  })
