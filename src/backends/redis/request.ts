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
  readonly deadlineMs: number
  /** Its index in the list of those that are unanswered. */
  place = -1
  #wire: Buffer
  #sent = false

  constructor(name: string, wire: Buffer, deadlineMs: number, onEnd: (error: Error | undefined, reply: Reply) => void) {
    // No encoding: replies come as buffers.
    super(name, [], { replyEncoding: null })
    this.deadlineMs = deadlineMs
    this.#wire = wire
    // Once it has ended it holds nobody, or whoever is still young would wait until it is collected: see "Objects that wait"
    // in docs/ARCHITECTURE.md.
    let waiting: typeof onEnd | undefined = onEnd
    const end = (error: Error | undefined, reply: Reply) => {
      const ended = waiting
      waiting = undefined
      ended?.(error, reply)
    }
    // The driver answers through these two. Its promise, which comes a turn later, is for those who trace its commands:
    // it does not hold the reply.
    const { resolve, reject } = this
    this.resolve = (reply: Reply) => {
      this.#wire = none // What has its reply is never sent again.
      end(undefined, reply)
      resolve(null)
    }
    this.reject = (error) => {
      end(error, null)
      this.promise.catch(() => {})
      reject(error)
    }
  }

  get sent(): boolean {
    return this.#sent
  }

  /** The driver asks for this at the moment it writes to the socket. */
  override toWritable(): Buffer {
    this.#sent = true
    return this.#wire
  }
}

const none = Buffer.alloc(0)

/**
 * A command's name and arguments in the server's protocol.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (args: ReadonlyArray<Argument>): Buffer => encodeParts(`*${args.length}\r\n`, args)

/**
 * The same for several commands that differ in how they begin: a function of that.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeAfter = (args: ReadonlyArray<Argument>): ((...start: ReadonlyArray<string>) => Buffer) => {
  const count = args.length
  const rest = encodeParts("", args)
  return (...start) => Buffer.concat([encodeParts(`*${start.length + count}\r\n`, start), rest])
}

const encodeParts = (start: string, args: ReadonlyArray<Argument>): Buffer => {
  const parts: Array<Uint8Array> = []
  let text = start
  let isAscii = true
  for (const arg of args) {
    if (typeof arg === "string") {
      const bytes = Buffer.byteLength(arg)
      isAscii &&= bytes === arg.length
      text += `$${bytes}\r\n${arg}\r\n`
    } else {
      parts.push(toBuffer(`${text}$${arg.byteLength}\r\n`, isAscii), arg)
      text = "\r\n"
      isAscii = true
    }
  }
  const rest = toBuffer(text, isAscii)
  return parts.length === 0 ? rest : Buffer.concat([...parts, rest])
}

/** Copying is several times faster than encoding. */
const toBuffer = (text: string, isAscii: boolean): Buffer => Buffer.from(text, isAscii ? "latin1" : "utf8")
