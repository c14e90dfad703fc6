/**
 * Versions rise in the order in which the server applies the changes of a key, whoever makes them.
 */
import { assert, it } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import type { StateStore } from "../../../src/index.ts"
import * as SharedServers from "../../servers/SharedServers.ts"
import { connect, openAt, query } from "./database.ts"

const keys = ["a", "b", "c"]

/** Notes every row that is written, in the order in which it happens to a key: each writer holds the key's lock. */
const journal = `
  CREATE TABLE journal (place bigserial, key text, version bigint);
  CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO journal (key, version) VALUES (NEW.key, NEW.version);
    RETURN NULL;
  END $$;
  CREATE TRIGGER note AFTER INSERT OR UPDATE ON effect_state FOR EACH ROW EXECUTE FUNCTION note()`

/** One of each way to write a key, and deletes, so that most writes find nothing there. */
const storm = (store: StateStore.Service, round: number) => {
  const key = keys[round % keys.length] ?? ""
  const others = keys.map((key) => ({ key, value: round }))
  return Effect.all(
    [
      store.set(key, round),
      store.delete(key),
      store.setMany(round % 2 === 0 ? others : others.toReversed()),
      store.delete(key),
      store.set(key, round, { ttl: "keep" })
    ],
    { discard: true }
  )
}

it.scopedLive("versions rise per key among stores that put and delete it at once", () =>
  Effect.gen(function* () {
    const url = yield* SharedServers.postgresDatabase
    const stores = yield* Effect.forEach(Array.range(1, 4), () => openAt(url, { maxConnections: 3 }))
    const admin = yield* connect(url)
    yield* query(admin, journal)
    yield* Effect.forEach(
      stores,
      (store) => Effect.forEach(Array.range(1, 100), (round) => storm(store, round), { concurrency: 3 }),
      { concurrency: "unbounded" }
    )
    for (const key of keys) {
      const rows = yield* query(admin, "SELECT version FROM journal WHERE key = $1 ORDER BY place", [`:${key}`])
      const versions = rows.map(({ version }) => Number(version))
      assert.isAtLeast(versions.length, 400)
      assert.deepStrictEqual(
        versions,
        versions.toSorted((a, b) => a - b),
        `the versions of ${key}`
      )
      assert.strictEqual(new Set(versions).size, versions.length)
    }
  })
)
