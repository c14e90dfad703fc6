/**
 * What is to be known of a connection, however many statements it has run: whether it is lost, whether a commit of its was
 * left unconfirmed, and when the statement under way is late.
 *
 * @since 0.1.0
 */
import { hasProperty } from "effect/Predicate"
import type * as Pg from "pg"

/**
 * @since 0.1.0
 * @category models
 */
export class Watch {
  /** Whether the statement under way was committed, and not confirmed by the standbys that have to. */
  isUnconfirmed = false
  #isLost = false
  #onLate: (() => void) | undefined
  #deadlineMs = 0
  /** Looks at the deadline when it fires, which is no later. */
  #timer: NodeJS.Timeout | undefined
  #firesMs = 0

  /** A lost connection tells the statement under way by itself. */
  constructor(connection: Pg.ClientBase) {
    // An error that nobody listens for ends the process.
    connection.on("error", () => {
      this.#isLost = true
    })
    connection.on("end", () => {
      this.#isLost = true
      this.#stopTimer()
    })
    connection.on("notice", (notice: unknown) => {
      // The routine's name is the one thing about a notice that no language setting changes.
      if (hasProperty(notice, "routine") && notice.routine === "SyncRepWaitForLSN") this.isUnconfirmed = true
    })
  }

  /** Whether the connection is gone. */
  get isLost(): boolean {
    return this.#isLost
  }

  /** A timer goes on through many statements: to set it anew for each costs more than to look at the time when it fires. */
  startDeadline(deadlineMs: number, onLate: () => void): void {
    this.#deadlineMs = deadlineMs
    this.#onLate = onLate
    if (this.#timer === undefined || this.#firesMs > deadlineMs) this.#setTimer()
  }

  /** Ends the deadline that was started with this function; the next statement's may have begun meanwhile. */
  endDeadline(onLate: () => void): void {
    if (this.#onLate === onLate) this.#onLate = undefined
  }

  #setTimer(): void {
    this.#stopTimer()
    this.#firesMs = this.#deadlineMs
    const onTime = () => {
      this.#timer = undefined
      if (this.#onLate === undefined) return
      if (performance.now() < this.#deadlineMs) this.#setTimer()
      else this.#onLate()
    }
    // It outlasts the statement, and must not keep the process alive; while a statement is under way its socket does.
    this.#timer = setTimeout(onTime, this.#deadlineMs - performance.now()).unref()
  }

  #stopTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}

const watches = new WeakMap<Pg.ClientBase, Watch>()

/**
 * The watch of a connection, from its first statement on.
 *
 * @since 0.1.0
 * @category constructors
 */
export const over = (connection: Pg.ClientBase): Watch => {
  const known = watches.get(connection)
  if (known !== undefined) return known
  const watch = new Watch(connection)
  watches.set(connection, watch)
  return watch
}
