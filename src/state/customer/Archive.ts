/**
 * Where the older part of customers' histories lies: an entry for each message, session and attempt, in a namespace inside
 * the customers', placed with its customer, so that it is written by the commit that takes it out of the customer's entry.
 *
 * The key of an entry is the length of the customer's key, that key, the archive's id, a letter, and the position:
 * `3:ada:V1StGXR8:m0000000000000042`. The id is new for each customer who comes to be: whoever is created anew under an id
 * never sees what was left of the one before. An archive has a deed in the namespace `deeds`, by which what is left of customers who expired
 * is found.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Schema from "effect/Schema"
import * as Atomic from "../../store/Atomic.ts"
import * as Key from "../../store/Key.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import { type EncodeError, InvalidKey, type ReadError, type WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import { History } from "./Model.ts"
import type { Kind, Moved } from "./Overflow.ts"

/**
 * The archive of one customer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Subject {
  /** The customer's key. */
  readonly key: string
  readonly id: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Archive {
  /** What is wrong with a customer's key: it must leave room for those of the archive. */
  readonly problem: (key: string) => InvalidKey | undefined
  /** The steps that write what moves, and the deed of a new archive. */
  readonly steps: (
    subject: Subject,
    isNew: boolean,
    moved: ReadonlyArray<Moved>
  ) => Effect.Effect<ReadonlyArray<Step>, EncodeError>
  /** What lies from one position up to another, excluded; the oldest first. */
  readonly read: <K extends Kind>(
    subject: Subject,
    kind: K,
    from: number,
    to: number
  ) => Effect.Effect<ReadonlyArray<History[K][number]>, ReadError>
  /** Removes an archive with its deed. */
  readonly remove: (subject: Subject) => Effect.Effect<void, ReadError | WriteError>
  /** The archives that there are, whether or not their customers are. */
  readonly deeds: StateStore.Service
  /** The archive that a deed's key is for. */
  readonly subjectOf: (deed: string) => Subject
}

type Step = (self: Atomic.Atomic) => Atomic.Atomic

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (customers: StateStore.Service): Effect.Effect<Archive> =>
  Effect.gen(function* () {
    const options = { placement: (key: string) => customers.key(subjectOf(key).key), ttl: Number.POSITIVE_INFINITY }
    const store = customers.namespace("archive", options)
    const deeds = customers.namespace("deeds", options)
    // Each kind has its codec; the types say which.
    const codecs: { readonly [K in Kind]: SchemaCodec.SchemaCodec<History[K][number]> } = yield* Effect.all({
      messages: SchemaCodec.make(History.fields.messages.value),
      sessions: SchemaCodec.make(History.fields.sessions.value),
      resolutionAttempts: SchemaCodec.make(Schema.Unknown)
    })
    const label = ({ key }: Subject) => Namespace.label(customers.key(key))
    const encode = <K extends Kind>(subject: Subject, { kind, value }: Moved<K>) =>
      codecs[kind].encode(label(subject), value)

    return {
      problem: (key) => {
        const problem = Key.problemOfPart(key, keyBytesMax)
        if (problem === undefined) return undefined
        return new InvalidKey({
          key: Namespace.label(customers.key(key)).slice(0, 64).toWellFormed(),
          reason: `${problem.reason} for a customer`
        })
      },
      steps: (subject, isNew, moved) =>
        Effect.map(
          Effect.forEach(moved, (one) =>
            Effect.map(encode(subject, one), (value) =>
              Atomic.set(store.key(keyOf(subject, one.kind, one.position)), value)
            )
          ),
          (steps) => (isNew ? [...steps, Atomic.set(deeds.key(prefixOf(subject)), true)] : steps)
        ),
      read: (subject, kind, from, to) => {
        if (from >= to) return Effect.succeed([])
        const range = KeyRange.between(keyOf(subject, kind, from), keyOf(subject, kind, to))
        return Effect.flatMap(store.page(range, { limit: to - from }), ({ entries }) =>
          Effect.forEach(entries, ({ value }) => codecs[kind].decode(label(subject), value))
        )
      },
      remove: (subject) =>
        Effect.zipRight(
          store.clear(KeyRange.prefix(prefixOf(subject))),
          Effect.asVoid(deeds.delete(prefixOf(subject)))
        ),
      deeds,
      subjectOf
    }
  })

/**
 * An id for an archive: 48 random bits, which need only differ from those of the same customer.
 *
 * @since 0.1.0
 * @category ids
 */
export const makeId: Effect.Effect<string> = Effect.sync(() =>
  Encoding.encodeBase64Url(crypto.getRandomValues(new Uint8Array(6)))
)

const idLength = 8
const letters: { readonly [K in Kind]: string } = { messages: "m", sessions: "s", resolutionAttempts: "r" }

const prefixOf = ({ id, key }: Subject): string => `${key.length}:${key}:${id}:`

const keyOf = (subject: Subject, kind: Kind, position: number): string =>
  prefixOf(subject) + letters[kind] + String(position).padStart(Atomic.stampLength, "0")

const keyBytesMax = Key.keyBytesMax - "1000:::m".length - idLength - Atomic.stampLength

const subjectOf = (key: string): Subject => {
  const start = key.indexOf(":") + 1
  const end = start + Number(key.slice(0, start - 1))
  return { key: key.slice(start, end), id: key.slice(end + 1, end + 1 + idLength) }
}
