/**
 * A process of its own on the store that STATE_URL names. `child <namespace> <options> sections`: critical sections, in which it
 * may kill or pause itself at random. `child <namespace> <options> count`: many fibers that change the same keys. What it prints, a line each:
 *
 * - `wrote <n> <token>`: a section's write, acknowledged
 * - `refused`: a section's write, by the fence
 * - `lost`: a section was cut off, for the lock was lost
 * - `ended`: a section, one way or another
 * - `paused`: from now on this process stands still
 */
import * as fs from "node:fs"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { Atomic, Lock, Modification, StateStore } from "effect-state"
import { StoreUrl } from "effect-state/url"
import * as Seed from "../chaos/Seed.ts"
import type { CountOptions, SectionOptions } from "./processes.ts"

const [namespace = "", optionsText = "", job] = process.argv.slice(2)

const print = (line: string) => Effect.sync(() => fs.writeSync(1, `${line}\n`))

/** Where placement matters, all that a section writes lies together. */
const inNamespace = Effect.map(StateStore.StateStore, (store) => store.namespace(namespace, { placement: "namespace" }))

interface Subject {
  readonly n: number
  readonly token: number
}

const sections = ({ sections, leaseMs, killPart, pausePart, fenced, seed }: SectionOptions) =>
  Effect.gen(function* () {
    const store = yield* inNamespace
    const random = Seed.randomOf(seed)
    /** Where something may happen to a section, and which part of what happens to sections does so there. */
    const mishap = (share: number) =>
      Effect.suspend(() => {
        const part = random() / share
        if (part < killPart) process.kill(process.pid, "SIGKILL")
        else if (part < killPart + pausePart) {
          fs.writeSync(1, "paused\n")
          process.kill(process.pid, "SIGSTOP")
        }
        return Effect.void
      })
    /** Reads, takes its time, and writes one more, relying on nothing but the lock. */
    const section = (lease: Lock.Lease) =>
      Effect.gen(function* () {
        yield* mishap(1 / 4)
        const before = Option.match(yield* store.get("subject"), {
          onNone: () => ({ n: 0, token: 0 }),
          onSome: ({ value }) => value as Subject // As it is written below.
        })
        // Who stalls here writes too late: the fence has to refuse that.
        yield* mishap(1 / 2)
        const after: Subject = { n: before.n + 1, token: lease.token }
        const write = store.commit(
          Atomic.make.pipe(
            fenced ? Atomic.fencedBy(lease) : (self) => self,
            Atomic.set("subject", after),
            Atomic.append("log:", after)
          )
        )
        // What was sent goes on when the section is cut off, and tells what became of it.
        const told = write.pipe(
          Effect.zipRight(print(`wrote ${after.n} ${after.token}`)),
          Effect.catchTag("VersionConflict", () => print("refused"))
        )
        yield* Fiber.join(yield* Effect.forkDaemon(told))
        yield* mishap(1 / 4)
      })
    const locked = Lock.withLockOn(store, "subject", { lease: leaseMs, wait: "5 minutes" })(section)
    for (let i = 0; i < sections; i++) {
      yield* Effect.catchTag(locked, "LockLost", () => print("lost"))
      yield* print("ended")
    }
  })

const count = ({ fibers, times }: CountOptions) =>
  Effect.gen(function* () {
    const store = yield* inNamespace
    const both = Effect.gen(function* () {
      yield* store.add("added", 1)
      yield* store.modify("modified", (current) => {
        const n = Option.match(current, { onNone: () => 0, onSome: ({ value }) => Number(value) })
        return Effect.succeed([undefined, Modification.write(n + 1)])
      })
    })
    yield* Effect.replicateEffect(Effect.repeatN(both, times - 1), fibers, { concurrency: "unbounded", discard: true })
  })

const run: Effect.Effect<void, unknown, StateStore.StateStore> =
  job === "sections" ? sections(JSON.parse(optionsText)) : count(JSON.parse(optionsText))

Effect.runPromise(Effect.provide(run, StoreUrl.layerConfig)).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
