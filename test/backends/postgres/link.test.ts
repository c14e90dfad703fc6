import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import type * as Pg from "pg"
import type { Failure } from "../../../src/backends/postgres/failure.ts"
import * as Link from "../../../src/backends/postgres/link.ts"
import * as Pool from "../../../src/backends/postgres/pool.ts"
import type { Rows, Statement } from "../../../src/backends/postgres/query.ts"
import * as SharedServers from "../../servers/SharedServers.ts"

/** Gives the server process and the quotient of 6, after some time. */
const divide = (by: number, seconds = 0) => ({
  name: "divide",
  text: "SELECT pg_backend_pid(), 6 / $1::int FROM pg_sleep($2::float)",
  values: [by, seconds]
})

const read = (link: Link.Link, statement: Statement): Effect.Effect<Rows, Failure> =>
  Effect.async((resume) => link.send("read", statement, resume))

/** A link that reads ahead, and has prepared its statement. */
const prepared = (commandTimeoutMs: number) =>
  Effect.gen(function* () {
    const pool = yield* Pool.make({ connectionString: yield* SharedServers.postgresUrl, max: 3 })
    const link = yield* Effect.acquireRelease(
      Effect.sync(() => Link.make(Link.fromPool(pool), { commandTimeoutMs, namedStatements: true, readsAhead: true })),
      (link) => link.close("1 second")
    )
    const [[pid] = []] = yield* read(link, divide(1))
    return { link, pid: String(pid), pool }
  })

/** Sends both at once; each with what becomes of it. */
const send = <A, E, B, E2>(one: Effect.Effect<A, E>, other: Effect.Effect<B, E2>) =>
  Effect.sync(() => Fiber.zip(Effect.runFork(Effect.either(one)), Effect.runFork(Effect.either(other))))

const both = <A, E, B, E2>(one: Effect.Effect<A, E>, other: Effect.Effect<B, E2>) =>
  Effect.flatMap(send(one, other), Fiber.join)

