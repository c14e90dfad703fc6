/**
 * The pure side of state machines: steps, keys of conversations, drawings.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { MemoryStore, StateMachine } from "effect-state"
import * as fc from "fast-check"

/** A machine of four states, each with a number, whose transitions are drawn. */
const Fields = { n: Schema.Int }
const states = { A: Fields, B: Fields, C: Fields, D: Fields }
const events = { X: Fields, Y: Fields, Z: Fields }
type Tag = keyof typeof states
type EventTag = keyof typeof events

interface Row {
  readonly from: Tag
  readonly event: EventTag
  readonly to: Tag
  /** The remainder by three that lets an event through, if not any. */
  readonly rest: number | undefined
  readonly data: "none" | "patch" | "clear"
}

const rows = fc.array(
  fc.record<Row>({
    from: fc.constantFrom("A", "B", "C", "D"),
    event: fc.constantFrom("X", "Y", "Z"),
    to: fc.constantFrom("A", "B", "C", "D"),
    rest: fc.option(fc.nat(2), { nil: undefined }),
    data: fc.constantFrom("none", "patch", "clear")
  }),
  { minLength: 1, maxLength: 16 }
)

const eventOf = fc.record({ _tag: fc.constantFrom<EventTag>("X", "Y", "Z"), n: fc.nat(9) })
const sequence = fc.array(fc.record({ event: eventOf, id: fc.option(fc.nat(4).map(String), { nil: undefined }) }), {
  maxLength: 20
})

type Table = StateMachine.Table<typeof states, typeof events, { readonly n?: number }, never>

const machineOf = (rows: ReadonlyArray<Row>) => {
  const cell = (row: Row) => ({
    to: row.to,
    fields: ({ event, state }: { readonly event: { readonly n: number }; readonly state: { readonly n: number } }) => ({
      n: state.n + event.n
    }),
    ...(row.rest === undefined ? {} : { guard: ({ event }: { event: { n: number } }) => event.n % 3 === row.rest }),
    ...(row.data === "none"
      ? {}
      : { data: row.data === "clear" ? ("clear" as const) : ({ event }: { event: { n: number } }) => ({ n: event.n }) })
  })
  const byState = Arr.groupBy(rows, ({ from }) => from)
  const on = Object.fromEntries(
    Object.entries(byState).map(([from, rows]) => [
      from,
      Object.fromEntries(
        Object.entries(Arr.groupBy(rows, ({ event }) => event)).map(([event, rows]) => [event, rows.map(cell)])
      )
    ])
  )
  return StateMachine.make({
    id: "Drawn",
    states,
    events,
    data: { n: Schema.Int },
    initial: { _tag: "A", n: 0 },
    on: on as Table // As drawn.
  })
}

const freeze = <A extends object>(value: A): A => Object.freeze(value)

