/**
 * Workflows: a state and its place in the list are one, and checkpoints tell where a state came from.
 */
import { strict as assert } from "node:assert"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Workflow from "../../state/workflow/Workflow.ts"
import * as StateStore from "../../store/StateStore.ts"
import { type Case, failure, storeCase } from "../Case.ts"

const nothingLost = storeCase("nothing lost")
const atomic = storeCase("atomic")
const order = storeCase("order")
const time = storeCase("time")
const keys = storeCase("keys")

const open = (store: StateStore.Service, ttl?: "1 second" | undefined) =>
  Effect.provideService(Workflow.make("workflows", { ttl, checkpointTtl: "1 hour" }), StateStore.StateStore, store)

const listed = (workflows: Workflow.Workflow) =>
  Effect.map(Stream.runCollect(workflows.stream), (lines) => Chunk.toReadonlyArray(lines))

const listedIds = (workflows: Workflow.Workflow) => Effect.map(listed(workflows), (lines) => lines.map(({ id }) => id))

const say = (content: string) => Workflow.addMessage("user", content)

/** What must hold of list and states after whatever happened: one line for each workflow, which tells its last write. */
const assertExact = (workflows: Workflow.Workflow, ids: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const lines = yield* listed(workflows)
    const live = Arr.getSomes(yield* Effect.forEach(ids, workflows.load))
    const byVersion = live.toSorted((a, b) => b.version - a.version)
    assert.deepEqual(
      lines,
      byVersion.map(({ state, ...rest }) => ({
        ...rest,
        metadata: state.metadata,
        messageCount: state.messages.length
      }))
    )
    assert.equal(yield* workflows.count, live.length)
  })