describe("reads that are sent behind others", () => {
  it.scopedLive("share a connection", () =>
    Effect.gen(function* () {
      const { link, pid, pool } = yield* prepared(5_000)
      for (let round = 0; round < 20; round++) {
        const answers = yield* both(read(link, divide(2)), read(link, divide(3)))
        assert.deepStrictEqual(answers, [Either.right([[pid, "3"]]), Either.right([[pid, "2"]])])
      }
      assert.strictEqual(pool.totalCount, 1)
    })
  )

  it.scopedLive("get their own answers, however many there are", () =>
    Effect.gen(function* () {
      const { link } = yield* prepared(5_000)
      const numbers = Array.from({ length: 300 }, (_, i) => i + 1)
      const answers = yield* Effect.forEach(numbers, (n) => read(link, divide(n)), { concurrency: 7 })
      assert.deepStrictEqual(
        answers.map((rows) => rows[0]?.[1]),
        numbers.map((n) => String(Math.trunc(6 / n)))
      )
    })
  )

  it.scopedLive("get their own answers, whoever else has statements for the connection", () =>
    Effect.gen(function* () {
      const { link, pool } = yield* prepared(5_000)
      const strays: Array<Promise<string>> = []
      const stray = (connection: Pg.ClientBase, n: number) =>
        strays.push(connection.query("SELECT $1::text AS n", [n]).then(({ rows }) => `${n} ${rows[0]?.n}`))
      // An app may have each connection prepared that is taken from its pool, or hold one for longer than it should.
      const held: Array<Pg.ClientBase> = []
      pool.on("acquire", (connection) => {
        held.push(connection)
        stray(connection, -1)
      })
      const numbers = Array.from({ length: 600 }, (_, i) => i + 1)
      const answers = yield* Effect.forEach(
        numbers,
        (n) =>
          Effect.tap(read(link, divide(n)), () => {
            if (n % 5 === 0) for (const connection of held.splice(0)) stray(connection, n)
          }),
        { concurrency: 7 }
      )
      assert.deepStrictEqual(
        answers.map((rows) => rows[0]?.[1]),
        numbers.map((n) => String(Math.trunc(6 / n)))
      )
      const seen = yield* Effect.promise(() => Promise.all(strays))
      assert.isAbove(seen.length, 20)
      for (const both of seen) assert.strictEqual(both.split(" ")[0], both.split(" ")[1])
    })
  )

  it.scopedLive("get their answers also where the one before is refused, or they are themselves", () =>
    Effect.gen(function* () {
      const { link, pid } = yield* prepared(5_000)
      const [zero, three] = yield* both(read(link, divide(0)), read(link, divide(2)))
      assert.strictEqual(Either.isLeft(zero) ? zero.left.code : undefined, "22012")
      assert.deepStrictEqual(three, Either.right([[pid, "3"]]))
      const [two, none] = yield* both(read(link, divide(3)), read(link, divide(0)))
      assert.deepStrictEqual(two, Either.right([[pid, "2"]]))
      assert.strictEqual(Either.isLeft(none) ? none.left.code : undefined, "22012")
    })
  )

  it.scopedLive("are lost with the connection, and the next ones have another", () =>
    Effect.gen(function* () {
      const { link, pid, pool } = yield* prepared(30_000)
      const lost = yield* send(read(link, divide(1, 20)), read(link, divide(2)))
      yield* Effect.promise(() => pool.query("SELECT pg_terminate_backend($1)", [pid]))
      for (const answer of yield* Fiber.join(lost)) {
        assert.strictEqual(Either.isLeft(answer) ? answer.left.kind : undefined, "unavailable")
      }
      const [[next, six] = []] = yield* read(link, divide(1))
      assert.notStrictEqual(next, pid)
      assert.strictEqual(six, "6")
    })
  )

  it.scopedLive("wait no longer than the one before may", () =>
    Effect.gen(function* () {
      const { link } = yield* prepared(200)
      for (const answer of yield* both(read(link, divide(1, 20)), read(link, divide(2)))) {
        assert.strictEqual(Either.isLeft(answer) ? answer.left.kind : undefined, "unavailable")
      }
      const [[, three] = []] = yield* read(link, divide(2))
      assert.strictEqual(three, "3")
    })
  )

  it.scopedLive("have their own time from when they are sent", () =>
    Effect.gen(function* () {
      const { link } = yield* prepared(1_000)
      const [first, second] = yield* both(read(link, divide(3, 0.6)), read(link, divide(2, 0.6)))
      assert.strictEqual(Either.isRight(first) ? first.right[0]?.[1] : undefined, "2")
      assert.strictEqual(Either.isLeft(second) ? second.left.kind : undefined, "unavailable")
    })
  )

  it.scopedLive("are in time, however long others were under way before", () =>
    Effect.gen(function* () {
      const { link } = yield* prepared(1_000)
      for (let n = 0; n < 4; n++) {
        const [first, second] = yield* both(read(link, divide(3, 0.4)), read(link, divide(2, 0.4)))
        assert.isTrue(Either.isRight(first) && Either.isRight(second))
      }
    })
  )

  it.scopedLive("are late by their own link's time, where others share its connections", () =>
    Effect.gen(function* () {
      const { link, pool } = yield* prepared(30_000)
      const hasty = Link.make(Link.fromPool(pool), { commandTimeoutMs: 200, namedStatements: true })
      assert.lengthOf(yield* read(link, divide(1)), 1)
      const answer = yield* Effect.either(read(hasty, divide(1, 20)))
      assert.strictEqual(Either.isLeft(answer) ? answer.left.kind : undefined, "unavailable")
    })
  )

  it.scopedLive("are waited for when the link closes", () =>
    Effect.gen(function* () {
      const { link, pid } = yield* prepared(5_000)
      const answers = yield* send(read(link, divide(1, 0.2)), read(link, divide(2, 0.2)))
      yield* link.close("5 seconds")
      assert.deepStrictEqual(yield* Fiber.join(answers), [Either.right([[pid, "6"]]), Either.right([[pid, "3"]])])
    })
  )

  it.scopedLive("leave a connection after a while, for others who wait for it", () =>
    Effect.gen(function* () {
      const { link, pool } = yield* prepared(5_000)
      const reads = (n: number): Effect.Effect<unknown, unknown> =>
        n === 0 ? Effect.void : Effect.flatMap(read(link, divide(1)), () => reads(n - 1))
      const busy = yield* send(reads(400), reads(400))
      const others = Array.from({ length: 3 }, () => Effect.promise(() => pool.query("SELECT 1")))
      yield* Effect.all(others, { concurrency: "unbounded" })
      for (const answer of yield* Fiber.join(busy)) assert.isTrue(Either.isRight(answer))
    })
  )
})
