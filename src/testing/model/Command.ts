/**
 * What the model and a store are asked to do, as data that a failing run can print.
 *
 * @since 0.1.0
 */
import * as FastCheck from "effect/FastCheck"
import type { KeyRange } from "../../store/KeyRange.ts"

/**
 * A key in one of two namespaces, one inside the other.
 *
 * @since 0.1.0
 * @category models
 */
export interface At {
  readonly space: 0 | 1
  readonly key: string
}

/**
 * Which version a write demands: what the key is at, one it was at, none, or one it never had.
 *
 * @since 0.1.0
 * @category models
 */
export type Demand = "current" | "stale" | "absent" | "never"

/**
 * A time to live in milliseconds (`Infinity`: for ever), `"keep"`, or the default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Deadline {
  readonly ttl: number | "keep" | undefined
  /** Milliseconds from now. */
  readonly notAfterInMs: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export type Step =
  | { readonly _tag: "Set"; readonly at: At; readonly value: unknown; readonly deadline: Deadline }
  | { readonly _tag: "Add"; readonly at: At; readonly delta: number }
  | { readonly _tag: "Expire"; readonly at: At; readonly ttl: number }
  | { readonly _tag: "Persist"; readonly at: At }
  | { readonly _tag: "Delete"; readonly at: At }

/**
 * @since 0.1.0
 * @category models
 */
