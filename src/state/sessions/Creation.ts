/**
 * How sessions start: under an id that nobody has, and for an owner who may have one more.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Atomic from "../../store/Atomic.ts"
import * as Modification from "../../store/Modification.ts"
import type * as StateStore from "../../store/StateStore.ts"
import * as Admission from "./Admission.ts"
import * as Ids from "./Ids.ts"
import * as Lifetime from "./Lifetime.ts"
import type { Owners } from "./Owners.ts"
import type { Sessions } from "./Service.ts"
import { type Envelope, fromEntry } from "./Session.ts"
import { exists } from "./SessionError.ts"
import type { Writer } from "./Writer.ts"

/**
 * @since 0.1.0
 * @category options
 */
export interface Options {
  /** The key of an id's session. */
  readonly keyOf: (id: string) => string
  readonly makeId: Effect.Effect<string>
  readonly maxConcurrent: Admission.MaxConcurrent | undefined
}

/**
 * The `create` of sessions.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <D, M>(
  store: StateStore.Service,
  owners: Owners<D, M>,
  { enter }: Writer<D, M>,
  { keyOf, makeId, maxConcurrent }: Options
): Sessions<D, M>["create"] => {
  /** A session of nobody: the only conflict is about its id. */
  const free = (id: string, value: Envelope<D, M>) =>
    Effect.catchTag(
      enter(keyOf(id), value, undefined, Atomic.make.pipe(Atomic.check(keyOf(id), "absent"))),
      "VersionConflict",
      () => Effect.fail(exists(id))
    )

  const admit = (owner: string) =>
    maxConcurrent === undefined ? Effect.succeed(Atomic.make) : Admission.admit(store, owners, owner, maxConcurrent)

  const owned = (id: string, owner: string, value: Envelope<D, M>) => {
    const attempt = Effect.flatMap(admit(owner), (steps) =>
      Effect.catchTag(
        enter(keyOf(id), value, undefined, steps.pipe(Atomic.check(keyOf(id), "absent"))),
        "VersionConflict",
        (conflict) =>
          // Only if it is not about the id there is sense in another attempt.
          Effect.flatMap(store.exists(keyOf(id)), (isTaken) => Effect.fail(isTaken ? exists(id) : conflict))
      )
    )
    return Modification.untilCommitted(owners.gate(owner), Modification.orConflict(attempt))
  }

  return ({ data, id, metadata, owner, ttl }) =>
    Effect.gen(function* () {
      const idleMs = yield* Lifetime.idleOf(ttl)
      // As the documentation says; a schema of another kind refuses it.
      const value = { data, metadata: metadata === undefined ? ({} as M) : metadata, idleMs, owner }
      const draw = owner === undefined ? makeId : Ids.beside(store, keyOf, makeId, owners.gate(owner))
      const newId = id ?? (yield* draw)
      const entry = yield* owner === undefined ? free(newId, value) : owned(newId, owner, value)
      return fromEntry(entry, newId)
    })
}
