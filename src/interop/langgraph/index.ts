/**
 * LangGraph's persistence on a store of this library.
 *
 * @since 0.1.0
 */
export * as LangGraph from "./LangGraph.ts"
