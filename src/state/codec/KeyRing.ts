/**
 * Keys to encrypt with: one that is used now, and older ones that still open what they encrypted.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import { keyIdBytesMax } from "../../store/PayloadHeader.ts"
import { InvalidOption } from "../../store/StateError.ts"
import * as Utf8 from "../../store/Utf8.ts"

/**
 * A key with the name by which stored values tell that it encrypted them. The id is no secret; never give an id to a
 * second key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Key {
  /** Well-formed text of 1 to 64 UTF-8 bytes. */
  readonly id: string
  /** {@link keyBytes} random bytes. */
  readonly key: Redacted.Redacted<Uint8Array>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface KeyRing {
  /** The id of the key that encrypts. */
  readonly primary: string
  /** All keys by their ids, the primary one first. */
  readonly keys: ReadonlyMap<string, Redacted.Redacted<Uint8Array>>
}

/**
 * How many bytes a key has: AES-256 takes no other number.
 *
 * @since 0.1.0
 * @category limits
 */
export const keyBytes = 32

/**
 * A ring of a primary key and older ones. A key of another length, an id that is none and one that is there twice are an
 * `InvalidOption`, which carries no key.
 *
 * ```ts
 * import { Codec, KeyRing, MemoryStore, StateStore } from "effect-state"
 * import { Effect, Redacted } from "effect"
 *
 * const key = (id: string) => ({ id, key: Redacted.make(crypto.getRandomValues(new Uint8Array(32))) })
 *
 * const program = Effect.gen(function* () {
 *   const keyRing = yield* KeyRing.make({ primary: key("2026-11"), older: [key("2025-11")] })
 *   const store = yield* StateStore.StateStore
 *   const secrets = store.namespace("secrets", { codec: Codec.encrypted(Codec.json, keyRing) })
 *   yield* secrets.set("token", "hunter2")
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(MemoryStore.layer())))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: {
  readonly primary: Key
  readonly older?: ReadonlyArray<Key> | undefined
}): Either.Either<KeyRing, InvalidOption> => {
  const keys = [options.primary, ...(options.older ?? [])]
  const problem = Arr.findFirst(keys.map(problemOf), (problem) => problem !== undefined)
  if (problem._tag === "Some") return invalid(problem.value ?? "")
  // A copy: whoever gave the bytes may wipe or reuse them.
  const byId = new Map(keys.map(({ id, key }) => [id, Redacted.make(Uint8Array.from(Redacted.value(key)))]))
  return byId.size === keys.length
    ? Either.right({ primary: options.primary.id, keys: byId })
    : invalid("two keys have the same id")
}

/**
 * A ring from one setting: keys as `id:base64`, separated by commas, the primary one first. Base64 may be URL-safe, and
 * unpadded. What is no such list, and a key that does not have exactly {@link keyBytes} bytes, is a `ConfigError` that
 * tells which key it is, and nothing of it.
 *
 *     STATE_KEYS=2026-11:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=,2025-11:…
 *
 * @since 0.1.0
 * @category constructors
 */
export const config = (name: string): Config.Config<KeyRing> =>
  Config.mapOrFail(Config.redacted(name), (list) =>
    Either.mapLeft(parse(Redacted.value(list)), (reason) => ConfigError.InvalidData([name], reason))
  )

const parse = (list: string): Either.Either<KeyRing, string> =>
  Either.gen(function* () {
    const [primary, ...older] = yield* Either.all(list.split(",").map(parseKey))
    if (primary === undefined) return yield* Either.left("expected at least one key")
    return yield* Either.mapLeft(make({ primary, older }), ({ reason }) => reason)
  })

const parseKey = (text: string, i: number): Either.Either<Key, string> => {
  const colon = text.indexOf(":")
  if (colon === -1) return Either.left(`key ${i + 1}: expected an id, a colon, and the key in Base64`)
  const base64 = text.slice(colon + 1).trim()
  const unpadded = base64.replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_")
  return Either.mapBoth(Encoding.decodeBase64Url(unpadded), {
    onLeft: () => `key ${i + 1}: it is no Base64`,
    onRight: (key) => ({ id: text.slice(0, colon).trim(), key: Redacted.make(key) })
  })
}

const problemOf = ({ id, key }: Key, i: number): string | undefined => {
  if (id === "" || !id.isWellFormed() || Utf8.byteLength(id) > keyIdBytesMax) {
    return `key ${i + 1}: its id must be well-formed text of 1 to ${keyIdBytesMax} bytes`
  }
  const { length } = Redacted.value(key)
  return length === keyBytes ? undefined : `key ${i + 1}: it has ${length} bytes, and AES-256 takes ${keyBytes}`
}

const invalid = (reason: string) => Either.left(new InvalidOption({ option: "keyRing", reason }))
