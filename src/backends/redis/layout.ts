/**
 * Where things lie on the server.
 *
 * The keyspace is split into buckets, each with a hash tag of its own, so that a script has all it needs on one node of a
 * cluster. Bucket `b` of the store with the prefix `effect-state:` has
 *
 * - `effect-state:{b}e:<full key>`, a string for each entry (see `value.ts`),
 * - `effect-state:{b}index`, a sorted set of the full keys, all of score 0, which Redis orders by their bytes,
 * - `effect-state:{b}expiry`, a sorted set of full keys by a time not later than their deadline, for the sweeper,
 * - `effect-state:{b}version`, the last version drawn.
 *
 * `effect-state:buckets` holds the number of buckets.
 *
 * @since 0.1.0
 */

/**
 * @since 0.1.0
 * @category models
 */
export interface Bucket {
  /** What stands before the full key in the name of an entry. */
  readonly entryPrefix: string
  /** The length of that, in bytes, as scripts need it. */
  readonly entryPrefixBytes: string
  readonly index: string
  readonly expiry: string
  readonly version: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Layout {
  /** The key of the number of buckets. */
  readonly bucketsKey: string
  readonly buckets: ReadonlyArray<Bucket>
  /** The number of the bucket of a placement. */
  readonly bucketOf: (placement: string) => number
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (keyPrefix: string, buckets: number): Layout => ({
  bucketsKey: `${keyPrefix}buckets`,
  buckets: Array.from({ length: buckets }, (_, bucket) => makeBucket(`${keyPrefix}{${bucket}}`)),
  bucketOf: buckets === 1 ? () => 0 : (placement) => hash(placement) % buckets
})

const makeBucket = (start: string): Bucket => ({
  entryPrefix: `${start}e:`,
  entryPrefixBytes: String(Buffer.byteLength(`${start}e:`)),
  index: `${start}index`,
  expiry: `${start}expiry`,
  version: `${start}version`
})

/**
 * FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/) over the UTF-16 units, with the halves of the result mixed, since
 * its low bits alone spread badly. It is part of the layout: another hash would lose what is stored.
 */
const hash = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}