describe("A step", () => {
  it.prop(
    "follows the first transition that lets the event through, and no other",
    [rows, sequence],
    ([rows, sequence]) => {
      const machine = machineOf(rows)
      let state: typeof machine.State.Type = freeze({ ...machine.initial })
      let data: typeof machine.Data.Type = freeze({})
      for (const { event } of sequence) {
        const candidates = rows.filter((row) => row.from === state._tag && row.event === event._tag)
        const expected = candidates.find(({ rest }) => rest === undefined || event.n % 3 === rest)
        const stepped = StateMachine.step(machine, state, freeze(event), data)
        assert.deepStrictEqual(StateMachine.step(machine, state, event, data), stepped)
        if (expected === undefined) {
          assert.strictEqual(
            Either.getOrThrow(Either.flip(stepped))._tag,
            candidates.length === 0 ? "NoTransition" : "GuardRefused"
          )
          continue
        }
        const step = Either.getOrThrow(stepped)
        assert.deepStrictEqual(step.to, { _tag: expected.to, n: state.n + event.n })
        const after = { none: data, clear: {}, patch: { n: event.n } }[expected.data]
        assert.deepStrictEqual(step.data, after)
        assert.strictEqual(step.enters, expected.to !== state._tag)
        state = freeze(step.to)
        data = freeze(step.data)
      }
    }
  )

  it.effect.prop(
    "is what a context does: stored, an event makes of a state what it makes of it by itself, and a repeated one nothing",
    [rows, sequence],
    ([rows, sequence]) => {
      const machine = machineOf(rows)
      return Effect.gen(function* () {
        const contexts = yield* StateMachine.contexts("drawn", { machine })
        const context = contexts.at("a")
        const answers = new Map<string, unknown>()
        let state = machine.initial
        let data: typeof machine.Data.Type = {}
        for (const { event, id } of sequence) {
          const outcome = yield* Effect.either(context.send(event, { id }))
          const told = Either.match(outcome, {
            onLeft: (error) => error,
            onRight: ({ from, to }): unknown => ({ from, to })
          })
          const known = id === undefined ? undefined : answers.get(id)
          if (known === undefined) {
            const stepped = StateMachine.step(machine, state, event, data)
            const expected = Either.match(stepped, {
              onLeft: (error): unknown => error,
              onRight: ({ from, to }) => ({ from, to })
            })
            assert.deepStrictEqual(told, expected)
            if (id !== undefined) answers.set(id, told)
            if (Either.isRight(stepped)) {
              state = stepped.right.to
              data = stepped.right.data
            }
          } else assert.deepStrictEqual(told, known)
          assert.deepStrictEqual(yield* context.getState, state)
          assert.deepStrictEqual(yield* context.getData, data)
        }
      }).pipe(Effect.provide(Layer.fresh(MemoryStore.layer())))
    },
    { fastCheck: { numRuns: 50 } }
  )

  it("is refused by a guard that does not say yes, whatever it says", () => {
    const machine = StateMachine.make({
      id: "Sure",
      states: { Asked: {}, Deleted: {} },
      events: { Answer: { isSure: Schema.Any } },
      initial: "Asked",
      on: { Asked: { Answer: { to: "Deleted", guard: ({ event }) => event.isSure } } }
    })
    for (const isSure of [false, null, undefined]) {
      const stepped = StateMachine.step(machine, machine.initial, { _tag: "Answer", isSure })
      assert.strictEqual(Either.getOrThrow(Either.flip(stepped))._tag, "GuardRefused")
    }
  })

  it("leaves out what is no field of the next state, and fills in what has a default", () => {
    const machine = StateMachine.make({
      id: "Defaults",
      states: {
        A: { n: Schema.Int, other: Schema.Int },
        B: {
          n: Schema.Int,
          tries: Schema.propertySignature(Schema.Int).pipe(Schema.withConstructorDefault(() => 3))
        }
      },
      events: { Go: {} },
      initial: { _tag: "A", n: 1, other: 2 },
      on: { A: { Go: { to: "B", fields: ({ state }) => state } } }
    })
    const { to } = Either.getOrThrow(StateMachine.step(machine, machine.initial, { _tag: "Go" }))
    assert.deepStrictEqual(to, { _tag: "B", n: 1, tries: 3 })
  })

  it("gives the message of its transition, made of the state that follows", () => {
    const machine = StateMachine.make({
      id: "Emitting",
      states: { A: { n: Schema.Int } },
      events: { Go: {}, Stay: {} },
      message: Schema.Number,
      initial: { _tag: "A", n: 1 },
      on: {
        A: {
          Go: {
            to: "A",
            fields: ({ state }) => ({ n: state.n + 1 }),
            emit: ({ next, state }) => next.n * 10 + state.n
          },
          Stay: { to: "A", fields: ({ state }) => state }
        }
      }
    })
    const message = (_tag: "Go" | "Stay") =>
      Either.getOrThrow(StateMachine.step(machine, machine.initial, { _tag })).message
    assert.deepStrictEqual([message("Go"), message("Stay")], [Option.some(21), Option.none()])
  })
})

describe("A conversation's key", () => {
  const { ConversationKey } = StateMachine
  const id = fc.oneof(
    fc.integer(),
    fc.string({ maxLength: 4 }),
    fc.stringOf(fc.constantFrom(";", "=", "%", "3", "B", "chat", "user", "1"), { maxLength: 4 })
  )
  const parts = fc.record(
    {
      bot: id,
      businessConnection: id,
      chat: id,
      user: id,
      thread: id,
      destiny: fc.string({ maxLength: 3 })
    },
    { requiredKeys: [] }
  )
  const asText = (parts: StateMachine.ConversationKey.Parts) =>
    JSON.stringify(
      Object.entries(parts)
        .map(([name, id]) => [name, String(id)])
        .toSorted()
    )

  it.prop("is another for other parts, and the same for the same", [parts, parts], ([a, b]) => {
    assert.strictEqual(ConversationKey.fromParts(a) === ConversationKey.fromParts(b), asText(a) === asText(b))
    assert.strictEqual(ConversationKey.fromParts(a), ConversationKey.fromParts({ ...a, thread: a.thread }))
  })

  it.prop("can be read back, part by part", [parts], ([parts]) => {
    const read = ConversationKey.fromParts(parts)
      .split(";")
      .filter((part) => part !== "")
      .map((part) => [
        part.slice(0, part.indexOf("=")),
        part
          .slice(part.indexOf("=") + 1)
          .replaceAll("%3B", ";")
          .replaceAll("%25", "%")
      ])
    assert.deepStrictEqual(JSON.stringify(read.toSorted()), asText(parts))
  })

  it("says who shares a conversation, by strategy", () => {
    const message = { bot: 42, chat: -1001, user: 7, thread: 3 }
    const keys = {
      userInChat: ConversationKey.userInChat(message),
      chat: ConversationKey.chat(message),
      globalUser: ConversationKey.globalUser(message),
      userInTopic: ConversationKey.userInTopic(message),
      chatTopic: ConversationKey.chatTopic(message)
    }
    assert.deepStrictEqual(keys, {
      userInChat: "bot=42;chat=-1001;user=7",
      chat: "bot=42;chat=-1001",
      globalUser: "bot=42;user=7",
      userInTopic: "bot=42;chat=-1001;user=7;thread=3",
      chatTopic: "bot=42;chat=-1001;thread=3"
    })
    assert.strictEqual(
      ConversationKey.userInChat({ ...message, businessConnection: "b", destiny: "survey" }),
      "bot=42;businessConnection=b;chat=-1001;user=7;destiny=survey"
    )
  })
})