export const workflowCases: ReadonlyArray<Case> = [
  nothingLost("workflows are listed once each, however their writers meet", (store) =>
    Effect.gen(function* () {
      const workflows = yield* open(store)
      const ids = ["a", "b", "c"]
      const forks = Arr.makeBy(4, (i) => `fork${i}`)
      yield* Effect.forEach(ids, (id) => workflows.save(Workflow.empty(id), { checkpoint: true }))
      const patient = Effect.catchTags({
        WorkflowNotFound: () => Effect.void,
        CheckpointNotFound: () => Effect.void,
        WorkflowExists: () => Effect.void
      })
      const step = (i: number): Effect.Effect<unknown, unknown> => {
        const id = ids[i % 3] ?? "a"
        if (i % 11 === 10) return workflows.delete(id)
        if (i % 7 === 6) return patient(workflows.resume(id))
        if (i % 5 === 4) return patient(workflows.fork(id, { to: forks[i % 4] }))
        if (i % 2 === 0) return workflows.save(say(`${i}`)(Workflow.empty(id)), { checkpoint: i % 4 === 0 })
        return patient(workflows.update(id, say(`${i}`)))
      }
      yield* Effect.forEach(Arr.range(0, 71), step, { concurrency: 12 })
      yield* assertExact(workflows, [...ids, ...forks])
      const saves = Arr.makeBy(8, (i) => workflows.save(say(`${i}`)(Workflow.empty("d"))))
      const versions = (yield* Effect.all(saves, { concurrency: "unbounded" })).map(({ version }) => version)
      assert.equal(Option.getOrThrow(yield* workflows.load("d")).version, Math.max(...versions))
      yield* assertExact(workflows, [...ids, ...forks, "d"])
    })
  ),
  nothingLost("concurrent updates of a workflow all survive", (store) =>
    Effect.gen(function* () {
      const workflows = yield* open(store)
      yield* workflows.save(Workflow.empty("a"))
      const names = Arr.makeBy(20, (i) => `${i}`)
      yield* Effect.forEach(names, (name) => workflows.update("a", say(name)), { concurrency: "unbounded" })
      const { state } = yield* workflows.require("a")
      assert.deepEqual(new Set(state.messages.map(({ content }) => content)), new Set(names))
      yield* assertExact(workflows, ["a"])
    })
  ),
  atomic("a save that conflicts changes neither state nor list", (store) =>
    Effect.gen(function* () {
      const workflows = yield* open(store)
      const first = yield* workflows.save(Workflow.empty("a"), { ifVersion: "absent" })
      const second = yield* workflows.save(say("1")(first.state), { ifVersion: first.version })
      const lost = { ifVersion: first.version, checkpoint: true }
      yield* failure(workflows.save(say("2")(first.state), lost), "VersionConflict")
      yield* failure(workflows.save(say("2")(first.state), { ifVersion: "absent" }), "VersionConflict")
      assert.deepEqual(Option.getOrThrow(yield* workflows.load("a")), second)
      assert.deepEqual((yield* workflows.checkpoints.list("a")).entries, [])
      yield* assertExact(workflows, ["a"])
    })
  ),
  order("workflows are listed newest first, page by page", (store) =>
    Effect.gen(function* () {
      const workflows = yield* open(store)
      const ids = Arr.makeBy(7, (i) => `w${i}`)
      yield* Effect.forEach(ids, (id) => workflows.save(Workflow.empty(id)))
      yield* workflows.update("w2", say("moves to the front"))
      yield* workflows.delete("w4")
      const expected = ["w2", "w6", "w5", "w3", "w1", "w0"]
      assert.deepEqual(yield* listedIds(workflows), expected)
      const first = yield* workflows.list({ limit: 3 })
      yield* workflows.update("w5", say("was shown already"))
      const second = yield* workflows.list({ limit: 3, after: Option.getOrThrow(first.next) })
      assert.deepEqual(
        [...first.entries, ...second.entries].map(({ id }) => id),
        expected
      )
    })
  ),
  time("an expired workflow is not listed, and a kept deadline holds for list and state", (store, { advance }) =>
    Effect.gen(function* () {
      const workflows = yield* open(store, "1 second")
      yield* workflows.save(Workflow.empty("short"))
      yield* workflows.update("short", say("keeps its deadline"))
      yield* workflows.save(Workflow.empty("kept"), { ttl: "1 hour" })
      yield* workflows.save(Workflow.empty("kept"), { ttl: "keep" })
      yield* workflows.save(Workflow.empty("long"))
      yield* workflows.update("long", say("for ever"), { ttl: Number.POSITIVE_INFINITY, checkpoint: true })
      yield* advance(1_001)
      assert.deepEqual(yield* listedIds(workflows), ["long", "kept"])
      assert.deepEqual(yield* workflows.load("short"), Option.none())
      yield* workflows.save(Workflow.empty("short"), { ttl: "1 hour" })
      yield* assertExact(workflows, ["short", "kept", "long"])
    })
  ),
  time("what expired is resumed from its checkpoint", (store, { advance }) =>
    Effect.gen(function* () {
      const workflows = yield* open(store, "1 second")
      const { version } = yield* workflows.save(say("here")(Workflow.empty("a")), { checkpoint: true })
      yield* advance(1_001)
      yield* failure(workflows.require("a"), "WorkflowNotFound")
      const resumed = yield* workflows.resume("a", { ttl: "1 hour" })
      assert.deepEqual(resumed.state, say("here")(Workflow.empty("a")))
      assert.ok(resumed.version > version)
      yield* assertExact(workflows, ["a"])
      assert.equal((yield* workflows.checkpoint("a")).parent, resumed.version)
    })
  ),
  time(
    "the checkpoints of a workflow that expired are no parents of one that begins under its id",
    (store, { advance }) =>
      Effect.gen(function* () {
        const workflows = yield* open(store, "1 second")
        yield* workflows.save(Workflow.empty("a"), { checkpoint: true })
        yield* advance(1_001)
        const begun = yield* workflows.save(Workflow.empty("a"))
        const first = yield* workflows.checkpoint("a")
        const second = yield* workflows.save(begun.state, { checkpoint: true })
        const { entries } = yield* workflows.checkpoints.list("a")
        assert.deepEqual(
          entries.map(({ id, parent }) => [id, parent]),
          [
            [second.version, first.id],
            [first.id, undefined],
            [entries[2]?.id, undefined]
          ]
        )
      })
  ),
  atomic("a checkpoint's parent is where its state came from", (store) =>
    Effect.gen(function* () {
      const workflows = yield* open(store)
      const first = yield* workflows.save(Workflow.empty("a"), { checkpoint: true })
      yield* workflows.update("a", say("1"))
      const second = yield* workflows.checkpoint("a")
      yield* workflows.resume("a", { checkpoint: first.version })
      yield* workflows.update("a", say("other"))
      const third = yield* workflows.checkpoint("a")
      const { entries } = yield* workflows.checkpoints.list("a")
      assert.deepEqual(
        entries.map(({ parent, source, state }) => [parent, source, state.messages.map(({ content }) => content)]),
        [
          [entries[1]?.id, "taken", ["other"]],
          [first.version, "resumed", []],
          [first.version, "taken", ["1"]],
          [undefined, "taken", []]
        ]
      )
      assert.deepEqual(Option.getOrThrow(yield* workflows.checkpoints.latest("a")), third)
      assert.deepEqual(Option.getOrThrow(yield* workflows.checkpoints.load("a", second.id)), second)
    })
  ),
  atomic("checkpoints tell the truth where savers, resumers and takers meet", (store) =>
    Effect.gen(function* () {
      const workflows = yield* open(store)
      // Each state says which resumption it came from.
      const begun = yield* workflows.save(Workflow.empty("a"), { checkpoint: true })
      const resume: Effect.Effect<unknown, unknown> = Effect.flatMap(
        workflows.resume("a", { checkpoint: begun.version }),
        (resumed) =>
          workflows.save(Workflow.updateContext({ since: resumed.version })(resumed.state), {
            ifVersion: resumed.version
          })
      ).pipe(Effect.catchTag("VersionConflict", () => Effect.void))
      const take: Effect.Effect<unknown, unknown> = workflows.checkpoint("a")
      yield* Effect.forEach(Arr.range(0, 23), (i) => (i % 3 === 0 ? resume : take), { concurrency: 6 })
      const { entries } = yield* workflows.checkpoints.list("a")
      /** The resumption that a checkpoint descends from. */
      const since = (id: number | undefined): number | undefined => {
        const checkpoint = entries.find((checkpoint) => checkpoint.id === id)
        return checkpoint === undefined || checkpoint.source === "resumed" ? checkpoint?.id : since(checkpoint.parent)
      }
      const taken = entries.filter(({ source, state }) => source === "taken" && "since" in state.context)
      assert.ok(taken.length > 0)
      for (const { parent, state } of taken) assert.equal(since(parent), state.context.since)
    })
  ),
  atomic("a fork goes its own way, and names its origin", (store) =>
    Effect.gen(function* () {
      const workflows = yield* open(store)
      const { version } = yield* workflows.save(say("1")(Workflow.empty("a")), { checkpoint: true })
      yield* workflows.update("a", say("2"))
      const fork = yield* workflows.fork("a", { to: "b" })
      assert.deepEqual(fork.origin, { workflowId: "a", checkpoint: version })
      assert.deepEqual(fork.state, say("1")(Workflow.empty("b")))
      yield* workflows.update("b", say("3"), { checkpoint: true })
      yield* workflows.save(Workflow.empty("b"))
      assert.deepEqual((yield* workflows.resume("b")).origin, fork.origin)
      assert.equal((yield* workflows.require("a")).state.messages.length, 2)
      yield* failure(workflows.fork("a", { to: "b" }), "WorkflowExists")
      yield* failure(workflows.fork("c"), "CheckpointNotFound")
      yield* assertExact(workflows, ["a", "b"])
    })
  ),
  keys("the checkpoints of workflows that look alike don't mix", (store) =>
    Effect.gen(function* () {
      const workflows = yield* open(store)
      const ids = ["a", "a:", "a/b", "a:0000000000000001", "1:a", "1:a:", "%", "*", "[a]", "\\", "é", "😀", "state:a"]
      yield* Effect.forEach(ids, (id) => workflows.save(say(id)(Workflow.empty(id)), { checkpoint: true }))
      yield* workflows.delete("a")
      for (const id of ids) {
        const { entries } = yield* workflows.checkpoints.list(id)
        const said = entries.flatMap(({ state }) => state.messages.map(({ content }) => content))
        assert.deepEqual(said, id === "a" ? [] : [id])
      }
      for (const id of ["x".repeat(Workflow.idBytesMax), "é".repeat(Math.floor(Workflow.idBytesMax / 2))]) {
        yield* workflows.save(Workflow.empty(id), { checkpoint: true })
        yield* failure(workflows.save(Workflow.empty(`${id}xx`)), "InvalidKey")
      }
      assert.equal(yield* workflows.clear, ids.length + 1)
      assert.deepEqual(yield* listedIds(workflows), [])
      assert.deepEqual((yield* workflows.checkpoints.list("é")).entries, [])
    })
  )
]
