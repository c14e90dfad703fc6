/**
 * A backend seen from a namespace: what every derived operation stands on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Backend, Fault, Payload, Stored, Unreadable } from "./Backend.ts"
import * as Coalescer from "./Coalescer.ts"
import { Entry } from "./Entry.ts"
import * as Json from "./Json.ts"
import { type FullKey, isFullKey } from "./Key.ts"
import * as Namespace from "./Namespace.ts"
import {
  DecodeError,
  EncodeError,
  type InvalidKey,
  type StoreError,
  StoreFailure,
  StoreMismatch,
  StoreUnavailable,
  Unsupported,
  ValueTooLarge
} from "./StateError.ts"
import * as Utf8 from "./Utf8.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface View {
  readonly backend: Backend
  readonly access: Coalescer.Access
  readonly namespace: Namespace.Namespace
  /** The most bytes an encoded value may have. */
  readonly valueBytesMax: number
}

/**
 * Runs a call on the backend, or on the backend inside the transaction that the caller has open: there nothing is gathered.
 *
 * @since 0.1.0
 * @category running
 */
export const reach = <A, E>(
  view: View,
  call: (backend: Backend, access: Coalescer.Access) => Effect.Effect<A, E>
): Effect.Effect<A, E> => {
  const within = view.backend.within
  if (within === undefined) return call(view.backend, view.access)
  return Effect.contextWithEffect((caller) => {
    const inner = within(caller)
    return inner === undefined ? call(view.backend, view.access) : call(inner, Coalescer.direct(inner))
  })
}

/**
 * The error that a backend's fault is in an operation.
 *
 * @since 0.1.0
 * @category errors
 */
export const storeError = (view: View, operation: string, { kind, outcome, reason, cause }: Fault): StoreError => {
  const backend = view.backend.name
  switch (kind) {
    case "unavailable":
      return new StoreUnavailable({ operation, backend, reason, outcome, cause })
    case "failure":
      return new StoreFailure({ operation, backend, reason, outcome, cause })
    case "unsupported":
      return new Unsupported({ operation, backend, reason })
  }
}

/**
 * The full key of a key, or a full key, which may lie in another namespace; with what is wrong with it, if anything.
 *
 * @since 0.1.0
 * @category keys
 */
export const fullKey = (view: View, key: string | FullKey): FullKey =>
  typeof key !== "string" && isFullKey(key) ? key : Namespace.fullKey(view.namespace, key)

/**
 * Why a full key can't be used here, if it can't.
 *
 * @since 0.1.0
 * @category keys
 */
export const problem = (view: View, operation: string, full: FullKey): InvalidKey | StoreMismatch | undefined =>
  full.invalid ??
  (full.namespace.store === view.namespace.store
    ? undefined
    : new StoreMismatch({ operation, backend: view.backend.name, key: Namespace.label(full) }))

/**
 * The view of a full key's namespace.
 *
 * @since 0.1.0
 * @category keys
 */
export const at = (view: View, { namespace }: FullKey): View =>
  namespace === view.namespace ? view : { ...view, namespace }

/**
 * Whether keys live in one part of the store.
 *
 * @since 0.1.0
 * @category keys
 */
export const together = (view: View, keys: ReadonlyArray<FullKey>): boolean => {
  const placementOf = view.backend.capabilities.placementOf
  return placementOf === undefined || new Set(keys.map((key) => placementOf(key.placement))).size <= 1
}

/**
 * The payload of a value.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (
  view: View,
  key: FullKey,
  value: unknown
): Either.Either<Payload, EncodeError | ValueTooLarge> => {
  const text = Json.stringify(value)
  if (Either.isLeft(text)) return Either.left(new EncodeError({ key: Namespace.label(key), ...text.left }))
  const bytesMax = view.valueBytesMax
  // No UTF-16 unit takes more than three bytes: most values need no counting.
  const bytes = text.right.length * 3 <= bytesMax ? 0 : Utf8.byteLength(text.right)
  return bytes <= bytesMax
    ? Either.right(text.right)
    : Either.left(new ValueTooLarge({ key: Namespace.label(key), bytes, bytesMax }))
}

/**
 * The entry of what was read under a key.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (view: View, key: string, item: Stored | Unreadable): Either.Either<Entry, DecodeError> => {
  if (item._tag === "Unreadable") return undecodable(view, key, item.reason)
  if (typeof item.payload !== "string") return undecodable(view, key, "its bytes belong to a codec that is not set")
  const value = Json.parse(item.payload)
  return Either.isLeft(value)
    ? undecodable(view, key, value.left)
    : Either.right(new Entry(key, value.right, item.version, item.createdAtMs, item.updatedAtMs, item.expiresAtMs))
}

const undecodable = (view: View, key: string, reason: string) =>
  Either.left(new DecodeError({ key: Namespace.label({ namespace: view.namespace, local: key }), reason }))
