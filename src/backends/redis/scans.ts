/**
 * Ranges, over one bucket or over all of them.
 *
 * A range is read in steps that look at a bounded number of members each; over several buckets the steps' items are merged.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { Fault, Page, ReadResult, ScanOptions, Stored, Unreadable } from "../../store/Backend.ts"
import * as Concurrent from "../../store/Concurrent.ts"
import type { FullRange } from "../../store/KeyRange.ts"
import * as Utf8 from "../../store/Utf8.ts"
import type { Connection } from "./connection.ts"
import type { Bucket } from "./layout.ts"
import * as Reads from "./reads.ts"
import * as Reply from "./reply.ts"
import * as CountScript from "./scripts/count.ts"
import * as ScanScript from "./scripts/scan.ts"
import * as Value from "./value.ts"

/**
 * @since 0.1.0
 * @category scanning
 */
export const scan = (
  connection: Connection,
  buckets: ReadonlyArray<Bucket>,
  range: FullRange,
  options: ScanOptions
): Effect.Effect<Page, Fault> =>
  Effect.gen(function* () {
    // One more than asked for tells whether there is more.
    const wanted = options.limit + 1
    const stepLimit = buckets.length === 1 ? wanted : Math.max(16, Math.ceil((2 * wanted) / buckets.length))
    const sources = buckets.map((bucket) => new Source(connection, bucket, range, options, stepLimit))
    const items: Array<Stored | Unreadable> = []
    while (items.length < wanted) {
      const dry = sources.filter((source) => source.isDry)
      if (dry.length > 0) yield* Concurrent.all(dry.map((source) => source.fill))
      const source = leading(sources, options.reverse)
      const item = source?.take()
      if (item !== undefined) items.push(item)
      else if (sources.every((source) => source.isEnded)) break
    }
    return { items: items.slice(0, options.limit), more: items.length > options.limit }
  })

/**
 * @since 0.1.0
 * @category scanning
 */
export const count = (
  connection: Connection,
  buckets: ReadonlyArray<Bucket>,
  range: FullRange
): Effect.Effect<number, Fault> => {
  const countIn = (bucket: Bucket) =>
    Effect.gen(function* () {
      let total = 0
      for (let after = ""; ; ) {
        const bounds = [after === "" ? `[${range.start}` : `(${after}`, `(${range.end}`]
        const reply = yield* connection.script(
          "read",
          CountScript.count,
          [bucket.index],
          [bucket.entryPrefix, ...bounds]
        )
        const [live = null, last] = yield* Reply.list(reply)
        const [count = 0] = yield* Reply.integers([live], 1)
        total += count
        after = yield* Reply.text(last)
        if (after === "") return total
      }
    })
  return Effect.map(Concurrent.all(buckets.map(countIn)), (counts) => counts.reduce((sum, count) => sum + count, 0))
}

/** What a step found, the last member it looked at, and whether the range ended there. */
interface Step {
  readonly items: ReadonlyArray<Stored | Unreadable>
  readonly last: string
  readonly ended: boolean
}

/** A bucket's part of a range, and how far it was read. */
class Source {
  readonly #connection: Connection
  readonly #bucket: Bucket
  readonly #range: FullRange
  readonly #options: ScanOptions
  readonly #limit: number
  #items: ReadonlyArray<Stored | Unreadable> = []
  #next = 0
  #after: string | undefined
  #ended = false

  constructor(connection: Connection, bucket: Bucket, range: FullRange, options: ScanOptions, limit: number) {
    this.#connection = connection
    this.#bucket = bucket
    this.#range = range
    this.#options = options
    this.#limit = limit
    this.#after = options.after
  }

  /** Whether it has nothing at hand, but may have. */
  get isDry(): boolean {
    return this.head === undefined && !this.#ended
  }

  get isEnded(): boolean {
    return this.head === undefined && this.#ended
  }

  get head(): Stored | Unreadable | undefined {
    return this.#items[this.#next]
  }

  take(): Stored | Unreadable | undefined {
    return this.#items[this.#next++]
  }

