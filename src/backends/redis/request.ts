/**
 * A command as this backend sends it.
 *
 * The driver's own commands are made for single calls: they flatten, inspect and keep each argument. A batch has
 * thousands, so it is written out at once, in the server's protocol (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 * The driver never sees the arguments, and so no error of its can carry them.
 *
 * @since 0.1.0
 */
import { Command } from "ioredis"

/**
 * @since 0.1.0
 * @category models
 */
export type Argument = string | Uint8Array

/**
 * What the server can answer, errors aside; strings come as buffers.
 *
 * @since 0.1.0
 * @category models
 */
export type Reply = Buffer | string | number | null | ReadonlyArray<Reply>

/**
 * A command that knows whether it was sent: one that failed unsent was not applied, and may be sent again.
 *
 * @since 0.1.0
 * @category models
 */
export class Request extends Command {
  readonly #wire: string | Buffer
  #sent = false

  constructor(name: string, wire: string | Buffer) {
    // No encoding: replies come as buffers.
    super(name, [], { replyEncoding: null })
    this.#wire = wire
  }

  get sent(): boolean {
    return this.#sent
  }

  /** The driver asks for this at the moment it writes to the socket. */
  override toWritable(): string | Buffer {
    this.#sent = true
    return this.#wire
  }
}

/**
 * A command's name and arguments in the server's protocol.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (args: ReadonlyArray<Argument>): string | Buffer => {
  let text = `*${args.length}\r\n`
  let parts: Array<Uint8Array> | undefined
  for (const arg of args) {
    if (typeof arg === "string") text += `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`
    else {
      parts ??= []
      parts.push(Buffer.from(`${text}$${arg.byteLength}\r\n`), arg)
      text = "\r\n"
    }
  }
  return parts === undefined ? text : Buffer.concat([...parts, Buffer.from(text)])
}
