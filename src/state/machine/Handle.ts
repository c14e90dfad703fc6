/**
 * What a context does, over its records.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { LockLost } from "../../coordination/lock/LockError.ts"
import * as Atomic from "../../store/Atomic.ts"
import * as Modification from "../../store/Modification.ts"
import type { VersionConflict } from "../../store/StateError.ts"
import * as Dictionary from "../Dictionary.ts"
import type { Context } from "./Context.ts"
import type { StateMachine } from "./Definition.ts"
import * as Delivery from "./Delivery.ts"
import type * as Effects from "./Effects.ts"
import type { EffectFailed } from "./MachineError.ts"
import type { Tagged } from "./Members.ts"
import * as Records from "./Records.ts"
import type { Edge } from "./Table.ts"

/**
 * What contexts are made of.
 *
 * @since 0.1.0
 * @category models
 */
export interface Parts<S extends Tagged, E extends Tagged, D, M, X extends Edge, R> {
  readonly machine: StateMachine<S, E, D, M, X, R>
  readonly records: Records.Records<S, D, M>
  readonly run: Effects.Run
}

/**
 * Makes contexts that write by the given commit.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make =
  <S extends Tagged, E extends Tagged, D, M, X extends Edge, R, W extends LockLost | VersionConflict>(
    { machine, records, run }: Parts<S, E, D, M, X, R>,
    commit: Delivery.Commit<W>
  ) =>
  <K>(id: K, key: string): Context<S, E, D, EffectFailed<unknown, Delivery.Transitioned<S>>, W> => {
    const write = (steps: Atomic.Steps) => Effect.asVoid(commit(steps(Atomic.make)))
    const context: Context<S, E, D, EffectFailed<unknown, Delivery.Transitioned<S>>, W> = {
      key,
      send: (event, options) =>
        Effect.gen(function* () {
          const delivered = yield* Delivery.deliver(machine, records, commit, key, event, options?.id)
          yield* run(delivered, id, context)
          return delivered.transitioned
        }),
      getState: Effect.suspend(() =>
        Effect.flatMap(records.readState(key), (entry) => records.decodeState(key, Records.valueOf(entry)))
      ),
      setState: (state) =>
        Effect.flatMap(records.encodeState(key, state), (encoded) => write(records.putState(key, encoded))),
      getData: Effect.suspend(() =>
        Effect.flatMap(records.readData(key), (entry) => records.decodeData(key, Records.valueOf(entry)))
      ),
      setData: (data) => Effect.flatMap(records.encodeData(key, data), (fields) => write(records.putData(key, fields))),
      updateData: (changes) =>
        Modification.untilCommitted(
          records.store.key(key),
          Effect.gen(function* () {
            const current = yield* records.readData(key)
            const fields = Dictionary.patched(current, yield* records.encodeData(key, changes))
            const data = yield* records.decodeData(key, Option.some(fields))
            const steps = Atomic.make.pipe(records.checkData(key, current), records.putData(key, fields))
            return yield* Modification.orConflict(Effect.as(commit(steps), data))
          })
        ),
      clear: Effect.suspend(() => write((steps) => steps.pipe(records.removeState(key), records.removeData(key))))
    }
    return context
  }
