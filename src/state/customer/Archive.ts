/**
 * Where the older part of customers' histories lies: entries of ten messages, sessions or attempts each, in a namespace inside
 * the customers', placed with their customer, so that they are written by the commit that takes them out of the customer's
 * entry.
 *
 * The key of an entry is the length of the customer's key, that key, the archive's id, a letter, and the block's number:
 * `3:ada:V1StGXR8:m0000000000000042` has the messages 420 to 429. The id is new for each customer who comes to be: whoever is created anew under an id
 * never sees what was left of the one before. An archive has a deed in the namespace `deeds`, by which what is left of customers who expired
 * is found.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Atomic from "../../store/Atomic.ts"
import * as Key from "../../store/Key.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Namespace from "../../store/Namespace.ts"
import { InvalidKey, type ReadError, type WriteError } from "../../store/StateError.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as SchemaCodec from "../SchemaCodec.ts"
import * as SubjectKey from "../SubjectKey.ts"
import type { Item } from "./Log.ts"
import { History } from "./Model.ts"
import { type Block, blockSize, type Kind } from "./Overflow.ts"

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
  /** The steps that write what moves, encoded as it is, and the deed of a new archive. */
  readonly steps: (subject: Subject, isNew: boolean, moved: ReadonlyArray<Block>) => ReadonlyArray<Atomic.Steps>
  /** What lies from one position up to another, excluded, with its position; the oldest first. */
  readonly read: <K extends Kind>(
    subject: Subject,
    kind: K,
    from: number,
    to: number
  ) => Effect.Effect<ReadonlyArray<Item<History[K][number]>>, ReadError>
  /** Removes an archive with its deed. */
  readonly remove: (subject: Subject) => Effect.Effect<void, ReadError | WriteError>
  /** The archives that there are, whether or not their customers are. */
  readonly deeds: StateStore.Service
  /** The archive that a deed's key is for. */
  readonly subjectOf: (deed: string) => Subject
}

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
    const codecs: { readonly [K in Kind]: SchemaCodec.SchemaCodec<History[K]> } = yield* Effect.all({
      messages: SchemaCodec.make(History.fields.messages),
      sessions: SchemaCodec.make(History.fields.sessions),
      resolutionAttempts: SchemaCodec.make(History.fields.resolutionAttempts)
    })
    const label = ({ key }: Subject) => Namespace.label(customers.key(key))
    return {
      problem: (key) => {
        const problem = Key.problemOfPart(key, keyBytesMax)
        if (problem === undefined) return undefined
        return new InvalidKey({
          key: Namespace.label(customers.key(key)).slice(0, 64).toWellFormed(),
          reason: `${problem.reason} for a customer`
        })
      },
      steps: (subject, isNew, moved) => [
        ...moved.map(({ kind, number, values }) => Atomic.set(store.key(keyOf(subject, kind, number)), values)),
        ...(isNew ? [Atomic.set(deeds.key(prefixOf(subject)), true)] : [])
      ],
      read: (subject, kind, from, to) => {
        if (from >= to) return Effect.succeed([])
        const [first, end] = [Math.floor(from / blockSize), Math.ceil(to / blockSize)]
        const range = KeyRange.between(keyOf(subject, kind, first), keyOf(subject, kind, end))
        return Effect.map(
          Effect.flatMap(store.page(range, { limit: end - first }), ({ entries }) =>
            Effect.forEach(entries, ({ key, value }) =>
              Effect.map(codecs[kind].decode(label(subject), value), (values) =>
                values.map((value, i) => ({ position: numberOf(key) * blockSize + i, value }))
              )
            )
          ),
          (blocks) => blocks.flat().filter(({ position }) => from <= position && position < to)
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
export const makeId = (): string => Encoding.encodeBase64Url(crypto.getRandomValues(new Uint8Array(6)))

const idLength = 8
const letters: { readonly [K in Kind]: string } = { messages: "m", sessions: "s", resolutionAttempts: "r" }

const prefixOf = ({ id, key }: Subject): string => `${SubjectKey.prefix(key)}${id}:`

const keyOf = (subject: Subject, kind: Kind, block: number): string =>
  prefixOf(subject) + letters[kind] + String(block).padStart(Atomic.stampLength, "0")

const numberOf = (key: string): number => Number(key.slice(-Atomic.stampLength))

const keyBytesMax = Key.keyBytesMax - SubjectKey.prefixLengthMax - ":m".length - idLength - Atomic.stampLength

const subjectOf = (deed: string): Subject => {
  const key = SubjectKey.of(deed)
  return { key, id: deed.slice(SubjectKey.prefix(key).length).slice(0, idLength) }
}
