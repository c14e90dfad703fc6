/**
 * A store by its URL.
 *
 * @since 0.1.0
 */
export * as StoreUrl from "./StoreUrl.ts"
