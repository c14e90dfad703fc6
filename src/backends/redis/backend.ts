/**
 * The Redis backend: reads are one MGET a bucket, commits are one script a bucket.
 *
 * A key that holds something else than a string (a list, a hash) counts as absent, as MGET has it; a write takes its place.
 * A string that is no entry of ours reads as `Unreadable`: a put or a delete replaces it, an add finds no integer, a check
 * for absence conflicts, and its deadline can't be changed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Backend, Commit, Fault, Info, Outcome, ReadResult } from "../../store/Backend.ts"
import * as Concurrent from "../../store/Concurrent.ts"
import type { FullRange } from "../../store/KeyRange.ts"
import * as Commits from "./commits.ts"
import type { Connections } from "./connections.ts"
import type { Bucket, Layout } from "./layout.ts"
import * as Reads from "./reads.ts"
import type { Replicas } from "./replicas.ts"
import * as Reply from "./reply.ts"
import * as Scans from "./scans.ts"
import * as SweepScript from "./scripts/sweep.ts"
import * as Setup from "./setup.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Server {
  readonly connections: Connections
  readonly layout: Layout
  /** As `info` shows it. */
  readonly description: string
  readonly replicas: Replicas | undefined
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = (server: Server): Backend => {
  const { buckets, bucketOf } = server.layout
  const send: Sending = {
    read: (keys, select, done) =>
      byBucket(
        server,
        keys,
        (key) => bucketOf(key.placement),
        (bucket, keys, done) =>
          Reads.send(
            server.connections.next,
            bucket,
            keys.map(({ text }) => text),
            select,
            done
          ),
        (results: ReadonlyArray<ReadResult>) => done(Exit.succeed(results))
      ),
    commit: (batch, done) =>
      byBucket(
        server,
        batch,
        (commit) => bucketOf(placementOf(commit)),
        (bucket, commits, done) => commit(server, bucket, commits, done),
        (outcomes: ReadonlyArray<Outcome>) => done(Exit.succeed(outcomes))
      )
  }
  return {
    name: "redis",
    capabilities: {
      changes: "none",
      placementOf: buckets.length === 1 ? undefined : bucketOf,
      coalesce: { readsMax: 512, commitsMax: 256, inFlightMax: 3 },
      batchReadsMax: 1_000,
      batchCommitsMax: 1_000,
      commitStepsMax: 1_000,
      valueBytesMax: 32 * 1_024 * 1_024
    },
    send,
    read: (keys, select) => Effect.async((resume) => send.read(keys, select, resume)),
    commit: (batch) =>
      server.connections.whenOpen(
        Effect.async((resume) => send.commit(batch, resume)),
        (fault) => batch.map(() => fault)
      ),
    gate: server.connections.gate,
    scan: (range, options) => Scans.scan(server.connections.next, bucketsOf(server, range), range, options),
    count: (range) => Scans.count(server.connections.next, bucketsOf(server, range), range),
    sweep: sweeper(server),
    info: info(server)
  }
}

type Sending = NonNullable<Backend["send"]>

/** Takes the answers to some items, in their order. */
type Done<Answer> = (answers: ReadonlyArray<Answer>) => void

/** Does something with the items of each bucket, and puts the answers back in order. */
const byBucket = <Item, Answer>(
  server: Server,
  items: ReadonlyArray<Item>,
  bucketOf: (item: Item) => number,
  run: (bucket: Bucket, items: ReadonlyArray<Item>, done: Done<Answer>) => void,
  done: Done<Answer>
): void => {
  const { buckets } = server.layout
  if (items.length === 0) done([])
  else if (buckets.length === 1)
    run(buckets[0] as Bucket, items, done) // It has one.
  else byBuckets(buckets, items, bucketOf, run, done)
}

