/**
 * Arrays as PostgreSQL's binary protocol sends them. Payloads are full of quotes: in the text form of an array each would
 * be escaped here and unescaped there; so they go as they are. And a null is one, whatever `array_nulls` says of the text.
 *
 * @since 0.1.0
 */

/**
 * A `text[]` of one dimension.
 *
 * @since 0.1.0
 * @category encoding
 */
export const text = (items: ReadonlyArray<string | undefined>): Buffer => {
  const lengths = items.map((item) => (item === undefined ? -1 : Buffer.byteLength(item)))
  return encode(textOid, items, lengths, (buffer, item, at) => buffer.write(item, at, "utf8"))
}

/**
 * A `bytea[]` of one dimension.
 *
 * @since 0.1.0
 * @category encoding
 */
export const bytea = (items: ReadonlyArray<Uint8Array | undefined>): Buffer => {
  const lengths = items.map((item) => item?.byteLength ?? -1)
  return encode(byteaOid, items, lengths, (buffer, item, at) => buffer.set(item, at))
}

/**
 * A `bigint[]` of one dimension, of safe integers.
 *
 * @since 0.1.0
 * @category encoding
 */
export const bigint = (items: ReadonlyArray<number | undefined>): Buffer => {
  const lengths = items.map((item) => (item === undefined ? -1 : 8))
  return encode(bigintOid, items, lengths, (buffer, item, at) => {
    buffer.writeInt32BE(Math.floor(item / 2 ** 32), at)
    buffer.writeUInt32BE(item >>> 0, at + 4)
  })
}

const textOid = 25
const byteaOid = 17
const bigintOid = 20

/** Dimensions, whether there are nulls, the items' type, the number of items, the first index; four bytes each. */
const headerBytes = 20

const encode = <Item>(
  itemOid: number,
  items: ReadonlyArray<Item | undefined>,
  lengths: ReadonlyArray<number>,
  write: (buffer: Buffer, item: Item, at: number) => void
): Buffer => {
  let size = headerBytes
  for (const length of lengths) size += 4 + Math.max(length, 0)
  const buffer = Buffer.allocUnsafe(size)
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(1, 4)
  buffer.writeInt32BE(itemOid, 8)
  buffer.writeInt32BE(items.length, 12)
  buffer.writeInt32BE(1, 16)
  let at = headerBytes
  for (let i = 0; i < items.length; i++) {
    const item = items[i]
    const length = lengths[i] ?? -1
    at = buffer.writeInt32BE(length, at)
    if (item === undefined) continue
    write(buffer, item, at)
    at += length
  }
  return buffer
}
