/**
 * Namespaces: where the keys of a service lie, which of them live together, and how long entries live by default.
 *
 * @since 0.1.0
 */
import type { DurationInput } from "effect/Duration"
import * as Either from "effect/Either"
import * as Hash from "effect/Hash"
import type { Codec } from "./Codec.ts"
import * as Key from "./Key.ts"
import { InvalidKey, type InvalidTtl } from "./StateError.ts"
import * as Ttl from "./Ttl.ts"

/**
 * Which entries of a namespace live together on a store that spreads its keys (Redis Cluster), and so can be committed
 * together: each by itself (`"key"`), those whose keys agree up to their first colon (`"prefix"`), all (`"namespace"`),
 * or each with a key of another namespace, which the function names.
 *
 * It is part of where data lies: entries written under another placement are not found again on such a store.
 *
 * @since 0.1.0
 * @category models
 */
export type Placement = "key" | "prefix" | "namespace" | ((key: string) => Key.FullKey)

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Default `"key"`. */
  readonly placement?: Placement | undefined
  /** How long entries live that are written without a time to live of their own. Default: the parent's. */
  readonly ttl?: DurationInput | undefined
  /** Keys are secrets (session ids): errors show a hash instead. Default: the parent's. */
  readonly secretKeys?: boolean | undefined
  /**
   * How values are stored: see `Codec`. Default: the parent's, and JSON text at the root. Values that another codec wrote stay
   * readable: each says how it is encoded.
   */
  readonly codec?: Codec | undefined
}

/**
 * A part of the keyspace, as services and ranges need it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Namespace {
  /** The identity of the store it belongs to. */
  readonly store: object
  /** The escaped segments, joined by slashes; empty at the root. */
  readonly path: string
  /** What every full key of it starts with. */
  readonly start: string
  /** The least text behind all of its full keys. */
  readonly end: string
  readonly placement: Placement
  readonly ttlMs: Either.Either<Ttl.TtlMs, InvalidTtl>
  /** That of a write which asks for no other. */
  readonly deadline: Either.Either<Ttl.Deadline, InvalidTtl>
  readonly secretKeys: boolean
  /** `undefined` is JSON text. */
  readonly codec: Codec | undefined
  /** What is wrong with its path, if anything: every call that names a key fails with it. */
  readonly invalid: InvalidKey | undefined
}

/**
 * The name of a namespace in which this library keeps what belongs to the entries of another one: their locks, their
 * past. Its segment begins with `~`, which no segment does that is given as text.
 *
 * @since 0.1.0
 * @category models
 */
export interface Inner {
  readonly inner: string
}

/**
 * Names a namespace of the library's own. What lies there is the library's to change.
 *
 * @since 0.1.0
 * @category constructors
 */
export const inner = (name: string): Inner => ({ inner: name })

/**
 * The namespace that holds all others of a store.
 *
 * @since 0.1.0
 * @category constructors
 */
export const root = (store: object, ttlMs: Ttl.TtlMs, codec?: Codec | undefined): Namespace => ({
  ...bounds(""),
  store,
  placement: "key",
  ...lifetime(Either.right(ttlMs)),
  secretKeys: false,
  codec,
  invalid: undefined
})

/**
 * A namespace inside another one, disjoint from it and from all its siblings. Names that begin with `~` are kept for
 * {@link inner} ones.
 *
 * @since 0.1.0
 * @category constructors
 */
export const child = (parent: Namespace, name: string | Inner, options: Options = {}): Namespace => {
  const segment = typeof name === "string" ? name : `~${name.inner}`
  const problem = parent.invalid ?? Key.problem(segment) ?? reserved(name)
  const path = problem === undefined ? joinPath(parent.path, Key.escapeSegment(segment)) : parent.path
  return {
    ...bounds(path),
    store: parent.store,
    placement: options.placement ?? "key",
    ...lifetime(options.ttl === undefined ? parent.ttlMs : Ttl.decode(options.ttl)),
    secretKeys: options.secretKeys ?? parent.secretKeys,
    codec: options.codec ?? parent.codec,
    invalid: problem ?? tooLong(path, segment)
  }
}

/**
 * The full key of a key in a namespace. It never throws: a bad key gives one that carries what is wrong with it.
 *
 * @since 0.1.0
 * @category keys
 */