const byBuckets = <Item, Answer>(
  buckets: ReadonlyArray<Bucket>,
  items: ReadonlyArray<Item>,
  bucketOf: (item: Item) => number,
  run: (bucket: Bucket, items: ReadonlyArray<Item>, done: Done<Answer>) => void,
  done: Done<Answer>
): void => {
  const groups = new Map<number, Array<number>>()
  for (const [i, item] of items.entries()) {
    const bucket = bucketOf(item)
    const group = groups.get(bucket)
    if (group === undefined) groups.set(bucket, [i])
    else group.push(i)
  }
  const ordered = new Array<Answer>(items.length)
  let missing = groups.size
  // Every index is of an item, every bucket is one of the layout, and there is an answer for each item.
  for (const [bucket, indices] of groups) {
    const group = indices.map((i) => items[i] as Item)
    run(buckets[bucket] as Bucket, group, (answers) => {
      for (const [j, i] of indices.entries()) ordered[i] = answers[j] as Answer
      missing -= 1
      if (missing === 0) done(ordered)
    })
  }
}

/** The placement of all keys of a commit; one without keys has any. */
const placementOf = ({ checks, mutations }: Commit): string => (checks[0] ?? mutations[0])?.key.placement ?? ""

/** Makes the runs one after another: a later one may change what an earlier one wrote. */
const commit = (server: Server, bucket: Bucket, commits: ReadonlyArray<Commit>, done: Done<Outcome>): void => {
  const connection = server.connections.next
  const runs = [...Commits.runs(bucket, commits)]
  const makeRest = (before: ReadonlyArray<Outcome>): void => {
    const run = runs.shift()
    if (run === undefined) {
      done(before)
      return
    }
    const settle = (outcomes: ReadonlyArray<Outcome>) =>
      makeRest(before.length === 0 ? outcomes : [...before, ...outcomes])
    // What was sent need not be kept until the reply is there.
    const { script, keys, args, outcomesOf } = run
    connection.sendScript("write", script, keys, args, (fault, reply) => {
      const outcomes = outcomesOf(fault, reply)
      if (server.replicas === undefined) settle(outcomes)
      else server.replicas.confirm(connection, outcomes, settle)
    })
  }
  makeRest([])
}

const bucketsOf = (server: Server, { placement }: FullRange): ReadonlyArray<Bucket> => {
  const { buckets, bucketOf } = server.layout
  return placement === undefined ? buckets : buckets.slice(bucketOf(placement), bucketOf(placement) + 1)
}

/** Sweeps bucket after bucket; the next step goes on where the last one came to. */
const sweeper = (server: Server): Backend["sweep"] => {
  const { buckets } = server.layout
  let at = 0
  return (entriesMax) =>
    Effect.gen(function* () {
      let removed = 0
      for (let visited = 0; visited < buckets.length; visited++) {
        const bucket = buckets[at] as Bucket // Kept in bounds below.
        const looks = Math.min(sweepLooksMax, entriesMax - removed)
        const reply = yield* server.connections.next.script(
          "write",
          SweepScript.sweep,
          [bucket.index, bucket.expiry],
          [bucket.entryPrefix, String(looks)]
        )
        const [gone = 0, more = 0] = yield* Reply.integers(reply, 2)
        removed += gone
        if (more === 1 || removed >= entriesMax) return { removed, more: true }
        at = (at + 1) % buckets.length
      }
      return { removed, more: false }
    })
}

/** The most entries that one script sweeps: more would hold up others for milliseconds. */
const sweepLooksMax = 1_000

const info = (server: Server): Effect.Effect<Info, Fault> =>
  Effect.gen(function* () {
    const connection = server.connections.next
    const [seconds = 0, micros = 0] = yield* Reply.integers(yield* connection.command("read", "TIME"), 2)
    const sizes = yield* Concurrent.all(
      server.layout.buckets.map(({ index }) => connection.command("read", "ZCARD", index))
    )
    const counts = yield* Reply.integers(sizes, server.layout.buckets.length)
    const memory = Setup.parseInfo(String(yield* connection.command("read", "INFO", "memory"))).get("used_memory")
    return {
      nowMs: seconds * 1_000 + Math.floor(micros / 1_000),
      server: server.description,
      entriesApprox: counts.reduce((sum, count) => sum + count, 0),
      bytesApprox: memory === undefined ? undefined : Number(memory)
    }
  })
