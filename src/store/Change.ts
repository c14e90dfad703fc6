/**
 * What a feed of changes tells.
 *
 * @since 0.1.0
 */
import type * as Brand from "effect/Brand"
import type { Version } from "./Version.ts"

/**
 * An opaque position in a store's feed of changes. It is no version, and means nothing to another store.
 *
 * @since 0.1.0
 * @category models
 */
export type Cursor = string & Brand.Brand<"effect-state/Cursor">

/**
 * An entry was written, got another deadline, was deleted or expired; the feed is `Ready` (all that comes now is new), or
 * it lost its place (`Gap`: read again what you watch). `key` is the key in the watched namespace.
 *
 * @since 0.1.0
 * @category models
 */
export type Change =
  | { readonly _tag: "Put"; readonly key: string; readonly version: Version; readonly cursor: Cursor }
  | { readonly _tag: "Touch"; readonly key: string; readonly expiresAtMs: number | undefined; readonly cursor: Cursor }
  | { readonly _tag: "Delete"; readonly key: string; readonly cursor: Cursor }
  | { readonly _tag: "Expire"; readonly key: string; readonly cursor: Cursor }
  | { readonly _tag: "Ready"; readonly cursor: Cursor }
  | { readonly _tag: "Gap"; readonly cursor: Cursor }
