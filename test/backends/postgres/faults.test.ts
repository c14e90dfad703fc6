/**
 * Servers that die, hang, refuse or are not there, and locks that others hold.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { PostgresStore } from "effect-state/postgres"
import * as Pool from "../../../src/backends/postgres/pool.ts"
import * as Atomic from "../../../src/store/Atomic.ts"
import * as PostgresServer from "../../servers/PostgresServer.ts"
import * as SharedServers from "../../servers/SharedServers.ts"
import { connect, open, openAt, poolAt, query, until } from "./database.ts"

const server = PostgresServer.make({ settings: { fsync: "off" } })

describe("a lock that a transaction holds", () => {
  it.scopedLive("keeps its own key's writers waiting, and nobody else", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const store = yield* openAt(url, { commandTimeout: "10 seconds" })
      yield* store.setMany(["held", "a", "b"].map((key) => ({ key, value: 0 })))
      const holder = yield* connect(url)
      yield* query(holder, "BEGIN")
      yield* query(holder, "SELECT 1 FROM effect_state WHERE key = ':held' FOR UPDATE")
      const done = yield* Ref.make<ReadonlyArray<string>>([])
      const write = (key: string, value: number) =>
        Effect.zipRight(store.set(key, value), Ref.update(done, Array.append(`${key}${value}`)))
      const writers = yield* Effect.fork(
        Effect.all([write("a", 1), write("held", 1), write("b", 1), write("held", 2)], { concurrency: "unbounded" })
      )
      yield* until(Ref.get(done), (keys) => keys.length === 2)
      assert.deepEqual([...(yield* Ref.get(done))].sort(), ["a1", "b1"])
      // Later batches go on, too.
      yield* Effect.all([store.set("a", 3), store.add("c", 1)], { concurrency: "unbounded" })
      yield* query(holder, "COMMIT")
      yield* Fiber.join(writers)
      assert.strictEqual(Option.getOrThrow(yield* store.get("held")).value, 2)
    })
  )

  it.scopedLive("is waited for up to the command timeout; then nothing was written", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const store = yield* openAt(url, { commandTimeout: "500 millis" })
      yield* store.set("held", 0)
      const holder = yield* connect(url)
      yield* query(holder, "BEGIN")
      yield* query(holder, "UPDATE effect_state SET updated_at_ms = updated_at_ms WHERE key = ':held'")
      const error = yield* Effect.flip(store.set("held", 1))
      assert.strictEqual(error._tag, "StoreUnavailable")
      assert.strictEqual(error.isRetryable, true)
      yield* query(holder, "ROLLBACK")
      assert.strictEqual(Option.getOrThrow(yield* store.get("held")).value, 0)
    })
  )

  it.scopedLive("is waited for by many no longer than by one", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const store = yield* openAt(url, { commandTimeout: "1 second" })
      yield* store.set("held", 0)
      const holder = yield* connect(url)
      yield* query(holder, "BEGIN")
      yield* query(holder, "SELECT 1 FROM effect_state WHERE key = ':held' FOR UPDATE")
      // In one batch, and in batches of their own.
      const write = (i: number) => Effect.delay(Effect.flip(store.set("held", i)), i <= 6 ? 0 : i)
      const [time, errors] = yield* Effect.timed(Effect.forEach(Array.range(1, 12), write, { concurrency: 12 }))
      assert.isBelow(Duration.toMillis(time), 3_000)
      for (const error of errors) {
        assert.deepEqual([error._tag, error.isRetryable], ["StoreUnavailable", true])
      }
      yield* query(holder, "COMMIT")
      assert.strictEqual(Option.getOrThrow(yield* store.get("held")).value, 0)
      yield* store.set("held", 1)
    })
  )

  it.scopedLive("has many waiting for it, and does not keep those waiting who wait for another one", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const store = yield* openAt(url, { commandTimeout: "5 seconds" })
      yield* store.setMany(["held", "freed"].map((key) => ({ key, value: 0 })))
      const hold = (key: string) =>
        Effect.gen(function* () {
          const holder = yield* connect(url)
          yield* query(holder, "BEGIN")
          yield* query(holder, `SELECT 1 FROM effect_state WHERE key = ':${key}' FOR UPDATE`)
          return query(holder, "COMMIT")
        })
      const [release, free] = yield* Effect.all([hold("held"), hold("freed")])
      const waiting = yield* Effect.forEach(Array.range(1, 6), (i) =>
        Effect.fork(Effect.delay(store.set("held", i), i * 20))
      )
      const other = yield* Effect.fork(Effect.delay(store.set("freed", 1), 300))
      yield* Effect.sleep(600)
      yield* free
      yield* Fiber.join(other)
      assert.strictEqual(Option.getOrThrow(yield* store.get("held")).value, 0)
      yield* release
      yield* Fiber.joinAll(waiting)
    })
  )

  it.scopedLive("and comes free late leaves less time for the next one", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const store = yield* openAt(url, { commandTimeout: "1 second" })
      yield* store.setMany(["a", "b"].map((key) => ({ key, value: 0 })))
      const row = (key: string) => `SELECT 1 FROM effect_state WHERE key = ':${key}' FOR UPDATE`
      const key = "SELECT pg_advisory_xact_lock(hashtextextended(':b', 'effect_state'::regclass::oid::bigint))"
      for (const early of [row("a"), key]) {
        const [one, other] = yield* Effect.all([connect(url), connect(url)])
        yield* query(one, "BEGIN")
        yield* query(one, early)
        yield* query(other, "BEGIN")
        yield* query(other, row("b"))
        const atomic = Atomic.make.pipe(Atomic.set("a", 1), Atomic.set("b", 1))
        const write = yield* Effect.fork(Effect.flip(store.commit(atomic)))
        yield* Effect.delay(query(one, "COMMIT"), "600 millis")
        const error = yield* Fiber.join(write)
        assert.deepEqual([error._tag, error.isRetryable], ["StoreUnavailable", true])
        yield* query(other, "COMMIT")
      }
      assert.strictEqual(Option.getOrThrow(yield* store.get("b")).value, 0)
    })
  )

  it.scopedLive("of many writers at once leaves connections for all others", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const store = yield* openAt(url, { maxConnections: 4, connectTimeout: "1 second" })
      yield* store.set("held", 0)
      const holder = yield* connect(url)
      yield* query(holder, "BEGIN")
      yield* query(holder, "SELECT 1 FROM effect_state WHERE key = ':held' FOR UPDATE")
      const stuck = yield* Effect.fork(
        Effect.forEach(Array.range(1, 20), () => Effect.zipRight(Effect.yieldNow(), store.add("held", 1)), {
          concurrency: "unbounded"
        })
      )
      for (let i = 0; i < 20; i++) {
        yield* store.set(`free${i}`, i)
        assert.isTrue(yield* store.exists(`free${i}`))
      }
      yield* query(holder, "COMMIT")
      yield* Fiber.join(stuck)
      assert.strictEqual(Option.getOrThrow(yield* store.get("held")).value, 20)
    })
  )
})

describe("a store that closes", () => {
  it.scopedLive("waits for who waits for a lock", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const scope = yield* Scope.make()
      const store = yield* Scope.extend(openAt(url), scope)
      yield* store.set("held", 0)
      const holder = yield* connect(url)
      yield* query(holder, "BEGIN; UPDATE effect_state SET updated_at_ms = updated_at_ms")
      const write = yield* Effect.fork(store.set("held", 1))
      yield* Effect.sleep("200 millis")
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void))
      yield* Effect.sleep("1500 millis")
      yield* query(holder, "COMMIT")
      yield* Fiber.join(write)
      yield* Fiber.join(closing)
    })
  )
})

describe("a batch with a commit that the server refuses", () => {
  it.scopedLive("fails that one alone", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const store = yield* openAt(url)
      yield* query(yield* connect(url), "ALTER TABLE effect_state ADD CONSTRAINT short CHECK (length(key) < 5)")
      const failed = yield* Effect.flip(store.setMany(["a", "too long", "b"].map((key) => ({ key, value: 1 }))))
      assert.deepEqual(
        failed.results.map((result) => (Either.isRight(result) ? "done" : result.left._tag)),
        ["done", "StoreFailure", "done"]
      )
      assert.strictEqual(yield* store.count({}), 2)
    })
  )
})

describe("a server killed in mid-write", () => {
  it.scopedLive("keeps what was acknowledged; the rest is not applied, or unknown", () =>
    Effect.gen(function* () {
      const postgres = yield* PostgresServer.make()
      const store = yield* openAt(postgres.url, { connectTimeout: "1 second" })
      const acknowledged: Array<string> = []
      const outcomes: Array<string> = []
      const writer = (fiber: number) =>
        Effect.forEach(Array.range(1, 100_000), (i) =>
          Effect.tap(store.set(`${fiber}-${i}`, i), () => Effect.sync(() => acknowledged.push(`${fiber}-${i}`)))
        ).pipe(Effect.catchTag("StoreUnavailable", (error) => Effect.sync(() => outcomes.push(error.outcome))))
      for (let round = 0; round < 3; round++) {
        const before = acknowledged.length
        const writers = yield* Effect.fork(
          Effect.forEach(Array.range(1, 16), (fiber) => writer(round * 100 + fiber), { concurrency: "unbounded" })
        )
        yield* until(
          Effect.sync(() => acknowledged.length),
          (count) => count > before + 200
        )
        yield* postgres.kill()
        yield* Fiber.join(writers)
        yield* postgres.start
        // By itself, and at once: the lost connections are known as such.
        yield* Effect.retry(store.ping, Schedule.recurs(5))
        const found = yield* store.getMany(acknowledged)
        assert.isTrue(found.every(Option.isSome))
      }
      assert.include(outcomes, "unknown")
      assert.strictEqual(outcomes.length, 48)
    })
  )

  it.scopedLive("is unavailable until it is back", () =>
    Effect.gen(function* () {
      const postgres = yield* server
      const store = yield* openAt(postgres.url, { connectTimeout: "1 second" })
      yield* store.set("a", 1)
      yield* postgres.kill()
      assert.strictEqual((yield* Effect.flip(store.get("a")))._tag, "StoreUnavailable")
      const write = yield* Effect.flip(store.set("a", 2))
      assert.deepEqual([write._tag, write.isRetryable], ["StoreUnavailable", true])
      yield* postgres.start
      yield* Effect.retry(store.set("a", 3), Schedule.recurs(5))
      yield* postgres.restart
      yield* Effect.retry(store.ping, Schedule.recurs(5))
      assert.strictEqual(Option.getOrThrow(yield* store.get("a")).value, 3)
    })
  )
})

describe("a server that hangs", () => {
  it.scopedLive("is given up at the command timeout: reads are unavailable, writes unknown", () =>
    Effect.gen(function* () {
      const postgres = yield* server
      const store = yield* openAt(postgres.url, { commandTimeout: "300 millis", connectTimeout: "300 millis" })
      yield* store.set("a", 1)
      yield* postgres.pause
      const write = yield* Effect.flip(store.set("a", 2))
      assert.deepEqual([write._tag, write.isRetryable], ["StoreUnavailable", false])
      assert.strictEqual((yield* Effect.flip(store.get("a")))._tag, "StoreUnavailable")
      yield* postgres.resume
      yield* until(Effect.either(store.get("a")), Either.isRight)
    })
  )

  it.scopedLive("does not keep the store from closing", () =>
    Effect.gen(function* () {
      const postgres = yield* server
      yield* Effect.scoped(
        Effect.gen(function* () {
          const store = yield* openAt(postgres.url, { closeTimeout: "200 millis", connectTimeout: "300 millis" })
          yield* store.set("a", 1)
          yield* postgres.pause
          yield* Effect.fork(Effect.ignore(store.set("a", 2)))
          yield* Effect.yieldNow()
        })
      ).pipe(Effect.timeout("5 seconds"))
      yield* postgres.resume
    })
  )
})

describe("a standby that has to confirm", () => {
  it.scopedLive("and whose confirmation is not waited for leaves a write unknown", () =>
    Effect.gen(function* () {
      const postgres = yield* server
      const store = yield* openAt(postgres.url)
      const admin = yield* connect(postgres.url)
      yield* query(admin, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
      yield* query(admin, "SELECT pg_reload_conf()")
      yield* until(query(admin, "SHOW synchronous_standby_names"), (rows) => rows[0]?.synchronous_standby_names !== "")
      const write = yield* Effect.fork(Effect.flip(store.set("a", 1)))
      yield* until(
        query(admin, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"),
        (rows) => rows.length > 0
      )
      const error = yield* Fiber.join(write)
      assert.deepEqual([error._tag, error.isRetryable], ["StoreUnavailable", false])
      assert.strictEqual(Option.getOrThrow(yield* store.get("a")).value, 1)
    })
  )
})

describe("building a store", () => {
  const failing = (options: PostgresStore.Options) => Effect.flip(Effect.scoped(openAt("", options)))
  const shown = (error: unknown) => `${error} ${JSON.stringify(error)} ${Cause.pretty(Cause.fail(error))}`

  it.live("fails in time where nobody answers", () =>
    Effect.gen(function* () {
      const error = yield* failing({ url: "postgres://u:hunter2@127.0.0.1:1/d", connectTimeout: "1 second" })
      assert.strictEqual(error._tag, "StoreUnavailable")
      assert.notInclude(shown(error), "hunter2")
    }).pipe(Effect.timeout("2 seconds"))
  )

  it.scopedLive("fails in time where a server takes the connection and says nothing", () =>
    Effect.gen(function* () {
      const postgres = yield* server
      yield* postgres.pause
      const error = yield* failing({ url: postgres.url, connectTimeout: "500 millis" })
      assert.strictEqual(error._tag, "StoreUnavailable")
    })
  )

  it.scopedLive("fails for a wrong password or database, and tells no password", () =>
    Effect.gen(function* () {
      const postgres = yield* PostgresServer.make({ auth: "scram-sha-256", settings: { fsync: "off" } })
      const { hostname: host, port, password } = new URL(postgres.url)
      const address = { url: undefined, host, port: Number(port), username: "postgres" }
      const wrong = yield* failing({ ...address, password: Redacted.make("hunter2"), database: "postgres" })
      assert.strictEqual(wrong._tag, "StoreFailure")
      assert.notInclude(shown(wrong), "hunter2")
      const elsewhere = yield* failing({ ...address, password: Redacted.make(password), database: "nowhere" })
      assert.strictEqual(elsewhere._tag, "StoreFailure")
      assert.include(elsewhere.message, "nowhere")
      const store = yield* open(
        PostgresStore.layer({ ...address, password: Redacted.make(password), database: "postgres", sweep: false })
      )
      yield* store.ping
    })
  )

  it.scopedLive("goes on when a connection is lost while another one is still opening", () =>
    Effect.gen(function* () {
      const postgres = yield* PostgresServer.make({ auth: "scram-sha-256", settings: { fsync: "off" } })
      const { password } = new URL(postgres.url)
      const admin = yield* connect(postgres.url)
      const lost = Effect.gen(function* () {
        const first = "FROM pg_stat_activity WHERE application_name = 'opening'"
        yield* until(query(admin, `SELECT pg_terminate_backend(pid) ${first}`), (rows) => rows.length > 0)
        yield* until(query(admin, `SELECT 1 ${first}`), (rows) => rows.length === 0)
      })
      let asked = 0
      const pool = yield* Pool.make({
        host: "127.0.0.1",
        port: Number(new URL(postgres.url).port),
        user: "postgres",
        database: "postgres",
        application_name: "opening",
        min: 2,
        // The second connection proves who it is when the first one is gone.
        password: () => (asked++ === 0 ? password : Effect.runPromise(Effect.as(lost, password)))
      })
      assert.deepEqual(yield* query(pool, "SELECT 1 AS n"), [{ n: 1 }])
      assert.deepEqual([asked, pool.totalCount], [2, 1])
    })
  )

  it.live("refuses options that make no sense, and tells no password", () =>
    Effect.gen(function* () {
      const cases: ReadonlyArray<readonly [string, PostgresStore.Options]> = [
        ["url", { url: "http://u:hunter2@h/d" }],
        ["url", { url: "postgres://u:hunter2%@h/d" }],
        ["url", { url: "postgres://u:hunter2%ff@h/d" }],
        ["url", { url: "postgres://u:hunter2@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem" }],
        ["url", { url: Redacted.make("hunter2") }],
        ["host", { url: "postgres://u:hunter2@h/d", host: "h" }],
        ["port", { url: undefined, port: 0 }],
        ["table", { table: "t".repeat(49) }],
        ["table", { table: "" }],
        ["schema", { schema: "s".repeat(64) }],
        ["maxConnections", { maxConnections: 0 }],
        ["minConnections", { minConnections: 11 }],
        ["connectTimeout", { connectTimeout: 0 }],
        ["commandTimeout", { commandTimeout: "100 days" }],
        ["applicationName", { applicationName: "ä" }]
      ]
      for (const [option, options] of cases) {
        const error = yield* failing({ url: "postgres://u:hunter2@127.0.0.1:1/d", ...options })
        assert.deepEqual([error._tag, "option" in error && error.option], ["InvalidOption", option])
        assert.notInclude(shown(error), "hunter2")
      }
    })
  )
})

describe("interruptions", () => {
  it.scopedLive("leave every connection in the pool", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const pool = yield* poolAt(url)
      const store = yield* open(PostgresStore.layerFromPool(pool, { sweep: false }))
      yield* store.setMany(Array.makeBy(100, (i) => ({ key: `k${i}`, value: i })))
      const calls = (i: number): Effect.Effect<unknown, unknown> =>
        [store.get(`k${i % 100}`), store.set(`k${i % 100}`, i), store.count({}), store.page({}), store.add("n", 1)][
          i % 5
        ] ?? Effect.void
      yield* Effect.forEach(
        Array.range(1, 500),
        (i) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.fork(calls(i))
            if (i % 3 === 0) yield* Effect.yieldNow()
            if (i % 7 === 0) yield* Effect.sleep("1 millis")
            const exit = yield* Fiber.interrupt(fiber)
            assert.isTrue(Exit.isSuccess(exit) || Exit.isInterrupted(exit))
          }),
        { concurrency: 20 }
      )
      yield* until(
        Effect.sync(() => pool.idleCount === pool.totalCount && pool.waitingCount === 0),
        (isFull) => isFull
      )
      yield* store.ping
      assert.isAtMost(pool.totalCount, 4)
    })
  )
})

describe("a layer that is closed", () => {
  it.scopedLive("leaves no connection on the server", () =>
    Effect.gen(function* () {
      const url = yield* SharedServers.postgresDatabase
      const admin = yield* connect(url)
      const layer = PostgresStore.layer({ url, minConnections: 3, applicationName: "closing" })
      const count = query(admin, "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'closing'")
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Layer.build(layer)
          assert.strictEqual((yield* count)[0]?.n, 3)
        })
      )
      yield* until(count, (rows) => rows[0]?.n === 0)
    })
  )
})
