/**
 * Sessions and their owners: the index says what there is, limits hold for all who log in at once, and hashed ids are nowhere.
 */
import { strict as assert } from "node:assert"
import { createHash } from "node:crypto"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Sessions from "../../state/sessions/Sessions.ts"
import type { Backend } from "../../store/Backend.ts"
import * as Namespace from "../../store/Namespace.ts"
import type { PageCursor } from "../../store/PageCursor.ts"
import * as StateStore from "../../store/StateStore.ts"
import { backendCase, type Case, failure, storeCase } from "../Case.ts"
import type { Service as Harness } from "../Harness.ts"

const meaning = storeCase("one meaning")
const atomic = storeCase("atomic")
const time = storeCase("time")

const Data = Schema.Struct({ n: Schema.Number })
type Logins = Sessions.Sessions<typeof Data.Type>

const open = (
  store: StateStore.Service,
  options: Pick<Sessions.Options<unknown, unknown, never, never, never, never>, "hashIds" | "maxConcurrent"> = {}
): Effect.Effect<Logins> =>
  Effect.provideService(
    Sessions.make("logins", { data: Data, ttl: "1 hour", absoluteTtl: "2 hours", ...options }),
    StateStore.StateStore,
    store
  )

/** The sessions as two processes have them, where each build of the subject's layer is one more look at the same store. */
const openTwo = (store: StateStore.Service, harness: Harness, maxConcurrent: Sessions.MaxConcurrent) =>
  Effect.gen(function* () {
    const other = yield* harness.open()
    yield* store.set("probe", true)
    const isShared = yield* other.exists("probe")
    return [yield* open(store, { maxConcurrent }), yield* open(isShared ? other : store, { maxConcurrent })] as const
  })

const login = (logins: Logins, owner: string, n = 0) => logins.create({ data: { n }, owner })

const idsOf = (logins: Logins, owner: string) =>
  Effect.map(logins.listByOwner(owner, { limit: 1_000 }), ({ entries }) => entries.map(({ id }) => id))

const idsIn = (sessions: ReadonlyArray<{ readonly id: string }>) => sessions.map(({ id }) => id).sort()

/** The deadlines of the members in the index, and those of the sessions that are theirs. */
const deadlines = (logins: Logins) =>
  Effect.gen(function* () {
    const members = Array.from(yield* Stream.runCollect(logins.store.namespace(Namespace.inner("owners")).entries({})))
    const sessions = Array.from(yield* Stream.runCollect(logins.store.entries({})))
    return [
      members.filter(({ key }) => !key.endsWith(":gate")).map(({ expiresAtMs, key }) => [key, expiresAtMs]),
      sessions.map(({ expiresAtMs, key }) => [`ada:session:${key}`, expiresAtMs])
    ] as const
  })

/** All that a backend has in a case's namespace, as text. */
const dump = (backend: Backend, store: StateStore.Service) =>
  Effect.gen(function* () {
    const { path } = store.key("a").namespace
    const { items } = yield* backend.scan(
      { start: path, end: `${path}~`, placement: undefined },
      { after: undefined, limit: 100, reverse: false, select: "entry" }
    )
    return items.flatMap((item) =>
      item._tag === "Stored" ? [`${item.key} ${Buffer.from(item.payload ?? "").toString("utf8")}`] : []
    )
  })

