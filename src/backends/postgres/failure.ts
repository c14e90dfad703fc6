/**
 * What went wrong between us and the server, and what it means for a write.
 *
 * @since 0.1.0
 */
import { hasProperty } from "effect/Predicate"
import { type Fault, fault } from "../../store/Backend.ts"
import type { WriteOutcome } from "../../store/StateError.ts"

/**
 * `outcome` is what became of a statement that writes. `code` is the SQLSTATE, where the server refused the statement and
 * kept the connection: then the statement did nothing at all.
 *
 * @since 0.1.0
 * @category models
 */
export interface Failure {
  readonly kind: Fault["kind"]
  readonly outcome: WriteOutcome
  readonly code: string | undefined
  readonly reason: string
  readonly cause: unknown
}

/**
 * The fault of a statement that reads, or of one that wrote nothing.
 *
 * @since 0.1.0
 * @category faults
 */
export const readFault = ({ kind, reason, cause }: Failure): Fault => fault(kind, reason, { cause })

/**
 * The fault of a statement that writes.
 *
 * @since 0.1.0
 * @category faults
 */
export const writeFault = ({ kind, reason, outcome, cause }: Failure): Fault => fault(kind, reason, { outcome, cause })

/**
 * Nothing was sent: there is no connection.
 *
 * @since 0.1.0
 * @category constructors
 */
export const notConnected = (error: unknown): Failure => ({
  ...describe(error),
  outcome: "not-applied",
  code: undefined
})

/**
 * The server refused a statement and went on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const refused = (error: unknown): Failure => ({
  ...describe(error),
  outcome: "not-applied",
  code: codeOf(error)
})

/**
 * The server refused what a function tried, and the function undid it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const caught = (code: string, message: string): Failure => ({
  ...describeAnswer(code, message),
  outcome: "not-applied",
  code
})

/**
 * The connection was lost, or given up, with a statement under way.
 *
 * @since 0.1.0
 * @category constructors
 */
export const lost = (error: unknown): Failure => ({
  ...describe(error),
  kind: "unavailable",
  outcome: "unknown",
  code: undefined
})

/**
 * No answer in time; the connection was given up.
 *
 * @since 0.1.0
 * @category constructors
 */
export const late = (timeoutMs: number): Failure => ({
  kind: "unavailable",
  outcome: "unknown",
  code: undefined,
  reason: `there was no answer within ${timeoutMs} ms`,
  cause: undefined
})

/**
 * The server committed, but gave up waiting for the standbys that had to confirm it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unconfirmed: Failure = {
  kind: "unavailable",
  outcome: "unknown",
  code: undefined,
  reason: "the wait for synchronous replication was cut short",
  cause: undefined
}

/**
 * Nothing was sent: others waited for a lock all the time. It means what a lock timeout does.
 *
 * @since 0.1.0
 * @category constructors
 */
export const locked: Failure = {
  kind: "unavailable",
  outcome: "not-applied",
  code: undefined,
  reason: "others kept it waiting for a lock for too long",
  cause: undefined
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const closed: Failure = {
  kind: "unavailable",
  outcome: "not-applied",
  code: undefined,
  reason: "it is closed",
  cause: undefined
}

/**
 * Whether an error is the server's answer, rather than the driver's or a socket's.
 *
 * @since 0.1.0
 * @category guards
 */
export const isAnswer = (error: unknown): boolean => codeOf(error) !== undefined

/**
 * Whether somebody else held a lock for too long.
 *
 * @since 0.1.0
 * @category guards
 */
export const isLockTimeout = ({ code }: Failure): boolean => code === "55P03"

/**
 * Whether the same statement, sent again, meets other circumstances at once.
 *
 * @since 0.1.0
 * @category guards
 */
export const isCollision = ({ code }: Failure): boolean => code === "40P01" || code === "40001"

const describe = (error: unknown): Pick<Failure, "kind" | "reason" | "cause"> => {
  const code = codeOf(error)
  if (code === undefined) {
    // Errors of the driver and of sockets name hosts and ports, no secrets.
    return { kind: "unavailable", reason: lostReason(error), cause: error }
  }
  return describeAnswer(code, error instanceof Error ? error.message : "")
}

const describeAnswer = (code: string, message: string): Pick<Failure, "kind" | "reason" | "cause"> => {
  // The server's own message may quote a value, and so may its details: only classes that speak of names are passed on.
  const told = /^(08|0A|25|26|28|3D|3F|42|53|55|57|58)/.test(code) && message !== "" ? `: ${message}` : ""
  return {
    kind: isPassing(code) ? "unavailable" : "failure",
    reason: `the server answered ${code}${told}`,
    cause: undefined
  }
}

const lostReason = (error: unknown): string => {
  if (!(error instanceof Error)) return "the connection failed"
  if (error.message !== "") return error.message
  // An AggregateError of all addresses of a host has no message.
  return hasProperty(error, "code") ? String(error.code) : "the connection failed"
}

/**
 * Connection trouble, too many connections or no memory, shutdowns, lock timeouts, collisions, cancelled statements, and a
 * server that is read-only: a standby, which is about to become the primary or about to be replaced by it.
 */
const isPassing = (code: string): boolean =>
  /^(08|53|57|58|40)/.test(code) || code === "25006" || code === "55P03" || code === "55006"

/** Socket errors have codes too, such as ECONNREFUSED; the server's come with a severity. */
const codeOf = (error: unknown): string | undefined =>
  hasProperty(error, "code") && hasProperty(error, "severity") && typeof error.code === "string"
    ? error.code
    : undefined