  /** Makes one step; it may find nothing, and yet not be the last one. */
  get fill(): Effect.Effect<void, Fault> {
    return Effect.gen(this, function* () {
      const values = this.#options.select === "entry" ? yield* this.#inTwo : undefined
      const { ended, items, last } = values ?? (yield* this.#atOnce)
      this.#items = items
      this.#next = 0
      this.#after = last
      this.#ended = ended
    })
  }

  /**
   * A step for values by two plain commands, the members and then their values: a script takes the server far longer, most
   * of it for passing them on. Nothing if an entry was gone by then: it may have moved to another key of the range.
   */
  get #inTwo(): Effect.Effect<Step | undefined, Fault> {
    return Effect.gen(this, function* () {
      const range = this.#options.reverse ? "ZREVRANGEBYLEX" : "ZRANGEBYLEX"
      const limit = Math.min(this.#limit, membersMax)
      const args = [this.#bucket.index, ...this.#bounds, "LIMIT", "0", String(limit)]
      const members = yield* Reply.texts(yield* this.#connection.command("read", range, ...args))
      const items: Array<Stored | Unreadable> = []
      for (const keys of Arr.chunksOf(members, valuesMax)) {
        for (const result of yield* this.#read(keys)) {
          if (result === undefined) return undefined
          if (result._tag === "Fault") return yield* Effect.fail(result)
          items.push(result)
        }
      }
      return { items, last: members.at(-1) ?? "", ended: members.length < limit }
    })
  }

  /** Decoded by the fiber: values that are decoded in the driver's callback outlive many a page of a long range. */
  #read(keys: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<ReadResult>, Fault> {
    const names = keys.map((key) => this.#bucket.entryPrefix + key)
    return Effect.map(this.#connection.command("read", "MGET", ...names), (reply) =>
      Reads.results(keys, reply, "entry")
    )
  }

  /** A step by a script, which also drops the members whose entry is gone. */
  get #atOnce(): Effect.Effect<Step, Fault> {
    const { reverse, select } = this.#options
    const args = [
      this.#bucket.entryPrefix,
      ...this.#bounds,
      reverse ? "1" : "0",
      String(this.#limit),
      select === "meta" ? "1" : "0"
    ]
    const script = this.#connection.script("read", ScanScript.scan, [this.#bucket.index], args)
    return Effect.flatMap(script, (reply) =>
      Either.gen(function* () {
        const [ended = null, last, ...members] = yield* Reply.list(reply)
        const [isEnd] = yield* Reply.integers([ended], 1)
        const items: Array<Stored | Unreadable> = []
        for (let i = 0; i + 1 < members.length; i += 2) {
          const [key, value] = [members[i], members[i + 1]]
          if (Buffer.isBuffer(key) && Buffer.isBuffer(value)) items.push(Value.decode(key.toString(), value, select))
        }
        return { items, last: yield* Reply.text(last), ended: isEnd === 1 }
      })
    )
  }

  /** From where and to where to read on, in the direction of reading. */
  get #bounds(): readonly [string, string] {
    const { start, end } = this.#range
    const after = this.#after
    return this.#options.reverse
      ? [`(${after ?? end}`, `[${start}`]
      : [after === undefined ? `[${start}` : `(${after}`, `(${end}`]
  }
}

/** The source whose item comes first. */
const leading = (sources: ReadonlyArray<Source>, reverse: boolean): Source | undefined => {
  // A source with nothing at hand may still have what comes first.
  if (sources.some((source) => source.isDry)) return undefined
  let best: Source | undefined
  let bestKey = ""
  for (const source of sources) {
    const key = source.head?.key
    if (key === undefined) continue
    if (best === undefined || Utf8.compare(key, bestKey) < 0 !== reverse) {
      best = source
      bestKey = key
    }
  }
  return best
}

/** The most members of a step, more than the largest page has, and the most values of one command: nobody else is served meanwhile. */
const membersMax = 1_024
const valuesMax = 128