export const fullKey = (namespace: Namespace, key: string): Key.FullKey => {
  const problem = namespace.invalid ?? problemOf(namespace, key)
  const text = namespace.start + key
  const placement = problem === undefined ? placementOf(namespace, key, text) : text
  return new Key.FullKey(namespace, key, text, placement, problem)
}

/**
 * What is wrong with text that is to be a key of a namespace, as errors may show it: see `Key.problem`.
 *
 * @since 0.1.0
 * @category validation
 */
export const problemOf = (namespace: Namespace, key: string, bytesMax?: number): InvalidKey | undefined => {
  const problem = Key.problem(key, bytesMax)
  return problem && namespace.secretKeys
    ? new InvalidKey({ key: secretLabel(String(key)), reason: problem.reason })
    : problem
}

/**
 * The full key of a text that a backend gave, for what goes to a backend alone: of its namespace it knows where it is.
 *
 * @since 0.1.0
 * @category keys
 */
export const fullKeyOf = (text: string): Key.FullKey => {
  const path = text.slice(0, text.indexOf(":"))
  const namespace = { ...nowhere, ...bounds(path) }
  return new Key.FullKey(namespace, localKey(namespace, text), text, text, undefined)
}

/**
 * The key in its namespace of a full key's text that lies in it.
 *
 * @since 0.1.0
 * @category keys
 */
export const localKey = (namespace: Namespace, text: string): string => text.slice(namespace.start.length)

/**
 * A key as errors may show it.
 *
 * @since 0.1.0
 * @category keys
 */
export const label = ({ namespace, local }: Pick<Key.FullKey, "namespace" | "local">): string =>
  namespace.secretKeys ? secretLabel(local) : local

/**
 * The one placement of all keys that start with `prefix`, if there is one.
 *
 * @since 0.1.0
 * @category keys
 */
export const placementOfPrefix = (namespace: Namespace, prefix: string): string | undefined => {
  if (namespace.placement === "namespace") return namespace.start
  return namespace.placement === "prefix" && prefix.includes(":") ? upToColon(namespace.start, prefix) : undefined
}

/**
 * Whether a key that goes on behind this one, by so many digits, lies where this one does.
 *
 * @since 0.1.0
 * @category keys
 */
export const keepsPlacement = ({ local, namespace, placement }: Key.FullKey, digits: number): boolean =>
  fullKey(namespace, local + "0".repeat(digits)).placement === placement

const reserved = (name: string | Inner): InvalidKey | undefined =>
  typeof name === "string" && name.startsWith("~")
    ? new InvalidKey({ key: name.slice(0, 64).toWellFormed(), reason: "a namespace's name does not begin with ~" })
    : undefined

const bounds = (path: string) => ({ path, start: `${path}:`, end: `${path};` })

const lifetime = (ttlMs: Namespace["ttlMs"]) => ({ ttlMs, deadline: Either.map(ttlMs, Ttl.after) })

const joinPath = (parent: string, segment: string): string => (parent === "" ? segment : `${parent}/${segment}`)

const pathBytesMax = Key.fullKeyBytesMax - Key.keyBytesMax - 1

const tooLong = (path: string, segment: string): InvalidKey | undefined => {
  const problem = Key.problemOfPart(path, pathBytesMax)
  return (
    problem &&
    new InvalidKey({ key: segment.slice(0, 64).toWellFormed(), reason: `the namespace's path: ${problem.reason}` })
  )
}

const placementOf = (namespace: Namespace, key: string, text: string): string => {
  switch (namespace.placement) {
    case "key":
      return text
    case "prefix":
      return upToColon(namespace.start, key)
    case "namespace":
      return namespace.start
    default:
      return namespace.placement(key).placement
  }
}

const upToColon = (start: string, key: string): string => {
  const colon = key.indexOf(":")
  return colon === -1 ? start + key : start + key.slice(0, colon)
}

/** What is no string is hashed as errors would show it. */
const secretLabel = (key: string): string => `#${(Hash.string(String(key)) >>> 0).toString(16).padStart(8, "0")}`

/** At the end, as it is made of what stands above. */
const nowhere = root({}, undefined)
