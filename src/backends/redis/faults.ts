/**
 * What an error of the driver or of the server means.
 *
 * @since 0.1.0
 */
import { type Fault, fault } from "../../store/Backend.ts"

/**
 * Whether a command may change something: only then can its outcome be unknown.
 *
 * @since 0.1.0
 * @category models
 */
export type Access = "read" | "write"

/**
 * The fault that a failed command is. `sent` tells whether it reached the socket.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromError = (error: unknown, access: Access, sent: boolean): Fault => {
  const cause = sanitize(error)
  if (isReply(error)) return fromReply(cause, access)
  const outcome = access === "write" && sent ? "unknown" : "not-applied"
  return fault("unavailable", sent ? "it gave no answer" : "it can't be reached", { outcome, cause })
}

/**
 * The fault of a connection that could not be made; what the server said decides, else it is unavailable.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromConnecting = (error: unknown): Fault => {
  const cause = sanitize(error)
  // The driver wraps what its ready check was answered.
  const code = /(?:^|: )([A-Z]+) /.exec(cause.message)?.[1] ?? ""
  const meaning = meanings[code] ?? (isReply(error) ? failure("it refused the connection") : undefined)
  return meaning === undefined
    ? fault("unavailable", `it can't be reached${codeOf(error)}`, { cause })
    : fault(meaning.kind, meaning.reason, { cause })
}

interface Meaning {
  readonly kind: "unavailable" | "failure"
  readonly reason: string
}

const unavailable = (reason: string): Meaning => ({ kind: "unavailable", reason })
const failure = (reason: string): Meaning => ({ kind: "failure", reason })

/** The codes of errors by which the server refuses a command before it does any of it. */
const meanings: Record<string, Meaning> = {
  LOADING: unavailable("it is loading its data"),
  BUSY: unavailable("it is busy with a long script"),
  READONLY: unavailable("it is a read-only replica"),
  MASTERDOWN: unavailable("its replica has lost the master"),
  CLUSTERDOWN: unavailable("its cluster is down"),
  TRYAGAIN: unavailable("its cluster is moving keys"),
  MOVED: unavailable("its cluster has moved keys"),
  ASK: unavailable("its cluster is moving keys"),
  MISCONF: unavailable("it can't persist, and so takes no writes"),
  NOREPLICAS: unavailable("it has too few replicas to take writes"),
  OOM: failure("its memory is full"),
  NOSCRIPT: failure("it forgets scripts at once"),
  NOPERM: failure("its access rules forbid the command"),
  NOAUTH: failure("it wants a password"),
  WRONGPASS: failure("it refused the user name or password"),
  CROSSSLOT: failure("it is a cluster, and its keys lie apart")
}

/**
 * The code of what a server answered. Before Redis 7, what stopped a script stands behind where it did.
 *
 * @since 0.1.0
 * @category getters
 */
export const replyCode = (message: string): string =>
  /^(?:ERR Error running script .*: -)?([A-Z]+)/.exec(message)?.[1] ?? ""

const fromReply = (cause: Error, access: Access): Fault => {
  const code = replyCode(cause.message)
  const meaning = meanings[code]
  // Any other error may come from the middle of a script.
  return meaning === undefined
    ? fault("failure", `it answered with ${code === "" ? "an error" : code}`, {
        outcome: access === "write" ? "unknown" : "not-applied",
        cause
      })
    : fault(meaning.kind, meaning.reason, { cause })
}

/** Whether the server itself said so. */
const isReply = (error: unknown): boolean => error instanceof Error && error.name === "ReplyError"

/**
 * Without the command and its arguments, which the driver hangs on errors, and which a server quotes that does not know the
 * command: a password or a secret key may be among them.
 */
const sanitize = (error: unknown): Error => {
  const message = error instanceof Error ? error.message : "an error of the driver"
  const clean = new Error(message.replace(/, with args beginning with.*/s, ""))
  clean.name = error instanceof Error ? error.name : "Error"
  return clean
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? ` (${error.code})` : ""
