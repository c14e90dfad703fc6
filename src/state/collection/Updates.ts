/**
 * What a collection derives from its `modify`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Modification from "../../store/Modification.ts"
import * as Properties from "../Properties.ts"
import type { Collection } from "./Model.ts"

/**
 * `getOrCreate`, `update` and `patch`, by a `modify`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, K>(
  modify: Collection<A, K>["modify"]
): Pick<Collection<A, K>, "getOrCreate" | "update" | "patch"> => {
  const update: Collection<A, K>["update"] = (id, f, options) =>
    modify(
      id,
      Option.match({
        onNone: () => Effect.succeed([Option.none<A>(), Modification.keep] as const),
        onSome: ({ value }) =>
          Effect.sync(() => {
            const next = f(value)
            return [Option.some(next), Modification.write(next, options)] as const
          })
      })
    )
  return {
    getOrCreate: (id, make, options) =>
      modify(
        id,
        Option.match({
          onSome: ({ value }) => Effect.succeed([value, Modification.keep] as const),
          onNone: () => Effect.map(make, (value) => [value, Modification.write(value, options)] as const)
        })
      ),
    update,
    patch: (id, properties, options) => update(id, (current) => Properties.over(current, properties), options)
  }
}