export const ownerCases: ReadonlyArray<Case> = [
  meaning("an owner's sessions are those that he has, whatever happens to them", (store) =>
    Effect.gen(function* () {
      const logins = yield* open(store)
      const [a, b, c, d] = yield* Effect.all([
        login(logins, "ada"),
        login(logins, "ada"),
        login(logins, "ada"),
        login(logins, "ada")
      ])
      yield* login(logins, "bob")
      yield* logins.create({ data: { n: 0 } })
      assert.deepEqual(yield* idsOf(logins, "ada"), idsIn([a, b, c, d]))
      yield* logins.update(a.id, { data: { n: 1 } })
      yield* logins.touch(b.id, { ttl: "90 minutes" })
      yield* logins.withSession(c.id)(() => Effect.succeed([0, { metadata: { seen: true } }]))
      const rotated = yield* logins.rotate(c.id)
      assert.equal(yield* logins.delete(d.id), true)
      assert.equal(yield* logins.delete(d.id), false)
      const { entries } = yield* logins.listByOwner("ada")
      assert.deepEqual(idsIn([...entries]), idsIn([a, b, rotated]))
      for (const session of entries) {
        assert.deepEqual(session, yield* logins.require(session.id))
        assert.deepEqual(session.owner, Option.some("ada"))
      }
      const [members, sessions] = yield* deadlines(logins)
      for (const member of members.filter(([key]) => String(key).startsWith("ada:"))) {
        assert.ok(sessions.some((session) => session[0] === member[0] && session[1] === member[1]))
      }
      assert.equal(members.length, 4)
      assert.equal(yield* logins.clear, 5)
      assert.deepEqual((yield* deadlines(logins))[0], [])
    })
  ),
  meaning("an owner's sessions come in pages, and none of another owner", (store) =>
    Effect.gen(function* () {
      const logins = yield* open(store)
      const owners = ["a", "a:", "a:session:", "a%3A", "a/b", "", "ä 😀"]
      const sessions = yield* Effect.forEach(owners, (owner) =>
        Effect.forEach(Arr.range(1, 7), () => login(logins, owner), { concurrency: "unbounded" })
      )
      for (const [i, owner] of owners.entries()) {
        const seen: Array<string> = []
        let after: PageCursor | undefined
        do {
          const { entries, next } = yield* logins.listByOwner(owner, { limit: 3, after })
          assert.ok(entries.length <= 3)
          seen.push(...entries.map(({ id }) => id))
          after = Option.getOrUndefined(next)
        } while (after !== undefined)
        assert.deepEqual(seen, idsIn(sessions[i] ?? []))
      }
      assert.equal(yield* logins.endAllForOwner("a"), 7)
      assert.equal(yield* logins.count, 7 * (owners.length - 1))
      yield* failure(login(logins, "a\0"), "InvalidKey")
    })
  ),
  atomic("of many logins at once as many are let in as an owner may have", (store, harness) =>
    Effect.gen(function* () {
      const both = yield* openTwo(store, harness, { max: 3, onExceed: "reject" })
      const results = yield* Effect.forEach(
        Arr.range(0, 49),
        (i) => Effect.either(login(both[i % 2 === 0 ? 0 : 1], "ada")),
        { concurrency: "unbounded" }
      )
      for (const { _tag } of Arr.getLefts(results)) assert.equal(_tag, "TooManySessions")
      assert.equal(Arr.getLefts(results).length, 47)
      const [logins] = both
      assert.deepEqual(yield* idsOf(logins, "ada"), idsIn(Arr.getRights(results)))
      yield* login(logins, "bob")
      const [first] = Arr.getRights(results)
      yield* logins.delete(first?.id ?? "")
      yield* login(logins, "ada")
      yield* failure(login(logins, "ada"), "TooManySessions")
    })
  ),
  atomic("the oldest session ends for a new one, also when many log in at once", (store, harness) =>
    Effect.gen(function* () {
      const both = yield* openTwo(store, harness, { max: 3, onExceed: "endOldest" })
      const [logins] = both
      const started = yield* Effect.forEach(Arr.range(0, 49), (i) => login(both[i % 2 === 0 ? 0 : 1], "ada"), {
        concurrency: "unbounded"
      })
      const left = yield* idsOf(logins, "ada")
      assert.equal(left.length, 3)
      assert.ok(left.every((id) => started.some((session) => session.id === id)))
      assert.equal(yield* logins.count, 3)
      yield* logins.endAllForOwner("ada")
      const a = yield* login(logins, "ada")
      yield* harness.advance(1)
      const [b, c] = [yield* login(logins, "ada"), yield* login(logins, "ada")]
      // What moves to another id is as old as it was, and so is what is used.
      const moved = yield* logins.rotate(a.id)
      yield* logins.update(b.id, { data: { n: 1 } })
      const d = yield* login(logins, "ada")
      assert.deepEqual(yield* idsOf(logins, "ada"), idsIn([b, c, d]))
      assert.deepEqual(yield* logins.get(moved.id), Option.none())
      yield* failure(logins.create({ data: { n: 0 }, id: d.id, owner: "ada" }), "SessionExists")
      assert.deepEqual(yield* idsOf(logins, "ada"), idsIn([b, c, d]))
    })
  ),
  atomic("sessions that move while others log in count, and don't escape their end", (store, harness) =>
    Effect.gen(function* () {
      const both = yield* openTwo(store, harness, { max: 4, onExceed: "reject" })
      const [logins, others] = both
      const moving = yield* Effect.replicateEffect(login(logins, "ada"), 3)
      const move = (id: string) =>
        Effect.iterate(0, {
          while: (n) => n < 6,
          body: (n) =>
            Effect.map(others.rotate(id), (session) => {
              id = session.id
              return n + 1
            })
        }).pipe(Effect.catchTag("SessionNotFound", () => Effect.void))
      const logIn = Effect.either(login(logins, "ada"))
      const [, results] = yield* Effect.all(
        [
          Effect.forEach(moving, ({ id }) => move(id), { concurrency: "unbounded" }),
          Effect.all(Arr.replicate(logIn, 10), { concurrency: "unbounded" })
        ],
        { concurrency: "unbounded" }
      )
      assert.equal(Arr.getRights(results).length, 1)
      const left = yield* idsOf(logins, "ada")
      assert.equal(left.length, 4)
      assert.equal(yield* logins.count, 4)
      const [, ended] = yield* Effect.all(
        [Effect.forEach(left, move, { concurrency: "unbounded" }), others.endAllForOwner("ada")],
        { concurrency: "unbounded" }
      )
      assert.equal(ended, 4)
      assert.equal(yield* logins.count, 0)
    })
  ),
  atomic("all sessions of an owner end, except one", (store) =>
    Effect.gen(function* () {
      const logins = yield* open(store)
      const mine = yield* Effect.all(Arr.replicate(login(logins, "ada"), 300), { concurrency: "unbounded" })
      const theirs = yield* login(logins, "bob")
      const [here] = mine
      assert.equal(yield* logins.endAllForOwner("ada", { except: here?.id }), 299)
      assert.deepEqual(yield* idsOf(logins, "ada"), [here?.id])
      assert.equal(yield* logins.endAllForOwner("ada", { except: "another" }), 1)
      assert.equal(yield* logins.endAllForOwner("ada"), 0)
      assert.deepEqual(yield* idsOf(logins, "bob"), [theirs.id])
      assert.equal(yield* logins.count, 1)
    })
  ),
  time("a session that expired makes room, and is listed no more", (store, { advance }) =>
    Effect.gen(function* () {
      const logins = yield* open(store, { maxConcurrent: { max: 2, onExceed: "reject" } })
      const [a, b] = [yield* login(logins, "ada"), yield* login(logins, "ada")]
      yield* failure(login(logins, "ada"), "TooManySessions")
      yield* logins.touch(a.id, { ttl: "50 millis" })
      yield* advance(50)
      assert.deepEqual(yield* idsOf(logins, "ada"), [b.id])
      assert.deepEqual(...(yield* deadlines(logins)))
      const c = yield* login(logins, "ada")
      yield* failure(login(logins, "ada"), "TooManySessions")
      assert.deepEqual(yield* idsOf(logins, "ada"), idsIn([b, c]))
      const short = yield* logins.create({ data: { n: 0 }, owner: "bob", ttl: "2 seconds" })
      yield* logins.touch(short.id, { ttl: "1 hour" })
      yield* advance(2_000)
      assert.deepEqual(yield* idsOf(logins, "bob"), [short.id])
    })
  ),
  backendCase("one meaning")("a hashed id is nowhere in the store, and works", ({ backend, store }) =>
    Effect.gen(function* () {
      const logins = yield* open(store, { hashIds: true, maxConcurrent: { max: 2, onExceed: "endOldest" } })
      const old = yield* login(logins, "ada")
      const { id } = yield* logins.rotate(old.id)
      const own = yield* logins.create({ data: { n: 7 }, id: "an id of my own" })
      const other = yield* login(logins, "ada")
      const hash = createHash("sha256").update(id).digest("base64url")
      const seen = yield* logins.withSession(id)(({ id }) =>
        Effect.map(dump(backend, store), (during) => [{ id, during }, { data: { n: 2 } }] as const)
      )
      assert.equal(seen.id, id)
      const stored = [...seen.during, ...(yield* dump(backend, store))]
      assert.ok(stored.length > 5)
      for (const text of stored)
        for (const secret of [old.id, id, own.id, other.id]) assert.ok(!text.includes(secret), text)
      assert.ok(stored.some((text) => text.includes(hash)))
      assert.equal((yield* logins.require(id)).data.n, 2)
      assert.equal((yield* logins.update(id, { data: { n: 3 } })).id, id)
      assert.equal(yield* logins.touch(id), true)
      assert.ok((yield* idsOf(logins, "ada")).includes(hash))
      assert.ok((yield* logins.list()).entries.some((session) => session.id === hash))
      assert.deepEqual(yield* logins.get(hash), Option.none())
      assert.equal(yield* logins.endAllForOwner("ada", { except: id }), 1)
      assert.deepEqual(yield* idsOf(logins, "ada"), [hash])
      assert.ok(Either.isLeft(yield* Effect.either(logins.require(other.id))))
      assert.equal(yield* logins.delete(id), true)
      assert.deepEqual(yield* idsOf(logins, "ada"), [])
    })
  )
]
