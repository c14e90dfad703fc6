/**
 * A machine as a drawing.
 *
 * @since 0.1.0
 */
import type { StateMachine } from "./Definition.ts"
import type { Tagged } from "./Members.ts"
import type { Edge } from "./Table.ts"

/**
 * A machine as a Mermaid diagram (`stateDiagram-v2`): an arrow for each transition, with its event and the guard's name.
 * States that no event leaves are drawn as final. Any name can be drawn: what Mermaid would take for its own is escaped.
 *
 * @since 0.1.0
 * @category drawing
 */
export const toMermaid = <S extends Tagged, E extends Tagged, D, M, X extends Edge, R>(
  machine: StateMachine<S, E, D, M, X, R>
): string => {
  const ids = new Map(machine.tags.map((tag, i) => [tag, isPlain(tag) ? tag : `${i}_`]))
  const idOf = (tag: string) => ids.get(tag) ?? escape(tag)
  const declared = machine.tags.map((tag) => (isPlain(tag) ? tag : `state "${escape(tag)}" as ${idOf(tag)}`))
  const left = new Set(machine.rules.map(({ from }) => from))
  return [
    "stateDiagram-v2",
    ...[
      ...declared,
      `[*] --> ${idOf(machine.initial._tag)}`,
      ...machine.rules.map(({ event, from, label, to }) => {
        const guard = label === undefined ? "" : ` [${escape(label)}]`
        return `${idOf(from)} --> ${idOf(to)} : ${escape(event)}${guard}`
      }),
      ...machine.tags.filter((tag) => !left.has(tag)).map((tag) => `${idOf(tag)} --> [*]`)
    ].map((line) => `    ${line}`),
    ""
  ].join("\n")
}

/** Names that need no quotes. A capital at the start keeps them apart from made-up ids. */
const isPlain = (tag: string): boolean => /^[A-Z][A-Za-z0-9_]*$/.test(tag) && !words.has(tag.toLowerCase())

/** Mermaid's own words, which it knows in capitals, too. */
const words = new Set(
  "state note class classdef style scale click default statediagram acctitle accdescr href".split(" ")
)

/** Mermaid's entity codes, for all that is not certain to be plain text to it. What is blank gets something to hold on to. */
const escape = (text: string): string =>
  text.trim() === ""
    ? "#160;"
    : text.replace(/[^\p{L}\p{N} _.,?!()/+=-]/gu, (character) => `#${character.codePointAt(0)};`)
