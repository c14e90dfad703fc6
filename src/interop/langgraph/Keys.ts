/**
 * Where a thread lies: keys that start with its id, so that all of a thread lives together on a cluster.
 *
 * - `<thread>:channel:<namespace>:<channel>:<version>:<checkpoint>`: a channel's value, by the checkpoint that brought it.
 * - `<thread>:checkpoint:<namespace>:<checkpoint>`
 * - `<thread>:head`: written with every checkpoint, so that its version tells whether there was one since.
 * - `<thread>:write:<namespace>:<checkpoint>:<task>:<index>`
 *
 * All parts are escaped, so that a colon always separates. Checkpoints' ids rise with time, and so do their keys.
 *
 * @since 0.1.0
 */
import { escapeSegment as escape } from "../../store/Key.ts"
import * as KeyRange from "../../store/KeyRange.ts"

/**
 * A thread, and the graph in it: the empty namespace is the root graph.
 *
 * @since 0.1.0
 * @category models
 */
export interface Place {
  readonly thread: string
  readonly namespace: string
}

type Kind = "channel" | "checkpoint" | "write"

const key = (kind: Kind, { namespace, thread }: Place, ...parts: ReadonlyArray<string>): string =>
  [escape(thread), kind, escape(namespace), ...parts.map(escape)].join(":")

/**
 * @since 0.1.0
 * @category keys
 */
export const checkpoint = (place: Place, id: string): string => key("checkpoint", place, id)

/**
 * @since 0.1.0
 * @category keys
 */
export const channel = (place: Place, name: string, version: string | number, checkpoint: string): string =>
  key("channel", place, name, String(version), checkpoint)

/**
 * The values of a channel at a version, by whichever checkpoint.
 *
 * @since 0.1.0
 * @category ranges
 */
export const channelAt = (place: Place, name: string, version: string | number): KeyRange.KeyRange =>
  KeyRange.prefix(`${key("channel", place, name, String(version))}:`)

/**
 * The key of a task's write. Indexes are small, and negative for errors, interrupts and the like.
 *
 * @since 0.1.0
 * @category keys
 */
export const write = (place: Place, checkpoint: string, task: string, index: number): string =>
  key("write", place, checkpoint, task, String(index + indexShift).padStart(8, "0"))

const indexShift = 1_000

/**
 * The task and the index that {@link write} was given.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parseWrite = (key: string): { readonly task: string; readonly index: number } => {
  const [, , , , task = "", index] = parse(key)
  return { task, index: Number(index) - indexShift }
}

/**
 * The writes to a checkpoint, by task and index.
 *
 * @since 0.1.0
 * @category ranges
 */
export const writes = (place: Place, checkpoint: string): KeyRange.KeyRange =>
  KeyRange.prefix(`${key("write", place, checkpoint)}:`)

/**
 * The checkpoints of a graph, those before one of them if given.
 *
 * @since 0.1.0
 * @category ranges
 */
export const checkpoints = (place: Place, before: string | undefined): KeyRange.KeyRange => {
  const start = key("checkpoint", place)
  return KeyRange.between(`${start}:`, before === undefined ? `${start};` : checkpoint(place, before))
}

/**
 * @since 0.1.0
 * @category keys
 */
export const head = (thread: string): string => `${escape(thread)}:head`

/**
 * All of one kind in a thread.
 *
 * @since 0.1.0
 * @category ranges
 */
export const all = (thread: string, kind: Kind): KeyRange.KeyRange => KeyRange.prefix(`${escape(thread)}:${kind}:`)

/**
 * The keys of {@link all}, as a pattern.
 *
 * @since 0.1.0
 * @category ranges
 */
export const pattern = (thread: string, kind: Kind): string => {
  const literal = `${escape(thread)}:${kind}:`.replace(/[\\*?[\]]/g, "\\$&")
  return `${literal}*`
}

/**
 * All behind a thread.
 *
 * @since 0.1.0
 * @category ranges
 */
export const threadsAfter = (thread: string): KeyRange.KeyRange => ({ start: `${escape(thread)};` })

/**
 * The checkpoints of a thread in the namespaces behind one, or in all.
 *
 * @since 0.1.0
 * @category ranges
 */
export const namespacesAfter = (thread: string, namespace: string | undefined): KeyRange.KeyRange => {
  const start = `${escape(thread)}:checkpoint`
  return KeyRange.between(namespace === undefined ? `${start}:` : `${start}:${escape(namespace)};`, `${start};`)
}

/**
 * The parts of a key that are there, unescaped: thread, kind, namespace, and so on.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (key: string): ReadonlyArray<string> => key.split(":").map(unescape)

/**
 * A part of a key as it was before it was escaped.
 *
 * @since 0.1.0
 * @category decoding
 */
export const unescape = (part: string): string =>
  part.replaceAll("%3A", ":").replaceAll("%2F", "/").replaceAll("%25", "%")
