/**
 * The driver's errors as faults.
 *
 * @since 0.1.0
 */
import { hasProperty } from "effect/Predicate"
import { type Fault, fault } from "../../store/Backend.ts"
import { CommitFailure, Refusal } from "./connection.ts"

/**
 * Whether somebody else has the file or a table locked: nothing was done, and trying again can help.
 *
 * @since 0.1.0
 * @category guards
 */
export const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(codeOf(error) ?? "")

/**
 * The fault that an error of the driver is; `undefined` for any other error, which is a bug.
 *
 * A transaction that fails before its COMMIT is rolled back for certain. One whose COMMIT fails is so, too, unless the
 * system failed to write or sync the log: the log may hold all of it by then, and a recovery would find it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ofError = (error: unknown): Fault | undefined => {
  if (error instanceof Refusal) return error.fault
  const cause = error instanceof CommitFailure ? error.cause : error
  const code = codeOf(error)
  if (code === undefined) return ofMisuse(cause)
  if (isBusy(error)) return fault("unavailable", "the database is locked", { cause })
  const outcome = error instanceof CommitFailure && code.startsWith("SQLITE_IOERR") ? "unknown" : "not-applied"
  return fault("failure", reasons[code.split("_", 2).join("_")] ?? `SQLite answered ${code}`, { outcome, cause })
}

/** A handle that was closed, or could not be opened in the first place, gives a TypeError without code. */
const ofMisuse = (cause: unknown): Fault | undefined => {
  if (!(cause instanceof TypeError)) return undefined
  if (/connection is not open/.test(cause.message)) return fault("unavailable", "it is closed", { cause })
  if (/directory does not exist/.test(cause.message)) {
    return fault("failure", "the directory of its file does not exist", { cause })
  }
  return undefined
}

const codeOf = (error: unknown): string | undefined => {
  const cause = error instanceof CommitFailure ? error.cause : error
  return hasProperty(cause, "code") && typeof cause.code === "string" && cause.code.startsWith("SQLITE_")
    ? cause.code
    : undefined
}

const reasons: Readonly<Record<string, string>> = {
  SQLITE_CANTOPEN: "the file can't be opened",
  SQLITE_CORRUPT: "the database file is damaged",
  SQLITE_FULL: "the disk is full",
  SQLITE_IOERR: "the system failed to read or write the file",
  SQLITE_NOTADB: "the file is no SQLite database",
  SQLITE_PERM: "the file's permissions forbid it",
  SQLITE_READONLY: "the file is read-only",
  SQLITE_TOOBIG: "a value is larger than SQLite takes"
}
