/**
 * The parts of a reply. One of another shape is a failure: to take it for an empty one would call what is there absent.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { type Fault, fault } from "../../store/Backend.ts"
import type { Reply } from "./request.ts"

/**
 * @since 0.1.0
 * @category decoding
 */
export const list = (reply: Reply): Either.Either<ReadonlyArray<Reply>, Fault> =>
  Array.isArray(reply) ? Either.right(reply) : strange

/**
 * So many integers, or more; some commands give them as text.
 *
 * @since 0.1.0
 * @category decoding
 */
export const integers = (reply: Reply, count: number): Either.Either<ReadonlyArray<number>, Fault> =>
  Either.flatMap(list(reply), (items) => {
    const numbers = items.map((item) => (item === null ? Number.NaN : Number(item)))
    return items.length >= count && numbers.every(Number.isSafeInteger) ? Either.right(numbers) : strange
  })

/**
 * @since 0.1.0
 * @category decoding
 */
export const text = (reply: Reply | undefined): Either.Either<string, Fault> =>
  Buffer.isBuffer(reply) ? Either.right(reply.toString()) : strange

/**
 * A list of texts; a plain loop, as ranges have many.
 *
 * @since 0.1.0
 * @category decoding
 */
export const texts = (reply: Reply): Either.Either<ReadonlyArray<string>, Fault> => {
  if (!Array.isArray(reply)) return strange
  const texts: Array<string> = []
  for (const item of reply) {
    if (!Buffer.isBuffer(item)) return strange
    texts.push(item.toString())
  }
  return Either.right(texts)
}

const strange = Either.left(fault("failure", "the reply has another shape than asked for"))
