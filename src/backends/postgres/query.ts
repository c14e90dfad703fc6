/**
 * A statement as the driver's connections run it.
 *
 * The driver's own queries ask for a description of the rows and make one of everything anew for each; at a few rows a
 * statement that is most of the work on both sides. This one knows its columns, and hands over what the server sent.
 *
 * @since 0.1.0
 */
import type { EventEmitter } from "node:events"
import type * as Pg from "pg"
import * as Message from "./message.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Statement {
  /** Under which it is prepared; `undefined` for what is sent once. */
  readonly name: string | undefined
  readonly text: string
  /** Text, numbers and buffers; the latter go in binary form. */
  readonly values: ReadonlyArray<string | number | Buffer | null>
}

/**
 * Every value as the text that the server sent.
 *
 * @since 0.1.0
 * @category models
 */
export type Rows = ReadonlyArray<ReadonlyArray<string | null>>

/**
 * Goes to a connection's `query`. The rows come when the server is ready for the next statement, so that an implicit
 * transaction is committed by then.
 *
 * @since 0.1.0
 * @category models
 */
export class Query implements Pg.Submittable {
  readonly name: string
  readonly text: string
  /** Called once, with the error or the rows; by the driver, too, where it has no connection. */
  callback: (error: unknown, rows: Rows) => void = nobody
  /** Called when its answer is the next thing that the server sends. */
  onTurn: () => void = nobody
  #values: Statement["values"]
  #rows: Array<ReadonlyArray<string | null>> = []
  #isSent = false

  constructor(statement: Statement, named: boolean) {
    this.name = named ? (statement.name ?? "") : ""
    this.text = statement.text
    this.#values = statement.values
  }

  /**
   * Sends it while another one is under way on the connection; it has to go to `query` at once. False where that can't be: it
   * is not prepared there, or the driver may send a statement of somebody else's before it. For answers come in the order
   * in which statements are sent, and the driver gives them out in the order of its queue.
   */
  sendAhead(connection: Pg.ClientBase, other: Query): boolean {
    const { _activeQuery, _queryQueue } = connection as unknown as Driver // The types leave these out, too.
    const wire = wireOf(connection)
    if (_activeQuery !== other || _queryQueue.length > 0) return false
    if (!wire.stream.writable || this.name === "" || wire.parsedStatements[this.name] === undefined) return false
    this.#isSent = true
    wire.stream.write(this.#message())
    return true
  }

  submit(connection: Pg.Connection): void {
    const wire = connection as unknown as Wire // The types leave out what custom queries live on.
    this.onTurn()
    // A lost connection tells by itself.
    if (this.#isSent || !wire.stream.writable) return
    const run = this.#message()
    if (this.name !== "" && wire.parsedStatements[this.name] !== undefined) {
      wire.stream.write(run)
      return
    }
    wire.stream.cork()
    try {
      wire.parse({ name: this.name, text: this.text, types: [] })
      wire.stream.write(run)
    } finally {
      wire.stream.uncork()
    }
  }

  handleDataRow(message: { readonly fields: ReadonlyArray<string | null> }): void {
    this.#rows.push(message.fields)
  }

  handleReadyForQuery(): void {
    this.#end(null, this.#rows)
  }

  handleError(error: unknown): void {
    this.#end(error, [])
  }

  /** What is sent need not be kept. */
  #message(): Buffer {
    const message = Message.run(this.name, this.#values)
    this.#values = []
    return message
  }

  /** It holds nothing any more: see "Objects that wait" in docs/ARCHITECTURE.md. */
  #end(error: unknown, rows: Rows): void {
    const { callback } = this
    this.callback = nobody
    this.onTurn = nobody
    this.#rows = []
    callback(error, rows)
  }

  handleRowDescription(): void {}

  handleCommandComplete(): void {}

  handleEmptyQuery(): void {}
}

const nobody = () => {}

/**
 * What a connection of the driver speaks to the server by; the driver's types leave it out.
 *
 * @since 0.1.0
 * @category getters
 */
export const wireOf = (connection: Pg.ClientBase): Wire => (connection as unknown as Driver).connection

interface Driver {
  readonly connection: Wire
  readonly _activeQuery: unknown
  readonly _queryQueue: ReadonlyArray<unknown>
}

/**
 * It emits `readyForQuery` when a statement has ended.
 *
 * @since 0.1.0
 * @category models
 */
export interface Wire extends EventEmitter {
  readonly stream: {
    readonly writable: boolean
    readonly cork: () => void
    readonly uncork: () => void
    readonly write: (message: Buffer) => void
  }
  readonly parsedStatements: Readonly<Record<string, string>>
  readonly parse: (config: {
    readonly name: string
    readonly text: string
    readonly types: ReadonlyArray<string>
  }) => void
}
