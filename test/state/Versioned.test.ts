import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { Collection, MemoryStore, Sessions, StateError, Versioned } from "effect-state"
import * as fc from "fast-check"

const V1 = Schema.Struct({ name: Schema.String })
const V2 = Schema.Struct({ first: Schema.String, last: Schema.String })
const V3 = Schema.Struct({ first: Schema.String, last: Schema.String, born: Schema.NullOr(Schema.Date) })

const split = ({ name }: typeof V1.Type) => {
  const [first = "", ...rest] = name.split(" ")
  return { first, last: rest.join(" ") }
}

const Person = Versioned.make(V1, { unversioned: true })
  .next(V2, split)
  .next(V3, (person) => ({ ...person, born: null }))

const decode = Schema.decodeUnknownSync(Person)
const ada = { first: "Ada", last: "Lovelace", born: null }

/** The typed error with which a stored value fails to decode, as a collection tells it. */
const failure = <A, R>(schema: Schema.Schema<A, unknown, R>, stored: unknown) =>
  Effect.map(Effect.flip(ParseResult.decodeUnknown(schema)(stored)), (issue) =>
    Versioned.failureOf(new StateError.DecodeError({ key: "k", reason: "refused", issue }))
  )

describe("Versioned", () => {
  it("reads every version that was ever stored", () => {
    assert.deepStrictEqual(decode({ "~v": "1", value: { name: "Ada Lovelace" } }), ada)
    assert.deepStrictEqual(decode({ "~v": "2", value: { first: "Ada", last: "Lovelace" } }), ada)
    assert.deepStrictEqual(decode({ "~v": "3", value: { first: "Ada", last: "Lovelace", born: null } }), ada)
    assert.deepStrictEqual(decode({ name: "Ada Lovelace" }), ada)
  })

  it("writes the newest version, and says so", () => {
    const stored = Schema.encodeSync(Person)({ ...ada, born: new Date(0) })
    assert.deepStrictEqual(stored, {
      "~v": "3",
      value: { first: "Ada", last: "Lovelace", born: "1970-01-01T00:00:00.000Z" }
    })
    assert.isTrue(Person.isCurrent(stored))
    assert.isFalse(Person.isCurrent({ "~v": "2", value: { first: "Ada", last: "Lovelace" } }))
    assert.isFalse(Person.isCurrent({ name: "Ada" }))
    assert.deepStrictEqual(Person.versions, ["1", "2", "3"])
    assert.deepStrictEqual(Person.versionOf({ name: "Ada" }), Option.some("1"))
    assert.deepStrictEqual(Person.versionOf({ "~v": "9", value: 0 }), Option.some("9"))
  })

  /** Versions of a number; each step is a linear function, so that the order of steps shows in the result. */
  const Line = fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }))
  const apply = (value: number, [a, b]: readonly [number, number]) => a * value + b
  const numbers = (lines: ReadonlyArray<readonly [number, number]>) => {
    const steps = [...lines]
    const first = Versioned.make(Schema.Struct({ n: Schema.Number }))
    // The type says "two versions" whatever their number: only the newest matters here.
    type Chain = Versioned.Versioned<{ readonly n: number }, never, Versioned.Past>
    return steps.reduce<Chain>(
      (chain, line, i) =>
        chain.next(Schema.Struct({ n: Schema.Number }), ({ n }) => ({ n: apply(n, line) }), {
          version: `${i + 2}` as never // Past has no names to tell apart.
        }) as Chain,
      first as unknown as Chain
    )
  }

  it.prop(
    "upgrades step by step as the whole chain does, from any version",
    [fc.array(Line, { minLength: 1, maxLength: 8 }), fc.nat(), fc.integer({ min: -99, max: 99 })],
    ([lines, start, n]) => {
      const from = start % (lines.length + 1)
      const chain = numbers(lines)
      const whole = Schema.decodeUnknownSync(chain)({ "~v": `${from + 1}`, value: { n } })
      // The same one step at a time: each program in the row knows one version more, and rewrites what it read.
      const stepwise = Arr.range(from, lines.length).reduce<unknown>(
        (stored, known) => {
          const program = numbers(lines.slice(0, known))
          return Schema.encodeSync(program)(Schema.decodeUnknownSync(program)(stored))
        },
        { "~v": `${from + 1}`, value: { n } }
      )
      assert.deepStrictEqual(stepwise, { "~v": `${lines.length + 1}`, value: whole })
      assert.strictEqual(whole.n, lines.slice(from).reduce(apply, n))
      assert.deepStrictEqual(Schema.decodeUnknownSync(chain)(stepwise), whole)
    }
  )

  it.prop("gives back what it wrote", [V3], ([person]) => {
    assert.deepStrictEqual(decode(JSON.parse(JSON.stringify(Schema.encodeSync(Person)(person)))), person)
  })

  it("takes a step that skips versions instead of those between", () => {
    const taken: Array<string> = []
    const step = (name: string) => (value: { readonly n: number }) => {
      taken.push(name)
      return { n: value.n + 1 }
    }
    const N = Schema.Struct({ n: Schema.Number })
    const chain = Versioned.make(N, { version: "1.0" })
      .next(N, step("1.0 -> 1.1"), { version: "1.1" })
      .next(N, step("1.1 -> 2.0"), { version: "2.0" })
      .skip("1.0", step("1.0 -> 2.0"))
      .next(N, step("2.0 -> 2.1"), { version: "2.1" })
    const read = (version: string) => {
      taken.length = 0
      Schema.decodeUnknownSync(chain)({ "~v": version, value: { n: 0 } })
      return [...taken]
    }
    assert.deepStrictEqual(read("1.0"), ["1.0 -> 2.0", "2.0 -> 2.1"])
    assert.deepStrictEqual(read("1.1"), ["1.1 -> 2.0", "2.0 -> 2.1"])
    assert.deepStrictEqual(read("2.1"), [])
    const again = chain.skip("1.0", step("1.0 -> 2.1")).skip("1.0", step("1.0 -> 2.1, mended"))
    Schema.decodeUnknownSync(again)({ "~v": "1.0", value: { n: 0 } })
    assert.strictEqual(taken.at(-1), "1.0 -> 2.1, mended")
  })

  it("finds the version inside a value that is in no envelope", () => {
    const chain = Versioned.make(Schema.Struct({ schema: Schema.optional(Schema.String) }), {
      version: "1.0",
      unversioned: (stored) => {
        const { schema } = Object(stored)
        return typeof schema === "string" ? schema : "1.0"
      }
    }).next(Schema.Struct({ schema: Schema.Literal("2.0") }), () => ({ schema: "2.0" as const }), { version: "2.0" })
    const decode = Schema.decodeUnknownSync(chain)
    assert.deepStrictEqual(decode({}), { schema: "2.0" })
    assert.deepStrictEqual(decode({ schema: "2.0" }), { schema: "2.0" })
    assert.deepStrictEqual(chain.versionOf({ schema: "2.0" }), Option.some("2.0"))
    assert.isFalse(chain.isCurrent({ schema: "2.0" }))
  })

  it("refuses a value without a version, unless such values were declared", () => {
    const strict = Versioned.make(V1)
    assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(strict)({ name: "Ada" })))
    assert.deepStrictEqual(strict.versionOf({ name: "Ada" }), Option.none())
  })

  it("refuses what the schema of its version refuses", () => {
    assert.isTrue(Either.isLeft(Schema.decodeUnknownEither(Person)({ "~v": "2", value: { name: "Ada" } })))
  })

  it.effect("fails with NewerVersion where a newer program wrote", () =>
    Effect.gen(function* () {
      const error = Option.getOrThrow(yield* failure(Person, { "~v": "4", value: {} }))
      assert(error instanceof Versioned.NewerVersion)
      assert.deepStrictEqual([error.key, error.version, error.newest], ["k", "4", "3"])
    })
  )

  class NoName extends Data.TaggedError("NoName") {}

  it.effect("fails with MigrationFailed where a step fails, throws, dies or gives what the next version refuses", () =>
    Effect.gen(function* () {
      const steps: Record<string, Versioned.Upgrade<{ readonly name: string }, { readonly name: string }, never>> = {
        "an effect": () => Effect.fail(new NoName()),
        "an either": () => Either.left(new NoName()),
        "a throw": () => {
          throw new NoName()
        },
        "a defect": () => Effect.die(new NoName()),
        "a value": () => ({ name: "" })
      }
      for (const [how, step] of Object.entries(steps)) {
        const chain = Versioned.make(V1, { version: "1.0" })
          .next(Schema.Struct({ name: Schema.NonEmptyString }), step, { version: "1.1" })
          .next(V1, (value) => value, { version: "2.0" })
        const error = Option.getOrThrow(yield* failure(chain, { "~v": "1.0", value: { name: "secret" } }))
        assert(error instanceof Versioned.MigrationFailed, how)
        assert.deepStrictEqual([error.key, error.from, error.to], ["k", "1.0", "1.1"])
        if (how === "a value") assert.include(error.details, "NonEmptyString")
        else assert.instanceOf(error.cause, NoName)
        assert.notInclude(error.message, "secret")
      }
    })
  )

  it.effect("runs steps that are effects, with the services that they need", () =>
    Effect.gen(function* () {
      class Names extends Context.Tag("Names")<Names, { readonly of: (id: number) => Effect.Effect<string> }>() {}
      const chain = Versioned.make(Schema.Struct({ id: Schema.Number })).next(V1, ({ id }) =>
        Effect.flatMap(Names, (names) => Effect.map(names.of(id), (name) => ({ name })))
      )
      expectTypeOf<Schema.Schema.Context<typeof chain>>().toEqualTypeOf<Names>()
      const names = Layer.succeed(Names, { of: (id) => Effect.as(Effect.yieldNow(), `#${id}`) })
      class People extends Collection.Tag<People>()("People", { schema: chain }) {}
      yield* Effect.gen(function* () {
        const people = yield* People
        yield* people.store.set("a", { "~v": "1", value: { id: 7 } })
        assert.deepStrictEqual(Option.getOrThrow(yield* people.get("a")).value, { name: "#7" })
      }).pipe(Effect.provide(People.layer.pipe(Layer.provide([MemoryStore.layer(), names]))))
    })
  )

  class Visits extends Sessions.Tag<Visits>()("Visits", { data: Person }) {}

  it.effect("lies inside what is stored of a session, where its errors are found as well", () =>
    Effect.gen(function* () {
      const visits = yield* Visits
      const { id } = yield* visits.create({ data: ada })
      assert.deepStrictEqual((yield* visits.require(id)).data, ada)
      const nested = Schema.Struct({ people: Schema.Array(Schema.Union(Schema.Number, Person)) })
      const error = yield* failure(nested as Schema.Schema<unknown, unknown>, { people: [{ "~v": "5", value: 0 }] })
      assert.instanceOf(Option.getOrThrow(error), Versioned.NewerVersion)
      assert.deepStrictEqual(yield* failure(nested as Schema.Schema<unknown, unknown>, { people: 1 }), Option.none())
    }).pipe(Effect.provide(Visits.layer.pipe(Layer.provide(MemoryStore.layer()))))
  )

  it("has the types of its steps checked", () => {
    const N = Schema.Struct({ n: Schema.Number })
    const chain = Versioned.make(V1, { version: "1.0" }).next(V2, split, { version: "1.1" })
    expectTypeOf<typeof chain.Type>().toEqualTypeOf<typeof V2.Type>()
    expectTypeOf(chain.versions).toEqualTypeOf<ReadonlyArray<"1.0" | "1.1">>()
    expectTypeOf(Person.versions).toEqualTypeOf<ReadonlyArray<"1" | "2" | "3">>()
    chain.next(N, (previous) => {
      expectTypeOf(previous).toEqualTypeOf<typeof V2.Type>()
      return { n: 0 }
    })
    chain
      .next(N, () => ({ n: 0 }))
      .skip("1.0", (first) => {
        expectTypeOf(first).toEqualTypeOf<typeof V1.Type>()
        return Effect.succeed({ n: first.name.length })
      })
    // @ts-expect-error: the step does not give the next version.
    chain.next(N, () => ({ n: "0" }))
    // @ts-expect-error: nor does the effect.
    chain.next(N, () => Effect.succeed({ m: 0 }))
    // @ts-expect-error: the step does not take the version before.
    chain.next(N, (previous: { readonly name: string }) => ({ n: previous.name.length }))
    // @ts-expect-error: a step can't skip from the version that it leads to…
    assert.throws(() => chain.skip("1.1", (value) => value))
    // @ts-expect-error: …nor from one that never was.
    assert.throws(() => chain.skip("0.9", () => ({ first: "", last: "" })))
    // @ts-expect-error: a version's name is its own.
    assert.throws(() => chain.next(N, () => ({ n: 0 }), { version: "1.0" }))
  })
})
