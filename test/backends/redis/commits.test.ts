import { assert, describe, it } from "@effect/vitest"
import * as Commits from "../../../src/backends/redis/commits.ts"
import * as Layout from "../../../src/backends/redis/layout.ts"
import type { Reply } from "../../../src/backends/redis/request.ts"
import type { Commit, Mutation } from "../../../src/store/Backend.ts"
import * as Key from "../../../src/store/Key.ts"
import * as Namespace from "../../../src/store/Namespace.ts"
import * as Ttl from "../../../src/store/Ttl.ts"

const key = Namespace.fullKey(Namespace.root({}, undefined), "a")
const of = (...mutations: ReadonlyArray<Mutation>): Commit => ({ checks: [], mutations })
const put: Mutation = { _tag: "Put", key, stamped: false, payload: "1", deadline: Ttl.never }
const [bucket] = Layout.make("test:", 1).buckets

const outcomesOf = (commits: ReadonlyArray<Commit>, reply: Reply) =>
  bucket === undefined ? [] : Commits.runs(bucket, commits).flatMap((run) => run.outcomesOf(undefined, reply))

describe("a reply that no script gives", () => {
  const batches = {
    "a lone write": [of(put)],
    writes: [of(put), of({ ...put, key: Key.extend(key, "b") })],
    "commits of other kinds": [of({ _tag: "Delete", key }), of(put)]
  }
  for (const [name, commits] of Object.entries(batches)) {
    it(`says nothing of what became of ${name}`, () => {
      for (const reply of [null, "OK", [], [0, 0], Buffer.from("-ERR")] satisfies ReadonlyArray<Reply>) {
        const outcomes = outcomesOf(commits, reply)
        assert.strictEqual(outcomes.length, commits.length)
        for (const outcome of outcomes) {
          assert.strictEqual(outcome._tag === "Fault" ? outcome.outcome : outcome._tag, "unknown")
        }
      }
    })
  }
})
