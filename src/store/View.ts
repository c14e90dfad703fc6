/**
 * A backend seen from a namespace: what every derived operation stands on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Backend, Fault, Payload, Stored, Unreadable } from "./Backend.ts"
import * as Coalescer from "./Coalescer.ts"
import type { Codec, Context } from "./Codec.ts"
import { Entry } from "./Entry.ts"
import * as Json from "./Json.ts"
import { type FullKey, isFullKey } from "./Key.ts"
import * as Namespace from "./Namespace.ts"
import * as Payloads from "./Payloads.ts"
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
  /** Is told of every payload that is made, and its size: only where somebody wants to know. */
  readonly onEncoded?: ((key: FullKey, bytes: number) => void) | undefined
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
export const storeError = (
  view: Pick<View, "backend">,
  operation: string,
  { kind, outcome, reason, cause }: Fault
): StoreError => {
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
 * The view of a namespace inside a view's.
 *
 * @since 0.1.0
 * @category namespaces
 */
export const child = (view: View, segment: string | Namespace.Inner, options?: Namespace.Options): View => ({
  ...view,
  namespace: Namespace.child(view.namespace, segment, options)
})

/**
 * The view of the same namespace through another codec.
 *
 * @since 0.1.0
 * @category namespaces
 */
export const withCodec = (view: View, codec: Codec | undefined): View => ({
  ...view,
  namespace: { ...view.namespace, codec }
})

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
 * The payload of a value, or why it has none. With `stamped`, the commit's version will be appended to the key.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (
  view: View,
  key: FullKey,
  value: unknown,
  stamped: boolean
): Payload | EncodeError | ValueTooLarge => {
  const { codec } = key.namespace
  if (codec !== undefined || view.onEncoded !== undefined) return encodeBy(view, codec, key, value, stamped)
  const text = Json.stringify(value)
  if (Either.isLeft(text)) return new EncodeError({ key: Namespace.label(key), ...text.left })
  const bytesMax = view.valueBytesMax
  // No UTF-16 unit takes more than three bytes: most values need no counting.
  const bytes = text.right.length * 3 <= bytesMax ? 0 : Utf8.byteLength(text.right)
  return bytes <= bytesMax ? text.right : tooLarge(key, bytes, bytesMax)
}

const encodeBy = (
  { onEncoded, valueBytesMax: bytesMax }: View,
  codec: Codec | undefined,
  key: FullKey,
  value: unknown,
  stamped: boolean
): Payload | EncodeError | ValueTooLarge => {
  const payload =
    codec === undefined
      ? Either.mapLeft(Json.stringify(value), (loss) => ({ _tag: "Loss" as const, ...loss }))
      : codec.encode(value, { key: key.text, stamped, bytesMax })
  if (Either.isLeft(payload)) {
    return payload.left._tag === "TooLarge"
      ? tooLarge(key, payload.left.bytes, bytesMax)
      : new EncodeError({ key: Namespace.label(key), path: payload.left.path, reason: payload.left.reason })
  }
  const bytes = typeof payload.right === "string" ? Utf8.byteLength(payload.right) : payload.right.length
  if (bytes > bytesMax) return tooLarge(key, bytes, bytesMax)
  onEncoded?.(key, bytes)
  return payload.right
}

const tooLarge = (key: FullKey, bytes: number, bytesMax: number) =>
  new ValueTooLarge({ key: Namespace.label(key), bytes, bytesMax })

/**
 * The entry of what was read under a key, or why there is none.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (view: View, key: string, item: Stored | Unreadable): Entry | DecodeError => {
  if (item._tag === "Unreadable") return undecodable(view, key, item.reason)
  const { payload } = item
  const { codec } = view.namespace
  if (payload === undefined) return undecodable(view, key, "it has no payload")
  const value =
    codec === undefined && typeof payload === "string"
      ? Json.parse(payload)
      : decodeBy(codec, payload, { key: item.key, bytesMax: view.valueBytesMax })
  return Either.isLeft(value)
    ? undecodable(view, key, value.left)
    : new Entry(key, value.right, item.version, item.createdAtMs, item.updatedAtMs, item.expiresAtMs)
}

const decodeBy = (codec: Codec | undefined, payload: Payload, context: Context): Either.Either<unknown, string> =>
  codec === undefined ? Payloads.decode(payload, context, Payloads.openNone) : codec.decode(payload, context)

const undecodable = (view: View, key: string, reason: string) =>
  new DecodeError({ key: Namespace.label({ namespace: view.namespace, local: key }), reason })
