/**
 * What every contender is given to do: the same keys, the same values, the same way of calling.
 */
import * as Effect from "effect/Effect"

/** A session as web applications keep it: about 300 bytes of JSON, eight fields. */
export interface Session {
  readonly id: string
  readonly userId: number
  readonly email: string
  readonly roles: ReadonlyArray<string>
  readonly cart: ReadonlyArray<{ readonly sku: string; readonly quantity: number }>
  readonly csrfToken: string
  readonly lastSeenMs: number
  /** The express stores keep sessions with a cookie. */
  readonly cookie: { readonly path: string; readonly httpOnly: boolean; readonly originalMaxAge: number }
}

export const session = (i: number): Session => ({
  id: `a3f9c2d41b7e4f60${String(i).padStart(16, "0")}`,
  userId: 10_000 + i,
  email: `customer.${i}@example.com`,
  roles: ["customer", "newsletter"],
  cart: [{ sku: `SKU-${i % 997}`, quantity: (i % 3) + 1 }],
  csrfToken: "J8s0bq2mVx7TnR4cLw1ZkE",
  lastSeenMs: 1_732_153_000_000 + i,
  cookie: { path: "/", httpOnly: true, originalMaxAge: 3_600_000 }
})

/** How long sessions live where a store expires them. */
export const ttlMs = 3_600_000

export interface Item {
  readonly key: string
  readonly value: Session
}

export const items = (count: number): ReadonlyArray<Item> =>
  Array.from({ length: count }, (_, i) => ({ key: `session:${String(i).padStart(8, "0")}`, value: session(i) }))

/**
 * What is read and written, round and round: the items in an order that no cache likes, the same for everybody, and then
 * once more with other values. A write that changes nothing is no write: SQLite touches no page for it.
 */
export const sequence = (items: ReadonlyArray<Item>): ReadonlyArray<Item> => {
  const order = shuffled(items)
  return [
    ...order.map(({ key, value }) => ({ key, value: { ...value, lastSeenMs: value.lastSeenMs + 1_000 } })),
    ...order
  ]
}

const shuffled = (items: ReadonlyArray<Item>): ReadonlyArray<Item> => {
  const order = Array.from(items)
  let seed = 0x9e3779b9
  for (let i = order.length - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    const j = seed % (i + 1)
    const item = order[i] as Item // Both are indices of the array.
    order[i] = order[j] as Item
    order[j] = item
  }
  return order
}

/** One call, as an Effect or as a bare promise. */
export type Call =
  | { readonly _tag: "Effect"; readonly run: (item: Item) => Effect.Effect<unknown, unknown> }
  | { readonly _tag: "Promise"; readonly run: (item: Item) => Promise<unknown> }

export const effect = (run: (item: Item) => Effect.Effect<unknown, unknown>): Call => ({ _tag: "Effect", run })

export const promise = (run: (item: Item) => Promise<unknown>): Call => ({ _tag: "Promise", run })

/**
 * How the calls are made: by long-lived fibers that each make one after another, or by `Effect.forEach` with a
 * concurrency, which forks a fiber for each.
 */
export type Style = "fibers" | "forEach"

/** Makes calls over a sequence, round and round, from a place in it, so many at once. */
export const load = (
  call: Call,
  sequence: ReadonlyArray<Item>,
  start: number,
  calls: number,
  fibers: number,
  style: Style
): Effect.Effect<void, unknown> => {
  const at = (i: number) => sequence[(start + i) % sequence.length] as Item // There is at least one.
  if (call._tag === "Promise") {
    return Effect.asVoid(
      Effect.promise(() => Promise.all(spread(calls, fibers).map((share) => inTurn(call.run, at, share))))
    )
  }
  const { run } = call
  if (style === "forEach") {
    return Effect.suspend(() =>
      Effect.forEach(
        Array.from({ length: calls }, (_, i) => at(i)),
        run,
        { concurrency: fibers, discard: true }
      )
    )
  }
  const fiber = ({ first, end }: Share) =>
    Effect.suspend(() => {
      let i = first
      return Effect.whileLoop({ while: () => i < end, body: () => run(at(i++)), step: () => {} })
    })
  const shares = spread(calls, fibers)
  const [alone] = shares
  return alone !== undefined && shares.length === 1
    ? fiber(alone)
    : Effect.forEach(shares, fiber, { concurrency: "unbounded", discard: true })
}

interface Share {
  readonly first: number
  readonly end: number
}

const spread = (calls: number, fibers: number): ReadonlyArray<Share> =>
  Array.from({ length: fibers }, (_, f) => ({
    first: Math.floor((calls * f) / fibers),
    end: Math.floor((calls * (f + 1)) / fibers)
  }))

const inTurn = async (
  run: (item: Item) => Promise<unknown>,
  at: (i: number) => Item,
  { first, end }: Share
): Promise<void> => {
  for (let i = first; i < end; i++) await run(at(i))
}
