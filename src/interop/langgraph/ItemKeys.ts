/**
 * Where items lie: their namespace's labels, each escaped and ended by a slash, a colon, and their key, as in `users/ada/:profile`.
 * So a namespace is a prefix of those inside it, and of no other: `["a"]` has nothing of `["ab"]`.
 *
 * @since 0.1.0
 */
import type { MatchCondition } from "@langchain/langgraph-checkpoint"
import { escapeSegment } from "../../store/Key.ts"
import * as KeyRange from "../../store/KeyRange.ts"
import * as Utf8 from "../../store/Utf8.ts"
import { unescape } from "./Keys.ts"

type Labels = ReadonlyArray<string>

const start = (labels: Labels): string => labels.map((label) => `${escapeSegment(label)}/`).join("")

/**
 * @since 0.1.0
 * @category keys
 */
export const make = (labels: Labels, key: string): string => `${start(labels)}:${key}`

/**
 * The namespace and the key that {@link make} was given.
 *
 * @since 0.1.0
 * @category decoding
 */
export const parse = (text: string): { readonly namespace: Array<string>; readonly key: string } => {
  const colon = text.indexOf(":")
  const labels = text.slice(0, colon).split("/")
  return { namespace: labels.slice(0, -1).map(unescape), key: text.slice(colon + 1) }
}

/**
 * The items of a namespace and of those inside it.
 *
 * @since 0.1.0
 * @category ranges
 */
export const below = (labels: Labels): KeyRange.KeyRange => KeyRange.prefix(start(labels))

/**
 * What comes in a range behind the items of a namespace, and behind those of all inside it, if so told.
 *
 * @since 0.1.0
 * @category ranges
 */
export const behind = (range: Labels, labels: Labels, isWhole: boolean): KeyRange.KeyRange => {
  const next = isWhole ? (Utf8.successorOfPrefix(start(labels)) ?? "") : `${start(labels)};`
  const end = Utf8.successorOfPrefix(start(range))
  if (end === undefined) return { start: next }
  return KeyRange.between(Utf8.compare(next, end) <= 0 ? next : end, end)
}

/**
 * Whether a namespace begins or ends as a condition says. A star stands for any one label.
 *
 * @since 0.1.0
 * @category matching
 */
export const matches =
  ({ matchType, path }: MatchCondition) =>
  (labels: Labels): boolean => {
    const from = matchType === "prefix" ? 0 : labels.length - path.length
    return path.length <= labels.length && path.every((label, i) => label === "*" || label === labels[from + i])
  }

/**
 * The labels that all namespaces begin with which meet some conditions.
 *
 * @since 0.1.0
 * @category matching
 */
export const common = (conditions: ReadonlyArray<MatchCondition>): Labels =>
  conditions
    .filter(({ matchType }) => matchType === "prefix")
    .map(({ path }) => (path.includes("*") ? path.slice(0, path.indexOf("*")) : path))
    .reduce((longest, labels) => (labels.length > longest.length ? labels : longest), [])
