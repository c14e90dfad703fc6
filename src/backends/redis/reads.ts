/**
 * Reading keys of one bucket: values by MGET, and no more than their heads by a script.
 *
 * @since 0.1.0
 */
import { type Fault, fault, type ReadResult, type Select } from "../../store/Backend.ts"
import type { Connection } from "./connection.ts"
import type { Bucket } from "./layout.ts"
import type { Reply } from "./request.ts"
import * as HeadsScript from "./scripts/heads.ts"
import * as Value from "./value.ts"

/**
 * Reads full keys' texts, by one command; there is a result for each, in order.
 *
 * @since 0.1.0
 * @category reading
 */
export const send = (
  connection: Connection,
  bucket: Bucket,
  keys: ReadonlyArray<string>,
  select: Select,
  done: (results: ReadonlyArray<ReadResult>) => void
): void => {
  const names = keys.map((key) => bucket.entryPrefix + key)
  const answer = (fault: Fault | undefined, reply: Reply) =>
    done(fault === undefined ? results(keys, reply, select) : keys.map(() => fault))
  if (select === "entry") connection.send("read", ["MGET", ...names], answer)
  else connection.sendScript("read", HeadsScript.heads, names, [], answer)
}

/**
 * What the reply to a read tells of each key.
 *
 * @since 0.1.0
 * @category decoding
 */
export const results = (keys: ReadonlyArray<string>, reply: Reply, select: Select): ReadonlyArray<ReadResult> => {
  const values = Array.isArray(reply) ? reply : []
  if (values.length !== keys.length) return keys.map(() => incomplete)
  return keys.map((key, i) => {
    const value = values[i]
    return Buffer.isBuffer(value) ? Value.decode(key, value, select) : undefined
  })
}

/** To call what is missing absent would be a lie. */
const incomplete = fault("failure", "the reply to a read has not as many values as there were keys")
