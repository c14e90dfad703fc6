/**
 * What runs a prepared statement, in the server's protocol: the messages Bind, Execute and Sync, in one piece. The driver
 * makes a buffer of each and writes them one by one, which is a good part of the cost of a small statement.
 *
 * @since 0.1.0
 */

/**
 * Runs the statement of this name with these values; all rows come back as text.
 *
 * @since 0.1.0
 * @category encoding
 */
export const run = (name: string, values: ReadonlyArray<string | number | Buffer | null>): Buffer => {
  const parts = values.map((value) => (typeof value === "number" ? String(value) : value))
  const lengths = parts.map((part) => (part === null ? -1 : Buffer.byteLength(part)))
  let bindBytes = bindFixedBytes + Buffer.byteLength(name) + parts.length * (2 + 4)
  for (const length of lengths) bindBytes += Math.max(length, 0)
  const buffer = Buffer.allocUnsafe(1 + bindBytes + executeAndSync.length)
  buffer[0] = bind
  let at = buffer.writeInt32BE(bindBytes, 1)
  at = buffer.writeUInt8(0, at)
  at += buffer.write(name, at)
  at = buffer.writeUInt8(0, at)
  at = buffer.writeInt16BE(parts.length, at)
  for (const part of parts) at = buffer.writeInt16BE(typeof part === "object" && part !== null ? binary : text, at)
  at = buffer.writeInt16BE(parts.length, at)
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? null
    at = buffer.writeInt32BE(lengths[i] ?? -1, at)
    if (typeof part === "string") at += buffer.write(part, at)
    else if (part !== null) at += part.copy(buffer, at)
  }
  at = buffer.writeInt16BE(0, at)
  executeAndSync.copy(buffer, at)
  return buffer
}

const bind = 0x42
const text = 0
const binary = 1

/** Its own length, the ends of two names, and three counts: of formats, values and the result's formats. */
const bindFixedBytes = 4 + 2 + 3 * 2

/** Execute with an unnamed portal and all rows, and Sync. */
const executeAndSync = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4])
