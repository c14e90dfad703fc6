/**
 * One workflow, three frameworks: a plan made in plain Effect, research by a LangGraph graph, and an agent loop written by
 * hand. Each works on the state that the one before left in the store, whichever process it runs in.
 *
 * The state says which framework is next, and each hand-over is a checkpoint. Here the graph's first attempt fails in the
 * middle of its work; what it left is thrown away, and the workflow resumes from the checkpoint. A fork from the same
 * checkpoint then gets another answer.
 *
 * Run it with `npx tsx examples/workflow.ts`, or `npx tsx examples/workflow.ts workflows.db` to keep the workflows.
 */
import { pathToFileURL } from "node:url"
import { Annotation, END, START, StateGraph } from "@langchain/langgraph"
import { Console, Data, Effect, Layer, pipe } from "effect"
import { MemoryStore, Workflow } from "effect-state"
import { SqliteStore } from "effect-state/sqlite"

export class Workflows extends Workflow.Tag<Workflows>()("Workflows", { ttl: "7 days" }) {}

/** What a framework does with the state, and who is next. */
type Runner = (state: Workflow.State) => Effect.Effect<Workflow.State, RunnerFailed>

export class RunnerFailed extends Data.TaggedError("RunnerFailed")<{
  readonly framework: string
  readonly cause: unknown
}> {}

const handOver = (framework: string) => Workflow.updateMetadata({ framework })

/** Plain Effect: a function from state to state. */
const planner: Runner = (state) =>
  Effect.succeed(
    pipe(
      state,
      Workflow.updateContext({ plan: ["find the price", "find the weight", "answer"], findings: {} }),
      Workflow.addMessage("assistant", "I have a plan of three steps.", { from: "planner" }),
      handOver("langgraph")
    )
  )

const catalogue: Readonly<Record<string, string>> = { price: "30 euros", weight: "2 kg" }

/** LangGraph: the state's messages and context are the channels of a graph of two nodes. */
const research =
  (look: (what: string) => string): Runner =>
  (state) => {
    const Channels = Annotation.Root({
      messages: Annotation<ReadonlyArray<Workflow.Message>>({ reducer: (old, more) => [...old, ...more] }),
      context: Annotation<Workflow.Context>({ reducer: (old, more) => ({ ...old, ...more }) })
    })
    const find = (what: string) => (channels: typeof Channels.State) => ({
      messages: [{ role: "tool", content: `${what}: ${look(what)}`, from: "langgraph" }],
      context: { findings: { ...(channels.context.findings as object), [what]: look(what) } } // The planner made it.
    })
    const graph = new StateGraph(Channels)
      .addNode("price", find("price"))
      .addNode("weight", find("weight"))
      .addEdge(START, "price")
      .addEdge("price", "weight")
      .addEdge("weight", END)
      .compile()
    return Effect.tryPromise({
      try: () => graph.invoke({ messages: state.messages, context: state.context }),
      catch: (cause) => new RunnerFailed({ framework: "langgraph", cause })
    }).pipe(Effect.map(({ context, messages }) => handOver("agent")({ ...state, messages, context })))
  }

/** An agent loop, written by hand: it thinks until it has an answer. */
const agent: Runner = (state) =>
  Effect.iterate(state, {
    while: ({ context }) => context.answer === undefined,
    body: ({ context, ...state }) => {
      const open = Array.isArray(context.plan) ? context.plan : []
      const [step = "answer", ...rest] = open
      const next: Workflow.State = { ...state, context: { ...context, plan: rest } }
      if (step !== "answer")
        return Effect.succeed(Workflow.addMessage("thought", `${step}: done`, { from: "agent" })(next))
      const { price, weight } = context.findings as typeof catalogue // The graph found them.
      const answer = `It costs ${price} and weighs ${weight}.`
      return Effect.succeed(
        pipe(next, Workflow.updateContext({ answer }), Workflow.addMessage("assistant", answer, { from: "agent" }))
      )
    }
  }).pipe(Effect.map(handOver("done")))

const runners = (look: (what: string) => string): Readonly<Record<string, Runner>> => ({
  planner,
  langgraph: research(look),
  agent
})

/** Lets whoever is next work on a workflow, until it is done. Each hand-over is saved, with a checkpoint. */
export const drive = (id: string, look: (what: string) => string) =>
  Effect.gen(function* () {
    const workflows = yield* Workflows
    let current = yield* workflows.require(id)
    for (;;) {
      const { framework = "done" } = current.state.metadata
      const runner = runners(look)[framework]
      if (runner === undefined) return current
      yield* Console.log(`${id}: ${framework} works on ${current.state.messages.length} messages`)
      const next = yield* runner(current.state)
      // Whoever saved it meanwhile has gone on with it: then this is a conflict.
      current = yield* workflows.save(next, { ifVersion: current.version, checkpoint: true })
    }
  })

const unreliable = (what: string): string => {
  if (what === "weight") throw new Error("the catalogue does not answer")
  return catalogue[what] ?? "unknown"
}

const program = Effect.gen(function* () {
  const workflows = yield* Workflows
  const asked = Workflow.addMessage("user", "What does it cost, and what does it weigh?")
  yield* workflows.save(asked(Workflow.empty("order-1", { framework: "planner" })), { checkpoint: true })
  yield* Effect.catchTag(drive("order-1", unreliable), "RunnerFailed", ({ framework }) =>
    Console.log(`order-1: ${framework} failed`)
  )
  const { state, version } = yield* workflows.resume("order-1")
  yield* Console.log(`order-1: resumed, ${state.metadata.framework} is next`)
  yield* drive("order-1", (what) => catalogue[what] ?? "unknown")
  yield* workflows.fork("order-1", { to: "order-2", checkpoint: version })
  yield* drive("order-2", () => "a lot")
  for (const { id, messageCount, origin } of (yield* workflows.list()).entries) {
    const { context } = (yield* workflows.require(id)).state
    const from = origin === undefined ? "" : `, forked from ${origin.workflowId}`
    yield* Console.log(`${id}: ${messageCount} messages${from}: ${context.answer}`)
  }
  const line = (yield* workflows.checkpoints.list("order-1")).entries.map(({ source, state }) =>
    source === "resumed" ? "resumed" : (state.metadata.framework ?? "")
  )
  yield* Console.log(`order-1's checkpoints: ${line.toReversed().join(", ")}`)
})

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const filename = process.argv[2]
  const store = filename === undefined ? MemoryStore.layer() : SqliteStore.layer({ filename })
  await Effect.runPromise(Effect.provide(program, Layer.provide(Workflows.layer, store)))
}
