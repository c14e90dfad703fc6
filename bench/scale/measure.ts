/**
 * What is measured on a store that holds a million entries.
 */
import * as ChildProcess from "node:child_process"
import { monitorEventLoopDelay } from "node:perf_hooks"
import * as Console from "effect/Console"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { KeyRange, StateStore } from "effect-state"
import type { Case } from "../Case.ts"
import * as Print from "../Print.ts"
import type * as Results from "../Results.ts"
import * as Runner from "../Runner.ts"
import { effect, type Item, session } from "../Workload.ts"
import * as Streaming from "./stream.ts"
import { keyOf, type Opened, prefixOf, prefixSize, type Rival, type Target } from "./Target.ts"

const batch = 1_000

/** Writes entries in batches; none is kept here. */
const fill = (store: StateStore.Service, entries: number, ttl: DurationInput) =>
  Effect.forEach(
    Array.from({ length: Math.ceil(entries / batch) }, (_, b) => b * batch),
    (first) =>
      store.setMany(
        Array.from({ length: Math.min(batch, entries - first) }, (_, i) => ({
          key: keyOf(first + i),
          value: session(first + i),
          ttl
        }))
      ),
    { concurrency: 2, discard: true }
  )

/** In a process of its own, where others can reach the store. */
const streamMegabytes = ({ store, url }: Opened): Effect.Effect<number, unknown> =>
  url === undefined
    ? Effect.provideService(Streaming.streamAll, StateStore.StateStore, store)
    : Effect.try(() =>
        Number(
          ChildProcess.execFileSync(process.execPath, [...process.execArgv, Streaming.file], {
            env: { ...process.env, STATE_URL: url },
            encoding: "utf8",
            stdio: ["ignore", "pipe", "inherit"]
          })
        )
      )

const probeMs = 1

/** The longest time in milliseconds that nothing else ran in this process, while expired entries are swept. */
const sweepExpired = (store: StateStore.Service, entries: number) =>
  Effect.gen(function* () {
    const expiring = store.namespace("expiring")
    yield* fill(expiring, entries, "1 second")
    yield* Effect.repeat(expiring.count(KeyRange.all), {
      until: (count) => count === 0,
      schedule: Schedule.spaced("100 millis")
    })
    globalThis.gc?.()
    const histogram = monitorEventLoopDelay({ resolution: probeMs })
    histogram.enable()
    yield* Effect.sleep("50 millis")
    histogram.reset()
    yield* store.sweep
    // The last hold is noted when the loop is free again.
    yield* Effect.sleep("50 millis")
    histogram.disable()
    return Math.max(0, Math.round(histogram.max / 1e6 - probeMs))
  })

/** Lists prefixes, this store and another way in turns. */
const listPrefix = (
  { backend }: Target,
  store: StateStore.Service,
  entries: number,
  rival: Rival,
  effort: Runner.Effort
) =>
  Effect.gen(function* () {
    const groups = Math.floor(entries / prefixSize)
    const sequence: ReadonlyArray<Item> = Array.from({ length: groups }, (_, i) => ({
      key: prefixOf((i * 7_919) % groups),
      value: session(0)
    }))
    const count = <A>(found: ReadonlyArray<A>) =>
      found.length === prefixSize
        ? Effect.void
        : Effect.dieMessage(`${rival.name}: ${found.length} entries of a prefix`)
    const ours = ({ key }: Item) =>
      Effect.flatMap(store.page(KeyRange.prefix(key), { limit: prefixSize }), ({ entries }) => count(entries))
    const theirs = ({ key }: Item) => Effect.flatMap(rival.list(`:${key}`, `:${key.slice(0, -1)};`), count)
    const fill = () => Effect.void
    const one: Case = { operation: "list", fibers: 1, rivals: { [rival.name]: rival.atLeast } }
    const rows = yield* Runner.measure(
      one,
      {
        ours: { fill, calls: { list: effect(ours) } },
        rivals: { [rival.name]: { fill, calls: { list: effect(theirs) } } }
      },
      sequence,
      effort
    )
    const title = `${backend} ${prefixSize} entries by prefix among ${entries.toLocaleString("en")}${rival.against ? ", generic plan" : ""}`
    return rows.map(
      ({ rival: name, ratio }): Results.Result => ({
        ...{ title, backend, rival: name, ratio },
        ...(name === rival.name && rival.atLeast !== undefined
          ? { atLeast: Math.round(rival.atLeast * 1_000) / 1_000 }
          : {})
      })
    )
  })

export const measure = (target: Target, entries: number, effort: Runner.Effort) =>
  Effect.gen(function* () {
    const { backend } = target
    const opened = yield* target.open
    const { store, bytes, rivals, versions = {} } = opened
    const count = entries.toLocaleString("en")
    const facts: Array<Results.Fact> = []
    const note = (fact: Results.Fact) => {
      facts.push(fact)
      const goal = fact.atMost === undefined ? "" : `  (<= ${fact.atMost})`
      return Console.log(`${fact.title}: ${fact.value} ${fact.unit}${goal}`)
    }

    const before = yield* bytes
    yield* fill(store, entries, "1 day")
    yield* note({
      ...{
        title: `${backend}: an entry of ${Buffer.byteLength(JSON.stringify(session(0)))} bytes with key, TTL and indexes takes`
      },
      ...{ backend, value: Math.round(((yield* bytes) - before) / entries), unit: "bytes" }
    })
    yield* note({
      ...{
        title: `${backend}: memory above idle while ${count} entries are streamed`,
        backend,
        unit: "MB",
        atMost: 100
      },
      value: yield* streamMegabytes(opened)
    })
    const expired = Math.ceil(entries / 10)
    yield* note({
      ...{
        title: `${backend}: longest hold of the event loop while ${expired.toLocaleString("en")} entries are swept`,
        backend
      },
      ...{ value: yield* sweepExpired(store, expired), unit: "ms", atMost: 20 }
    })
    const results: Array<Results.Result> = []
    for (const rival of yield* rivals) {
      const found = yield* listPrefix(target, rival.against ?? store, entries, rival, effort)
      yield* Console.log(Print.table(found[0]?.title ?? "", found, effort))
      results.push(...found)
    }
    return { results, facts, versions }
  }).pipe(Effect.scoped)
