/**
 * A case: one thing that every store must do, as data.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type Backend, type Commit, type Outcome, settle } from "../store/Backend.ts"
import type { Entry } from "../store/Entry.ts"
import type { KeyRange } from "../store/KeyRange.ts"
import type { PageCursor } from "../store/PageCursor.ts"
import * as StateStore from "../store/StateStore.ts"
import { Harness, type Service as HarnessService } from "./Harness.ts"

/**
 * What a store promises.
 *
 * @since 0.1.0
 * @category models
 */
export type Promised =
  | "one meaning"
  | "atomic"
  | "versions"
  | "time"
  | "order"
  | "keys"
  | "values"
  | "errors"
  | "scope"
  | "nothing lost"

/**
 * A thing to prove. It runs in a namespace of its own, so that cases don't disturb each other; a defect or a failure means
 * that the store doesn't keep its promise.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case {
  readonly promise: Promised
  readonly name: string
  readonly run: Effect.Effect<void, unknown, StateStore.StateStore | Harness | Scope.Scope>
}

type Body<Subject> = (subject: Subject, harness: HarnessService) => Effect.Effect<void, unknown, Scope.Scope>

/**
 * Makes cases of a promise about the service.
 *
 * @since 0.1.0
 * @category constructors
 */
export const storeCase =
  (promise: Promised) =>
  (name: string, body: Body<StateStore.Service>): Case => ({
    promise,
    name,
    run: Effect.flatMap(Effect.all([StateStore.StateStore, Harness]), ([store, harness]) => body(store, harness))
  })

/**
 * Makes cases of a promise about the backend itself; the store is over that backend.
 *
 * @since 0.1.0
 * @category constructors
 */
export const backendCase =
  (promise: Promised) =>
  (name: string, body: Body<{ readonly backend: Backend; readonly store: StateStore.Service }>): Case => ({
    promise,
    name: `backend: ${name}`,
    run: Effect.flatMap(Harness, (harness) => Effect.flatMap(harness.openBackend, (both) => body(both, harness)))
  })

/**
 * The error with which an effect fails; a defect if it does not, or with another one.
 *
 * @since 0.1.0
 * @category assertions
 */
export const failure = <A, E extends { readonly _tag: string }, R, Tag extends E["_tag"]>(
  effect: Effect.Effect<A, E, R>,
  tag: Tag
): Effect.Effect<Extract<E, { readonly _tag: Tag }>, never, R> =>
  Effect.map(Effect.either(effect), (result) => {
    if (Either.isRight(result)) assert.fail(`expected the error ${tag}, and it succeeded`)
    assert.equal(result.left._tag, tag)
    return result.left as Extract<E, { readonly _tag: Tag }> // Its tag is the wanted one.
  })

/**
 * The outcomes of a batch, those included that come later than the others.
 *
 * @since 0.1.0
 * @category running
 */
export const commitAll = (backend: Backend, batch: ReadonlyArray<Commit>): Effect.Effect<ReadonlyArray<Outcome>> =>
  Effect.flatMap(backend.commit(batch), settle)

/**
 * The live entry under a key; a defect if there is none.
 *
 * @since 0.1.0
 * @category assertions
 */
export const entry = (store: StateStore.Service, key: string): Effect.Effect<Entry, unknown> =>
  Effect.map(store.get(key), (found) =>
    Option.getOrElse(found, () => assert.fail(`expected an entry under ${JSON.stringify(key)}`))
  )

/**
 * The value under a key, or `undefined`, which no store holds.
 *
 * @since 0.1.0
 * @category assertions
 */
export const value = (store: StateStore.Service, key: string): Effect.Effect<unknown, unknown> =>
  Effect.map(store.get(key), (found) => Option.getOrUndefined(found)?.value)

/**
 * The keys of a range's entries, as `entries` streams them.
 *
 * @since 0.1.0
 * @category assertions
 */
export const entryKeys = (
  store: StateStore.Service,
  range: KeyRange,
  options?: { readonly reverse?: boolean; readonly after?: PageCursor }
): Effect.Effect<ReadonlyArray<string>, unknown> =>
  Effect.map(Stream.runCollect(store.entries(range, options)), (entries) => Array.from(entries, ({ key }) => key))

/**
 * The keys of a range, page by page. Pages that have a next one must be full, and must come to an end.
 *
 * @since 0.1.0
 * @category assertions
 */
export const pagedKeys = (
  store: StateStore.Service,
  range: KeyRange,
  options: { readonly limit: number; readonly reverse?: boolean },
  between: (keys: ReadonlyArray<string>) => Effect.Effect<unknown, unknown> = () => Effect.void
): Effect.Effect<ReadonlyArray<string>, unknown> =>
  Effect.gen(function* () {
    const keys: Array<string> = []
    let after: PageCursor | undefined
    for (let pages = 0; pages < pagesMax; pages++) {
      const page = yield* store.page(range, { ...options, after })
      keys.push(...page.entries.map(({ key }) => key))
      if (Option.isNone(page.next)) {
        assert.ok(page.entries.length <= options.limit, "a page has more entries than its limit")
        return keys
      }
      assert.equal(page.entries.length, options.limit, "a page that has a next one is full")
      after = page.next.value
      yield* between(keys)
    }
    return assert.fail(`no end after ${pagesMax} pages`)
  })

const pagesMax = 1_000

/**
 * Writes an entry and lets it expire.
 *
 * @since 0.1.0
 * @category fixtures
 */
export const setExpired = (
  store: StateStore.Service,
  harness: HarnessService,
  ...keys: ReadonlyArray<string>
): Effect.Effect<void, unknown> =>
  store
    .setMany(keys.map((key) => ({ key, value: "expired", ttl: "1 milli" })))
    .pipe(Effect.zipRight(harness.advance(1)))

/**
 * Writes entries whose values tell their keys.
 *
 * @since 0.1.0
 * @category fixtures
 */
export const setAll = (
  store: StateStore.Service,
  keys: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<number>, unknown> => store.setMany(keys.map((key) => ({ key, value: { of: key } })))

/**
 * Names with numbers of equal width: `k000`, `k001`, …
 *
 * @since 0.1.0
 * @category fixtures
 */
export const numbered = (prefix: string, count: number): ReadonlyArray<string> =>
  Arr.makeBy(count, (i) => `${prefix}${String(i).padStart(3, "0")}`)
