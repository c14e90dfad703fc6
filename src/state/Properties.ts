/**
 * Laying some properties over those of a value. Pure.
 *
 * @since 0.1.0
 */

/**
 * A value with other properties, and of the class that it was of: a `Schema.Class` keeps its methods.
 *
 * @since 0.1.0
 * @category changing
 */
export const over = <A>(current: A, properties: Partial<A>): A =>
  Object.setPrototypeOf({ ...current, ...properties }, Object.getPrototypeOf(current))

/**
 * Whether a value is an object of no class: what is of one may have inside what its properties do not show, as a Date has its
 * time.
 *
 * @since 0.1.0
 * @category guards
 */
export const isPlain = (value: unknown): value is { readonly [name: string]: unknown } => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
