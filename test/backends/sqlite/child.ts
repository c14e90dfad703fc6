/** A process of its own on a file: `child.ts <filename> write` until it is killed, or `child.ts <filename> count <times>`. */

import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Modification, StateStore } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"

const [filename = "", job, times = "0"] = process.argv.slice(2)

/** At once, in one piece: what was printed is known to the parent, whatever happens next. */
const print = (line: string) => Effect.sync(() => fs.writeSync(1, `${line}\n`))

const write = Effect.gen(function* () {
  const store = yield* StateStore.StateStore
  const writer = (name: string) =>
    Effect.gen(function* () {
      for (let i = 0; ; i++) {
        const version = yield* store.set(`${name}${i % 7}`, { i })
        yield* print(`${name}${i % 7} ${version} ${i}`)
      }
    })
  yield* Effect.forEach(["a", "b", "c"], (name) => writer(name), { concurrency: "unbounded" })
})

const count = Effect.gen(function* () {
  const store = yield* StateStore.StateStore
  const number = (current: Option.Option<{ readonly value: unknown }>) =>
    Option.match(current, { onNone: () => 0, onSome: ({ value }) => Number(value) })
  for (let i = 0; i < Number(times); i++) {
    yield* store.add("added", 1)
    yield* store.modify("swapped", (current) => Effect.succeed([undefined, Modification.write(number(current) + 1)]))
    yield* print(`version ${yield* store.set("set", i)}`)
    yield* store.delete("set")
  }
})

Effect.runPromise(
  Effect.provide(job === "write" ? write : count, SqliteStore.layer({ filename, durability: "normal" }))
).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
