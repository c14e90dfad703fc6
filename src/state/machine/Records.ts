/**
 * What a store holds of a context, and where.
 *
 * The state lies under the context's key, in the namespace of all contexts; the data under the same key in a namespace inside
 * it. Both have a deadline of their own. The answers to events that came with an id, and the messages for the outbox, have keys
 * that start with the length of the context's key and the key, so that those of two contexts never mix. All live where the
 * state does, and so are written in one commit.
 *
 * @since 0.1.0
 */
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as Namespace from "../../store/Namespace.ts"
import { DecodeError, type EncodeError, type ReadError, type VersionConflict } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Dictionary from "../Dictionary.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as SubjectKey from "../SubjectKey.ts"
import type { StateMachine } from "./Definition.ts"
import { UnknownState } from "./MachineError.ts"
import type { Tagged } from "./Members.ts"
import type { Edge } from "./Table.ts"

/**
 * How long the parts of a context live after they were written last.
 *
 * @since 0.1.0
 * @category options
 */
export interface Ttl {
  /** The state: then it is the initial one again. Default: as the store says, or for ever. */
  readonly state?: DurationInput | undefined
  /** The data: then it is empty. Default: as the store says, or for ever. */
  readonly data?: DurationInput | undefined
  /** The answer to an event that came with an id: how long a repeated delivery is known as one. Default one day. */
  readonly answers?: DurationInput | undefined
  /** A message in the outbox. Default: for ever. */
  readonly outbox?: DurationInput | undefined
}

/**
 * What was found of a context.
 *
 * @since 0.1.0
 * @category models
 */