export interface Check {
  readonly at: At
  readonly demand: Demand
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ListOptions {
  readonly space: 0 | 1
  readonly range: KeyRange
  readonly limit: number
  readonly reverse: boolean
}

/**
 * @since 0.1.0
 * @category models
 */
export type Command =
  | { readonly _tag: "Get" | "Exists" | "Lapse"; readonly at: At }
  | { readonly _tag: "GetMany" | "DeleteMany"; readonly space: 0 | 1; readonly keys: ReadonlyArray<string> }
  | { readonly _tag: "One"; readonly step: Step; readonly demand: Demand | undefined }
  | {
      readonly _tag: "Modify"
      readonly at: At
      readonly decision: "write" | "delete" | "keep"
      readonly value: unknown
    }
  | { readonly _tag: "Commit"; readonly checks: ReadonlyArray<Check>; readonly steps: ReadonlyArray<Step> }
  | {
      readonly _tag: "SetMany"
      readonly space: 0 | 1
      readonly items: ReadonlyArray<{ readonly key: string; readonly value: unknown; readonly ttl: Deadline["ttl"] }>
    }
  | ({ readonly _tag: "Pages" | "Entries" | "Count" | "Clear" } & ListOptions)
  | { readonly _tag: "Keys"; readonly space: 0 | 1; readonly pattern: string }
  | { readonly _tag: "Advance"; readonly ms: number }
  | { readonly _tag: "Sweep" }

/**
 * Patterns, and what they match, said in another language.
 *
 * @since 0.1.0
 * @category models
 */
export const patterns: Readonly<Record<string, RegExp>> = {
  "*": /^.*$/su,
  "a*": /^a.*$/su,
  "?": /^.$/su,
  "a?": /^a.$/su,
  "*b": /^.*b$/su,
  "[a-b]*": /^[ab].*$/su,
  "[^a]*": /^[^a].*$/su,
  "\\*": /^\*$/su,
  "a:*": /^a:.*$/su,
  "%": /^%$/su
}

/** Few, so that commands meet; nasty, so that they might meet wrongly. The first are used most. */
const keys = ["a", "b", "ab", "a:b", "a%", "*", "😀", "\uffff", "A"]
const badKeys = ["", "\0", "\ud800"]

const hourMs = 3_600_000

/**
 * Sequences of commands. Those for a server's clock have no short times to live: what expires there, expires by `Lapse`.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const sequence = (clock: "test" | "server"): FastCheck.Arbitrary<ReadonlyArray<Command>> => {
  const { array, constant, constantFrom, oneof, option, record } = FastCheck
  const key = oneof(
    { weight: 6, arbitrary: constantFrom(...keys.slice(0, 3)) },
    { weight: 4, arbitrary: constantFrom(...keys) },
    { weight: 1, arbitrary: oneof({ weight: 4, arbitrary: constantFrom(...keys) }, constantFrom(...badKeys)) }
  )
  const space = constantFrom<0 | 1>(0, 0, 1)
  const at: FastCheck.Arbitrary<At> = record({ space, key })
  const value = oneof(
    {
      weight: 8,
      arbitrary: constantFrom<unknown>(0, 1, -5, Number.MAX_SAFE_INTEGER, "1", 1.5, null, { a: [1, "😀\0"] }, [])
    },
    { weight: 1, arbitrary: constantFrom<unknown>(Number.NaN, undefined, 1n) }
  )
  const shortMs = clock === "test" ? [1, 1.5, 5, 10, 20] : []
  const ttlMs = oneof(
    { weight: 8, arbitrary: constantFrom(...shortMs, hourMs, 2 * hourMs, Number.POSITIVE_INFINITY) },
    { weight: 1, arbitrary: constantFrom(0, -1, Number.NaN) }
  )
  const ttl: FastCheck.Arbitrary<Deadline["ttl"]> = oneof(
    { weight: 3, arbitrary: constant(undefined) },
    { weight: 3, arbitrary: constant("keep" as const) },
    { weight: 3, arbitrary: ttlMs }
  )
  const notAfterInMs = option(constantFrom(...(clock === "test" ? [-1, 0, 5, hourMs / 2] : [hourMs / 2])), {
    freq: 6,
    nil: undefined
  })
  const deadline = record({ ttl, notAfterInMs })
  const step: FastCheck.Arbitrary<Step> = oneof(
    { weight: 4, arbitrary: record({ _tag: constant("Set" as const), at, value, deadline }) },
    {
      weight: 2,
      arbitrary: record({
        _tag: constant("Add" as const),
        at,
        delta: constantFrom(1, -1, 0, 41, Number.MAX_SAFE_INTEGER, 0.5)
      })
    },
    { weight: 1, arbitrary: record({ _tag: constant("Expire" as const), at, ttl: ttlMs }) },
    { weight: 1, arbitrary: record({ _tag: constant("Persist" as const), at }) },
    { weight: 2, arbitrary: record({ _tag: constant("Delete" as const), at }) }
  )
  const demand = constantFrom<Demand>("current", "current", "current", "absent", "absent", "stale", "never")
  const range: FastCheck.Arbitrary<KeyRange> = oneof(
    { weight: 3, arbitrary: constant({}) },
    record({ prefix: constantFrom("", "a", "a:", "%", "😀", "x") }),
    record({ start: constantFrom(...keys, ""), end: constantFrom(...keys) }),
    record({ start: constantFrom(...keys) }),
    record({ end: constantFrom(...keys) })
  )
  const list = { space, range, limit: constantFrom(1, 2, 3, 100), reverse: FastCheck.boolean() }
  const tag = <Tag extends Command["_tag"]>(...tags: ReadonlyArray<Tag>) => constantFrom(...tags)
  const command: FastCheck.Arbitrary<Command> = oneof(
    { weight: 3, arbitrary: record({ _tag: tag("Get"), at }) },
    { weight: 1, arbitrary: record({ _tag: tag("Exists"), at }) },
    { weight: 2, arbitrary: record({ _tag: tag("Lapse"), at }) },
    { weight: 2, arbitrary: record({ _tag: tag("GetMany", "DeleteMany"), space, keys: array(key, { maxLength: 5 }) }) },
    { weight: 12, arbitrary: record({ _tag: tag("One"), step, demand: option(demand, { freq: 2, nil: undefined }) }) },
    {
      weight: 2,
      arbitrary: record({
        _tag: tag("Modify"),
        at,
        decision: constantFrom("write" as const, "write" as const, "delete" as const, "keep" as const),
        value
      })
    },
    {
      weight: 5,
      arbitrary: record({
        _tag: tag("Commit"),
        checks: array(record({ at, demand }), { maxLength: 2 }),
        steps: array(step, { maxLength: 5 })
      })
    },
    {
      weight: 2,
      arbitrary: record({ _tag: tag("SetMany"), space, items: array(record({ key, value, ttl }), { maxLength: 5 }) })
    },
    { weight: 4, arbitrary: record({ _tag: tag("Pages", "Entries", "Count"), ...list }) },
    { weight: 1, arbitrary: record({ _tag: tag("Clear"), ...list }) },
    { weight: 2, arbitrary: record({ _tag: tag("Keys"), space, pattern: constantFrom(...Object.keys(patterns)) }) },
    { weight: 1, arbitrary: record({ _tag: tag("Sweep") }) },
    {
      weight: clock === "test" ? 4 : 0,
      arbitrary: record({ _tag: tag("Advance"), ms: constantFrom(1, 4, 5, 10, hourMs) })
    }
  )
  // Without a size, most sequences would be too short to meet anything.
  return array(command, { minLength: 1, maxLength: 30, size: "max" })
}
