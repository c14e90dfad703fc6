/**
 * What a workflow's state is, whichever framework works on it: messages, a context, metadata. Pure.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Properties from "../Properties.ts"

const anything = { key: Schema.String, value: Schema.Unknown }

/**
 * A message. What a framework adds to role and content is kept as it is.
 *
 * @since 0.1.0
 * @category models
 */
export const Message = Schema.Struct({ role: Schema.String, content: Schema.String }, anything)

/**
 * @since 0.1.0
 * @category models
 */
export type Message = typeof Message.Type

/**
 * What the steps of a workflow hand on to each other.
 *
 * @since 0.1.0
 * @category models
 */
export const Context = Schema.Record(anything)

/**
 * @since 0.1.0
 * @category models
 */
export type Context = typeof Context.Type

/**
 * Which workflow it is, the framework that works on it, and whatever else is to be known of it. It is shown in lists: keep it
 * small.
 *
 * @since 0.1.0
 * @category models
 */
export const Metadata = Schema.Struct(
  { workflowId: Schema.String, framework: Schema.optional(Schema.String) },
  anything
)

/**
 * @since 0.1.0
 * @category models
 */
export type Metadata = typeof Metadata.Type

/**
 * @since 0.1.0
 * @category models
 */
export interface State<M = Message, C = Context> {
  readonly messages: ReadonlyArray<M>
  readonly context: C
  readonly metadata: Metadata
}

/**
 * @since 0.1.0
 * @category options
 */
export interface Parts<M, MI, MR, C, CI, CR> {
  /** What the messages are. Default: {@link Message}. */
  readonly message?: Schema.Schema<M, MI, MR> | undefined
  /** What the context is. Default: {@link Context}. */
  readonly context?: Schema.Schema<C, CI, CR> | undefined
}

/**
 * The schema of a state with messages and a context of these schemas.
 *
 * @since 0.1.0
 * @category schemas
 */
export const schema = <M = Message, MI = Message, MR = never, C = Context, CI = Context, CR = never>(
  parts: Parts<M, MI, MR, C, CI, CR> = {}
): Schema.Schema<State<M, C>, unknown, MR | CR> => {
  const message: Schema.Schema.Any = parts.message ?? Message
  const context: Schema.Schema.Any = parts.context ?? Context
  const state = Schema.Struct({ messages: Schema.Array(message), context, metadata: Metadata })
  // Where no schema is given, the types are those of the defaults.
  return state as unknown as Schema.Schema<State<M, C>, unknown, MR | CR>
}

/**
 * The schema of a state of plain messages and a context of anything: to encode and decode it where it leaves the program.
 *
 * @since 0.1.0
 * @category schemas
 */
export const State: Schema.Schema<State, unknown> = schema()

/**
 * The state of a workflow that has just begun.
 *
 * @since 0.1.0
 * @category constructors
 */
export const empty = (workflowId: string, metadata: Omit<Metadata, "workflowId"> = {}): State => ({
  messages: [],
  context: {},
  metadata: { ...metadata, workflowId }
})

/**
 * Adds a message at the end.
 *
 * @since 0.1.0
 * @category changing
 */
export const addMessage =
  (role: string, content: string, more: Context = {}) =>
  <C>(state: State<Message, C>): State<Message, C> =>
    append({ ...more, role, content })(state)

/**
 * Adds messages of any schema at the end.
 *
 * @since 0.1.0
 * @category changing
 */
export const append =
  <const N>(...messages: ReadonlyArray<N>) =>
  // Messages that are none of the workflow's don't compile.
  <M, C>(state: State<M, C> & (N extends M ? unknown : never)): State<M, C> => ({
    messages: [...state.messages, ...(messages as ReadonlyArray<unknown> as ReadonlyArray<M>)], // Each N is an M.
    context: state.context,
    metadata: state.metadata
  })

/**
 * Lays properties over those of the context.
 *
 * @since 0.1.0
 * @category changing
 */
export const updateContext =
  <P extends object>(properties: P) =>
  // Properties that are none of the context's don't compile.
  <M, C>(state: State<M, C> & (P extends Partial<C> ? unknown : never)): State<M, C> => ({
    messages: state.messages,
    context: Properties.over(state.context, properties as Partial<C>), // They compile.
    metadata: state.metadata
  })

/**
 * Lays properties over those of the metadata. The workflow stays the one it is.
 *
 * @since 0.1.0
 * @category changing
 */
export const updateMetadata =
  (properties: Omit<Partial<Metadata>, "workflowId">) =>
  <M, C>(state: State<M, C>): State<M, C> => ({
    ...state,
    metadata: { ...state.metadata, ...properties, workflowId: state.metadata.workflowId }
  })
