/**
 * The meaning of linearizability, and nothing else: tries every order of the operations on a key, with every choice of those
 * whose result is unknown. For a few operations only. It shares nothing with the checker that it is there to judge.
 */
import type { Operation } from "./History.ts"

/** A write, in an order; its version is to be found. */
interface Write {
  version: number | undefined
  readonly not: Array<number>
}

interface Now {
  readonly value: number | undefined
  readonly write: Write | undefined
  readonly writes: ReadonlyArray<Write>
}

export const isLinearizable = (history: ReadonlyArray<Operation>): boolean =>
  anyOrder(history, { value: undefined, write: undefined, writes: [] })

const anyOrder = (left: ReadonlyArray<Operation>, now: Now): boolean => {
  if (left.every(isUnknown)) return true
  return left.some((next) => {
    if (left.some((other) => other.returnedNs < next.calledNs)) return false
    const then = after(now, next)
    return (
      then !== undefined &&
      anyOrder(
        left.filter((other) => other !== next),
        then
      )
    )
  })
}

const isUnknown = ({ result }: Operation) => result._tag === "Unknown"

/** What is so after an operation, if it can have its result and, if it is unknown, does something. */
const after = (now: Now, { action, result }: Operation): Now | undefined => {
  const isThere = now.value !== undefined
  switch (action._tag) {
    case "Get":
      if (result._tag !== "Found") return isThere ? undefined : now
      return now.value === result.value ? knowing(now, { is: result.version }) : undefined
    case "Set":
      return writing(now, action.value, result)
    case "Swap": {
      const { expected } = action
      if (result._tag === "Conflict") {
        if (expected === "absent") return isThere ? now : undefined
        return isThere ? knowing(now, { isNot: expected }) : now
      }
      const met = expected === "absent" ? (isThere ? undefined : now) : isThere && knowing(now, { is: expected })
      return met ? writing(met, action.value, result) : undefined
    }
    case "Delete":
      if (result._tag === "Deleted" ? result.wasThere !== isThere : !isThere) return undefined
      return { ...now, value: undefined, write: undefined }
    case "Add": {
      const sum = (now.value ?? 0) + action.delta
      return result._tag === "Added" && result.sum !== sum ? undefined : writing(now, sum, result)
    }
  }
}

const writing = ({ writes }: Now, value: number, result: Operation["result"]): Now | undefined => {
  const write: Write = { version: result._tag === "Written" ? result.version : undefined, not: [] }
  return ifPossible({ value, write, writes: [...writes, write] })
}

/** With the version of what is there known, or known not to be such. */
const knowing = (now: Now, known: { readonly is: number } | { readonly isNot: number }): Now | undefined => {
  if (now.write === undefined) return undefined
  const { not, version } = now.write
  if ("is" in known && version !== undefined && version !== known.is) return undefined
  const write: Write = "is" in known ? { version: known.is, not } : { version, not: [...not, known.isNot] }
  return ifPossible({ ...now, write, writes: [...now.writes.slice(0, -1), write] })
}

/** Whether there are rising versions, as small as can be, that are as they are known to be. */
const ifPossible = (now: Now): Now | undefined => {
  let last = 0
  for (const { not, version } of now.writes) {
    let least = last + 1
    while (version === undefined && not.includes(least)) least++
    if (version !== undefined && (version < least || not.includes(version))) return undefined
    last = version ?? least
  }
  return now
}
