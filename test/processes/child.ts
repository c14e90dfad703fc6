/**
 * A process of its own on the store that STATE_URL names: `child <namespace> count <times>` adds and swaps so often,
 * `child <namespace> contend <times>` does so in each of 100 fibers, and `child <namespace> write` writes until it is killed. Every line tells of something that the store acknowledged.
 */
import { writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Modification, StateStore } from "effect-state"
import { StoreUrl } from "effect-state/url"

const [namespace = "", job = "", times = "0"] = process.argv.slice(2)

/** At once, in one piece: what was printed is known to the parent, whatever happens next. */
const print = (line: string) => Effect.sync(() => writeSync(1, `${line}\n`))

const plusOne = (current: Option.Option<{ readonly value: unknown }>) =>
  Effect.succeed([
    undefined,
    Modification.write(1 + Option.match(current, { onNone: () => 0, onSome: ({ value }) => Number(value) }))
  ] as const)

const count = Effect.gen(function* () {
  const store = (yield* StateStore.StateStore).namespace(namespace)
  const often = Array.from({ length: Number(times) })
  yield* Effect.forEach(often, () => store.add("added", 1), { concurrency: 16, discard: true })
  yield* Effect.forEach(often, () => store.modify("swapped", plusOne), { discard: true })
  yield* print("done")
})

const contend = Effect.gen(function* () {
  const store = (yield* StateStore.StateStore).namespace(namespace)
  const fiber = Effect.replicateEffect(
    Effect.zip(store.add("added", 1), store.modify("swapped", plusOne)),
    Number(times),
    { discard: true }
  )
  yield* Effect.replicateEffect(fiber, 100, { concurrency: "unbounded", discard: true })
  yield* print("done")
})

const write = Effect.gen(function* () {
  const store = (yield* StateStore.StateStore).namespace(namespace)
  const writer = (name: string) =>
    Effect.gen(function* () {
      for (let i = 0; ; i++) {
        const key = `${name}${i % 7}`
        const version = yield* store.set(key, i)
        yield* print(JSON.stringify([key, version, i]))
      }
    })
  yield* Effect.forEach(["a", "b", "c"], writer, { concurrency: "unbounded" })
})

const jobs: Readonly<Record<string, typeof count>> = { count, contend, write }

Effect.runPromise(Effect.provide(jobs[job] ?? Effect.dieMessage(`no job ${job}`), StoreUrl.layerConfig)).catch(
  (error) => {
    console.error(error)
    process.exitCode = 1
  }
)
