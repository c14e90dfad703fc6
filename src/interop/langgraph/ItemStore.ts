/**
 * LangGraph's store: promises and LangGraph's operations over `Items`.
 *
 * @since 0.1.0
 */
import {
  BaseStore,
  type GetOperation,
  type Operation,
  type OperationResults,
  type PutOperation,
  type SearchOperation
} from "@langchain/langgraph-checkpoint"
import * as Effect from "effect/Effect"
import type * as Runtime from "effect/Runtime"
import * as Concurrent from "../../store/Concurrent.ts"
import type { ReadError, WriteError } from "../../store/StateError.ts"
import * as Edge from "./Edge.ts"
import type * as Items from "./Items.ts"

/**
 * A store over items.
 *
 * @since 0.1.0
 * @category models
 */
export class ItemStore extends BaseStore {
  readonly #items: Items.Items
  readonly #run: Edge.Run

  constructor(items: Items.Items, runtime: Runtime.Runtime<never>) {
    super()
    this.#items = items
    this.#run = Edge.make(runtime)
  }

  /** What a batch reads is as it was before the batch wrote. */
  override batch<Op extends Array<Operation>>(operations: Op): Promise<OperationResults<Op>> {
    const items = this.#items
    const read = (operation: Operation): Effect.Effect<unknown, ReadError | WriteError | TypeError> => {
      if (isSearch(operation)) return items.search(operation)
      if (isPut(operation)) return Effect.void
      return isGet(operation) ? items.get(operation) : items.namespaces(operation)
    }
    const results = Concurrent.forEach(operations, 16, read)
    // Each operation has the result of its kind.
    const done = Effect.zipLeft(results, items.put(operations.filter(isPut)))
    return this.#run(done) as Promise<unknown> as Promise<OperationResults<Op>>
  }
}

const isSearch = (operation: Operation): operation is SearchOperation => "namespacePrefix" in operation
const isPut = (operation: Operation): operation is PutOperation => "value" in operation
const isGet = (operation: Exclude<Operation, SearchOperation | PutOperation>): operation is GetOperation =>
  "key" in operation
