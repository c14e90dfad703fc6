/**
 * Keys, and the full keys they become in a namespace.
 *
 * A full key is the namespace's path, a colon, and the key: `users/eu:42`, at the root `:42`. The segments of a path are
 * escaped, the key is not, so that the first colon ends the path: full keys are injective and readable, the keys of one
 * namespace keep their order, and no namespace sees the keys of its parent, of a child or of a sibling.
 *
 * @since 0.1.0
 */
import { hasProperty } from "effect/Predicate"
import type { Namespace } from "./Namespace.ts"
import { InvalidKey } from "./StateError.ts"
import * as Utf8 from "./Utf8.ts"

/**
 * The most UTF-8 bytes a key may take in its namespace.
 *
 * @since 0.1.0
 * @category limits
 */
export const keyBytesMax = 1_024

/**
 * The most UTF-8 bytes a full key may take, its namespace's path included.
 *
 * @since 0.1.0
 * @category limits
 */
export const fullKeyBytesMax = 2_000

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: TypeId = "~effect-state/FullKey"

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = "~effect-state/FullKey"

/**
 * A key with its namespace, its placement and the store it belongs to. `service.key("…")` makes one, so that a commit can
 * span the namespaces of its store.
 *
 * @since 0.1.0
 * @category models
 */
export class FullKey {
  /** The path, a colon, the key: what a backend stores. */
  readonly text: string
  /** Entries of equal placement live together, and only those can be committed together on a cluster. */
  readonly placement: string
  /** The key in its namespace. */
  readonly local: string
  readonly namespace: Namespace
  /** What is wrong with the key, if anything: using it fails with this. */
  readonly invalid: InvalidKey | undefined

  constructor(namespace: Namespace, local: string, text: string, placement: string, invalid: InvalidKey | undefined) {
    this.text = text
    this.placement = placement
    this.local = local
    this.namespace = namespace
    this.invalid = invalid
  }

  /** In the prototype: a literal with a computed property takes longer to make than all else that a key needs. */
  get [TypeId](): TypeId {
    return TypeId
  }
}

/**
 * @since 0.1.0
 * @category guards
 */
export const isFullKey = (u: unknown): u is FullKey => hasProperty(u, TypeId)

/**
 * What is wrong with text that is to be a key: any well-formed Unicode without NUL of 1 to {@link keyBytesMax} bytes is
 * one, or of fewer where more is to follow.
 *
 * @since 0.1.0
 * @category validation
 */
export const problem = (key: string, bytesMax: number = keyBytesMax): InvalidKey | undefined =>
  key === "" ? invalid(key, "it is empty") : problemOfPart(key, bytesMax)

/**
 * {@link problem}, for text that is only a part of a key (a bound, a prefix) and may be empty.
 *
 * @since 0.1.0
 * @category validation
 */
export const problemOfPart = (text: string, bytesMax: number): InvalidKey | undefined => {
  if (typeof text !== "string") return invalid(String(text), "it is no string")
  if (text.includes("\0")) return invalid(text, "it has a NUL character")
  if (!text.isWellFormed()) return invalid(text, "it is no well-formed Unicode (a lone surrogate)")
  // No UTF-16 unit takes more than three bytes: short text needs no counting.
  if (text.length * 3 > bytesMax && Utf8.byteLength(text) > bytesMax) {
    return invalid(text, `it takes ${Utf8.byteLength(text)} bytes, and ${bytesMax} are allowed`)
  }
  return undefined
}

/**
 * The full key of a key with more text behind it, which lives where it does.
 *
 * @since 0.1.0
 * @category keys
 */
export const extend = ({ namespace, local, text, placement, invalid }: FullKey, suffix: string): FullKey =>
  new FullKey(namespace, local + suffix, text + suffix, placement, invalid)

/**
 * Escapes a segment of a namespace's path: no two paths look alike, and none ends in the middle of another.
 *
 * @since 0.1.0
 * @category encoding
 */
export const escapeSegment = (segment: string): string =>
  segment.replaceAll("%", "%25").replaceAll("/", "%2F").replaceAll(":", "%3A")

const invalid = (key: string, reason: string): InvalidKey =>
  new InvalidKey({ key: key.slice(0, 64).toWellFormed(), reason })
