/**
 * Keys of what belongs to another key, its subject: the subject's length and the subject itself come first, as in `3:ada:…`.
 *
 * The length keeps what belongs to different subjects apart, whatever they are called: what belongs to `a` is never taken for
 * what belongs to `a:` or to `a:1`.
 *
 * @since 0.1.0
 */

/**
 * What the keys of all that belongs to a subject start with, and no others.
 *
 * @since 0.1.0
 * @category keys
 */
export const prefix = (subject: string): string => `${subject.length}:${subject}:`

/**
 * The most characters that a {@link prefix} has besides its subject.
 *
 * @since 0.1.0
 * @category limits
 */
export const prefixLengthMax = "1000::".length

/**
 * The subject that a key, or the {@link prefix} of keys, belongs to.
 *
 * @since 0.1.0
 * @category decoding
 */
export const of = (key: string): string => {
  const start = key.indexOf(":") + 1
  return key.slice(start, start + Number(key.slice(0, start - 1)))
}