describe("A drawing", () => {
  const linesOf = (mermaid: string) =>
    mermaid
      .trimEnd()
      .split("\n")
      .map((line) => line.trim())

  it("has an arrow for each transition, with event and guard, and the states where nothing goes on", () => {
    const machine = StateMachine.make({
      id: "Door",
      states: { Open: {}, Closed: {}, Locked: {}, Broken: {} },
      events: { Push: {}, "Turn key": {}, Kick: {} },
      initial: "Open",
      on: {
        Open: { Push: "Closed" },
        Closed: {
          Push: "Open",
          "Turn key": [
            {
              to: "Locked",
              guard: function fits() {
                return true
              }
            },
            { to: "Closed", guard: () => true, label: 'key: "old"' }
          ]
        },
        Locked: { Kick: { to: "Broken", guard: () => true } }
      }
    })
    assert.deepStrictEqual(linesOf(StateMachine.toMermaid(machine)), [
      "stateDiagram-v2",
      "Open",
      "Closed",
      "Locked",
      "Broken",
      "[*] --> Open",
      "Open --> Closed : Push",
      "Closed --> Open : Push",
      "Closed --> Locked : Turn key [fits]",
      "Closed --> Closed : Turn key [key#58; #34;old#34;]",
      "Locked --> Broken : Kick [guarded]",
      "Broken --> [*]"
    ])
  })

  it("gives states whose names are no ids, or words of Mermaid's, other ids", () => {
    const machine = StateMachine.make({
      id: "Odd names",
      states: { "warte auf Antwort": {}, Note: {}, 'a "b"; c': {}, "": {} },
      events: { "a:b\n%%": {} },
      initial: "warte auf Antwort",
      on: { "warte auf Antwort": { "a:b\n%%": "Note" }, Note: { "a:b\n%%": 'a "b"; c' } }
    })
    assert.deepStrictEqual(linesOf(StateMachine.toMermaid(machine)), [
      "stateDiagram-v2",
      'state "warte auf Antwort" as 0_',
      'state "Note" as 1_',
      'state "a #34;b#34;#59; c" as 2_',
      'state "#160;" as 3_',
      "[*] --> 0_",
      "0_ --> 1_ : a#58;b#10;#37;#37;",
      "1_ --> 2_ : a#58;b#10;#37;#37;",
      "2_ --> [*]",
      "3_ --> [*]"
    ])
  })

  const name = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.constantFrom("Idle", "State", "0_", "1_", "[*]", "A --> B", "é")
  )
  it.prop(
    "keeps to Mermaid's grammar, whatever the names",
    [fc.uniqueArray(name, { minLength: 1, maxLength: 5 }), name, name],
    ([tags, event, label]) => {
      const states = Object.fromEntries(tags.map((tag) => [tag, {}]))
      const [first = ""] = Object.keys(states)
      const machine = StateMachine.make({
        id: "Any",
        states,
        events: { [event]: {} },
        initial: first,
        on: Object.fromEntries(tags.map((tag) => [tag, { [event]: { to: first, guard: () => true, label } }]))
      })
      const [head, ...lines] = linesOf(StateMachine.toMermaid(machine))
      assert.strictEqual(head, "stateDiagram-v2")
      const text = /(?:[\p{L}\p{N} _.,?!()/+=-]|#\d+;)*/u.source
      const id = /(?:[A-Z][A-Za-z0-9_]*|\d+_)/.source
      const ids = lines.slice(0, tags.length).map((line) => {
        const declared = new RegExp(`^(?:state "${text}" as )?(${id})$`, "u").exec(line)
        return declared?.[1]
      })
      assert.strictEqual(new Set(ids).size, tags.length)
      assert.notInclude(ids, undefined)
      assert.strictEqual(lines[tags.length], `[*] --> ${ids[0]}`)
      const arrows = lines.slice(tags.length + 1)
      assert.strictEqual(arrows.length, tags.length)
      for (const arrow of arrows) assert.match(arrow, new RegExp(`^${id} --> ${id} : ${text} \\[${text}\\]$`, "u"))
    }
  )
})
