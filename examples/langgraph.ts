/**
 * A LangGraph graph that asks for leave and waits, across the end of its process: the first start drafts a letter and stops at
 * the question, the next one answers it and goes on where the graph stood. What was drafted is not drafted again.
 *
 * The graph's checkpoints and its memory of all letters are in one SQLite file. With another layer they are in Redis or
 * PostgreSQL, and the next start may be on another machine.
 *
 *     npx tsx examples/langgraph.ts letters.db         # drafts, and asks
 *     npx tsx examples/langgraph.ts letters.db yes     # goes on
 */
import { pathToFileURL } from "node:url"
import {
  Annotation,
  type BaseCheckpointSaver,
  type BaseStore,
  Command,
  END,
  interrupt,
  type LangGraphRunnableConfig,
  START,
  StateGraph
} from "@langchain/langgraph"
import { Console, Effect } from "effect"
import { LangGraph } from "effect-state/langgraph"
import { SqliteStore } from "effect-state/sqlite"

const Letter = Annotation.Root({
  to: Annotation<string>(),
  text: Annotation<string>(),
  log: Annotation<ReadonlyArray<string>>({ reducer: (old, more) => [...old, ...more], default: () => [] })
})

const draft = ({ to }: typeof Letter.State) => ({
  text: `Dear ${to}, all is well.`,
  log: [`drafted by process ${process.pid}`]
})

const review = (state: typeof Letter.State) => {
  const answer: string = interrupt({ question: "May I send this?", draft: state.text })
  return new Command({
    goto: answer === "yes" ? "send" : END,
    update: { log: [`${answer}, to process ${process.pid}`] }
  })
}

const send = async ({ text, to }: typeof Letter.State, { store }: LangGraphRunnableConfig) => {
  await store?.put(["letters", to], `${Date.now()}`, { text })
  const sent = (await store?.search(["letters", to], { limit: 100 })) ?? []
  return { log: [`sent letter ${sent.length} to ${to}`] }
}

export const graphWith = (checkpointer: BaseCheckpointSaver, store: BaseStore) =>
  new StateGraph(Letter)
    .addNode("draft", draft)
    .addNode("review", review, { ends: ["send", END] })
    .addNode("send", send)
    .addEdge(START, "draft")
    .addEdge("draft", "review")
    .addEdge("send", END)
    .compile({ checkpointer, store })

const thread = { configurable: { thread_id: "letter-1" } }

/** Begins the thread, or goes on with it: its last checkpoint says which. */
const start = (answer: string | undefined) =>
  Effect.gen(function* () {
    const graph = graphWith(yield* LangGraph.checkpointer(), yield* LangGraph.store())
    const before = yield* Effect.promise(() => graph.getState(thread))
    if (before.next.length === 0) yield* Effect.promise(() => graph.invoke({ to: "Ada" }, thread))
    else if (answer !== undefined) yield* Effect.promise(() => graph.invoke(new Command({ resume: answer }), thread))
    const { next, tasks, values } = yield* Effect.promise(() => graph.getState(thread))
    for (const line of values.log) yield* Console.log(line)
    for (const { value } of tasks.flatMap(({ interrupts }) => interrupts)) yield* Console.log(JSON.stringify(value))
    yield* Console.log(next.length === 0 ? "done" : `waits at ${next.join(", ")}`)
  })

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , filename = "letters.db", answer] = process.argv
  await Effect.runPromise(Effect.provide(start(answer), SqliteStore.layer({ filename })))
}
