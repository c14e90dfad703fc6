/**
 * What a store gives back for a key.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"
import type { Version } from "./Version.ts"

/**
 * A value with its key, its version and its times, all by the store's own clock. The value is a copy: changing it changes
 * nothing in the store.
 *
 * @since 0.1.0
 * @category models
 */
export class Entry<out A = unknown, out K = string> {
  readonly key: K
  readonly value: A
  readonly version: Version
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number
  /** Milliseconds since the epoch. */
  readonly updatedAtMs: number
  /** Milliseconds since the epoch; `undefined` means never. */
  readonly expiresAtMs: number | undefined

  constructor(
    key: K,
    value: A,
    version: Version,
    createdAtMs: number,
    updatedAtMs: number,
    expiresAtMs: number | undefined
  ) {
    this.key = key
    this.value = value
    this.version = version
    this.createdAtMs = createdAtMs
    this.updatedAtMs = updatedAtMs
    this.expiresAtMs = expiresAtMs
  }

  /** When the key came to be: deleting or expiring it and writing it again starts anew. */
  get createdAt(): DateTime.Utc {
    return DateTime.unsafeMake(this.createdAtMs)
  }

  /** When the value was written last. Changing the deadline alone does not count. */
  get updatedAt(): DateTime.Utc {
    return DateTime.unsafeMake(this.updatedAtMs)
  }

  /** When it will be gone, if ever. */
  get expiresAt(): Option.Option<DateTime.Utc> {
    return Option.map(Option.fromNullable(this.expiresAtMs), DateTime.unsafeMake)
  }

  /** The same entry with its value and its key in another form. */
  as<B, L>(key: L, value: B): Entry<B, L> {
    return new Entry(key, value, this.version, this.createdAtMs, this.updatedAtMs, this.expiresAtMs)
  }
}
