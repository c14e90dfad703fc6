/**
 * What a search demands of an item's value. Pure.
 *
 * @since 0.1.0
 */
import { isDeepStrictEqual } from "node:util"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"

type Value = { readonly [name: string]: unknown }

/**
 * Reads a filter: properties that must be equal to a value, or hold against operators: `$eq`, `$ne`, `$gt`, `$gte`, `$lt`,
 * `$lte`, `$in`, `$nin`. Numbers are compared as numbers, also where they are text, and other text by its UTF-16 units; what
 * can't be compared is neither less nor greater. An operator that is none of these is a `TypeError`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const make = (filter: Value = {}): Either.Either<(value: Value) => boolean, TypeError> =>
  Either.map(
    Either.all(
      Object.entries(filter).map(([name, wanted]) =>
        Either.map(
          demandOf(wanted),
          (holds) => (value: Value) => holds(Object.hasOwn(value, name) ? value[name] : undefined)
        )
      )
    ),
    (demands) => (value) => demands.every((holds) => holds(value))
  )

type Demand = (actual: unknown) => boolean

const demandOf = (wanted: unknown): Either.Either<Demand, TypeError> => {
  if (!isOperators(wanted)) return Either.right((actual) => isDeepStrictEqual(actual, wanted))
  const demands = Object.entries(wanted).map(([name, operand]) => {
    const operator = Object.hasOwn(operators, name) ? operators[name] : undefined
    return operator === undefined
      ? Either.left(new TypeError(`A filter can't use ${name}: expected ${Object.keys(operators).join(", ")}`))
      : Either.right((actual: unknown) => operator(actual, operand))
  })
  return Either.map(Either.all(demands), (demands) => (actual) => demands.every((holds) => holds(actual)))
}

/** A record that has operators and nothing else; a record of anything else is a value. */
const isOperators = (wanted: unknown): wanted is Value => {
  if (!Predicate.isReadonlyRecord(wanted)) return false
  const names = Object.keys(wanted)
  return names.length > 0 && names.every((name) => name.startsWith("$"))
}

const operators: Readonly<Record<string, (actual: unknown, operand: unknown) => boolean>> = {
  $eq: isDeepStrictEqual,
  $ne: (actual, operand) => !isDeepStrictEqual(actual, operand),
  $gt: (actual, operand) => compare(actual, operand) === 1,
  $gte: (actual, operand) => [0, 1].includes(compare(actual, operand)),
  $lt: (actual, operand) => compare(actual, operand) === -1,
  $lte: (actual, operand) => [0, -1].includes(compare(actual, operand)),
  $in: (actual, operand) => isAmong(actual, operand),
  $nin: (actual, operand) => !isAmong(actual, operand)
}

/** -1, 0 or 1; NaN where there is no order. */
const compare = (actual: unknown, operand: unknown): number => {
  if (!isComparable(actual) || !isComparable(operand)) return Number.NaN
  const difference = Math.sign(Number(actual) - Number(operand))
  if (!Number.isNaN(difference) || typeof actual !== "string" || typeof operand !== "string") return difference
  return actual === operand ? 0 : actual < operand ? -1 : 1
}

const isComparable = (value: unknown): value is string | number =>
  typeof value === "string" || typeof value === "number"

const isAmong = (actual: unknown, operand: unknown): boolean =>
  Array.isArray(operand) && operand.some((one) => isDeepStrictEqual(actual, one))