export interface Found {
  readonly state: Option.Option<Entry>
  readonly data: Option.Option<Entry>
  readonly answer: Option.Option<Entry>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Records<S, D, M> {
  /** The namespace of the states. */
  readonly store: StateStore.Service
  readonly outbox: StateStore.Service
  readonly ttl: Ttl
  /** The entries of a context, and the answer to an event of this id. */
  readonly read: (key: string, eventId: string | undefined) => Effect.Effect<Found, ReadError>
  readonly readState: (key: string) => Effect.Effect<Option.Option<Entry>, ReadError>
  readonly readData: (key: string) => Effect.Effect<Option.Option<Entry>, ReadError>
  /** The state that was stored; the initial one if there is none. */
  readonly decodeState: (key: string, stored: Option.Option<unknown>) => Effect.Effect<S, DecodeError | UnknownState>
  readonly encodeState: (key: string, state: S) => Effect.Effect<unknown, EncodeError>
  /** The data that was stored, if any was. */
  readonly decodeData: (key: string, stored: Option.Option<unknown>) => Effect.Effect<D, DecodeError>
  readonly encodeData: (key: string, data: Partial<D>) => Effect.Effect<Dictionary.Stored, EncodeError>
  readonly putState: (key: string, encoded: unknown) => Atomic.Steps
  readonly putData: (key: string, encoded: Dictionary.Stored) => Atomic.Steps
  /** Demands that the data is as it was found. */
  readonly checkData: (key: string, entry: Option.Option<Entry>) => Atomic.Steps<VersionConflict>
  readonly removeState: (key: string) => Atomic.Steps
  readonly removeData: (key: string) => Atomic.Steps
  /** Demands that the event has no answer yet, and writes one. */
  readonly putAnswer: (key: string, eventId: string, answer: unknown) => Atomic.Steps<VersionConflict>
  readonly putMessage: (key: string, message: M) => Effect.Effect<Atomic.Steps, EncodeError>
  readonly decodeMessage: (entry: Entry) => Effect.Effect<M, DecodeError>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = <S extends Tagged, E extends Tagged, D, M, X extends Edge, R>(
  machine: StateMachine<S, E, D, M, X, R>,
  store: StateStore.Service,
  ttl: Ttl
): Effect.Effect<Records<S, D, M>, never, R> =>
  Effect.gen(function* () {
    const states = yield* SchemaCodec.make(machine.State)
    const dictionary = yield* Dictionary.codec(machine.Data)
    const messages = machine.Message === undefined ? undefined : yield* SchemaCodec.make(machine.Message)
    const beside = (segment: string) => store.namespace(segment, { placement: (key) => store.key(key) })
    const owned = (segment: string) => store.namespace(segment, { placement: (key) => store.key(SubjectKey.of(key)) })
    const data = beside("data")
    const answers = owned("answers")
    const outbox = owned("outbox")
    const label = (key: string) => Namespace.label(store.key(key))

    const decodeState = (key: string, stored: Option.Option<unknown>): Effect.Effect<S, DecodeError | UnknownState> => {
      if (Option.isNone(stored)) return Effect.succeed(machine.initial)
      const tag = tagOf(stored.value)
      if (tag === undefined || machine.tags.includes(tag)) return states.decode(label(key), stored.value)
      const { _tag, ...fields } = stored.value as Dictionary.Stored // It has a tag.
      const state = machine.fallback?.({ tag, fields })
      return state === undefined
        ? new UnknownState({ machine: machine.id, key: label(key), state: tag })
        : Effect.succeed(state)
    }

    const self: Records<S, D, M> = {
      store,
      outbox,
      ttl,
      read: (key, eventId) => {
        const answer = eventId === undefined ? [] : [answers.key(SubjectKey.prefix(key) + eventId)]
        return Effect.map(
          store.getMany([store.key(key), data.key(key), ...answer]),
          ([state = none, data = none, answer = none]) => ({ state, data, answer })
        )
      },
      readState: (key) => store.get(key),
      readData: (key) => data.get(key),
      decodeState,
      encodeState: (key, state) => states.encode(label(key), state),
      decodeData: (key, stored) => dictionary.decode(label(key), stored),
      encodeData: (key, fields) => dictionary.encode(label(key), fields),
      putState: (key, encoded) => Atomic.set(store.key(key), encoded, { ttl: ttl.state }),
      putData: (key, encoded) => Atomic.set(data.key(key), encoded, { ttl: ttl.data }),
      checkData: (key, entry) => Atomic.check(data.key(key), versionOf(entry)),
      removeState: (key) => Atomic.delete(store.key(key)),
      removeData: (key) => Atomic.delete(data.key(key)),
      putAnswer: (key, eventId, answer) => (atomic) => {
        const full = answers.key(SubjectKey.prefix(key) + eventId)
        return atomic.pipe(
          Atomic.check(full, "absent"),
          Atomic.set(full, answer, { ttl: ttl.answers ?? answersTtlDefault })
        )
      },
      putMessage: (key, message) =>
        messages === undefined
          ? Effect.succeed((atomic) => atomic)
          : Effect.map(messages.encode(label(key), message), (encoded) =>
              Atomic.append(outbox.key(SubjectKey.prefix(key)), encoded, {
                ttl: ttl.outbox ?? Number.POSITIVE_INFINITY
              })
            ),
      decodeMessage: ({ key, value }) =>
        messages === undefined
          ? Effect.fail(new DecodeError({ key: label(SubjectKey.of(key)), reason: "the machine declares no messages" }))
          : messages.decode(label(SubjectKey.of(key)), value)
    }
    return self
  })

/**
 * The version to check of what was found.
 *
 * @since 0.1.0
 * @category checks
 */
export const versionOf = (entry: Option.Option<Entry>) =>
  Option.match(entry, { onNone: () => "absent" as const, onSome: ({ version }) => version })

/**
 * The value that was stored.
 *
 * @since 0.1.0
 * @category values
 */
export const valueOf: (entry: Option.Option<Entry>) => Option.Option<unknown> = Option.map(({ value }) => value)

const none = Option.none<Entry>()

const answersTtlDefault: DurationInput = "1 day"

const tagOf = (stored: unknown): string | undefined =>
  Predicate.hasProperty(stored, "_tag") && Predicate.isString(stored._tag) ? stored._tag : undefined
