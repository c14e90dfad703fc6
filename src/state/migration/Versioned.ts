/**
 * A schema that knows its earlier versions: what was written by an earlier one is upgraded when it is read, step by step.
 *
 * What is stored says its version: `{"~v":"2","value":…}`. A versioned schema is a schema, so that it goes wherever one does:
 * into a collection, a history, the data of sessions.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type { ParseOptions } from "effect/SchemaAST"
import type { DecodeError } from "../../store/StateError.ts"
import * as Chain from "./Chain.ts"
import { MigrationFailed, NewerVersion } from "./MigrationError.ts"

export { MigrationFailed, NewerVersion } from "./MigrationError.ts"

/**
 * The versions of a schema so far, the first one first: the name and the type of each.
 *
 * @since 0.1.0
 * @category models
 */
export type Past = ReadonlyArray<readonly [name: string, type: unknown]>

/**
 * The name of a version that is given none: its place, counted from one.
 *
 * @since 0.1.0
 * @category models
 */
export type NextName<P extends Past> = `${[...P, unknown]["length"] & number}`

/**
 * The names of versions.
 *
 * @since 0.1.0
 * @category models
 */
export type NameOf<P extends Past> = P[number][0]

/**
 * The type that a version has.
 *
 * @since 0.1.0
 * @category models
 */
export type TypeOf<P extends Past, Name extends string> = Extract<P[number], readonly [Name, unknown]>[1]

type LastName<P extends Past> = P extends readonly [...Past, readonly [infer Name extends string, unknown]]
  ? Name
  : never

/**
 * A step: a function, or an effect that may fail. What it throws or fails with becomes a {@link MigrationFailed}.
 *
 * @since 0.1.0
 * @category models
 */
export type Upgrade<in A, out B, out R> = (previous: A) => B | Effect.Effect<B, unknown, R>

/**
 * @since 0.1.0
 * @category options
 */
export interface Options<Name extends string> {
  /** What the version is called in what is stored. Default: its place, counted from one. */
  readonly version?: Name | undefined
  /**
   * The version of stored values that do not say theirs, because they were written before there were versions: `true` for
   * the first version, or a function that finds the name in the value. Default: such values are refused. A value that looks
   * like an envelope, a record of just `~v` and `value`, is always taken for one.
   */
  readonly unversioned?: boolean | ((stored: unknown) => string | undefined) | undefined
}

/**
 * A schema with its earlier versions. It decodes what any of them wrote, and encodes as the newest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Versioned<A, R, P extends Past> extends Schema.Schema<A, unknown, R> {
  /** The names of all versions, the newest last. */
  readonly versions: ReadonlyArray<NameOf<P>>
  /** The version that a stored value was written in, if it can be told; it may be one that is not known here. */
  readonly versionOf: (stored: unknown) => Option.Option<string>
  /** Whether a stored value is of the newest version and says so. */
  readonly isCurrent: (stored: unknown) => boolean
  /** A newer version, and how a value of the one before becomes one. */
  readonly next: <B, BI, BR, UR = never, const Name extends string = NextName<P>>(
    schema: Schema.Schema<B, BI, BR>,
    upgrade: Upgrade<A, NoInfer<B>, UR>,
    options?: { readonly version?: (Name & (Name extends NameOf<P> ? never : unknown)) | undefined }
  ) => Versioned<B, R | BR | UR, readonly [...P, readonly [Name, B]]>
  /** A step from an earlier version straight to the newest so far: it is taken instead of those between, and of one that was there. */
  readonly skip: <const From extends Exclude<NameOf<P>, LastName<P>>, UR = never>(
    from: From,
    upgrade: Upgrade<TypeOf<P, From>, A, UR>
  ) => Versioned<A, R | UR, P>
}

/**
 * The first version of a schema.
 *
 * ```ts
 * import { Collection, MemoryStore, Versioned } from "effect-state"
 * import { Effect, Layer, Schema } from "effect"
 *
 * const User = Versioned.make(Schema.Struct({ name: Schema.String }), { unversioned: true })
 *   .next(Schema.Struct({ first: Schema.String, last: Schema.String }), ({ name }) => {
 *     const [first = "", ...rest] = name.split(" ")
 *     return { first, last: rest.join(" ") }
 *   })
 *
 * class Users extends Collection.Tag<Users>()("Users", { schema: User }) {}
 *
 * const program = Effect.gen(function* () {
 *   const users = yield* Users
 *   yield* users.store.set("ada", { name: "Ada Lovelace" }) // as an earlier program wrote it
 *   return yield* users.get("ada") // { first: "Ada", last: "Lovelace" }
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.provide(Users.layer.pipe(Layer.provide(MemoryStore.layer())))))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, I, R, const Name extends string = "1">(
  schema: Schema.Schema<A, I, R>,
  options: Options<Name> = {}
): Versioned<A, R, readonly [readonly [Name, A]]> => {
  const name = options.version ?? "1"
  const unversioned = options.unversioned ?? false
  return build({
    versions: [{ name, schema: schema as AnySchema }], // Erased: the types are those of the interface.
    steps: [],
    unversioned: typeof unversioned === "function" ? unversioned : () => (unversioned ? name : undefined)
  }) as unknown as Versioned<A, R, readonly [readonly [Name, A]]>
}

/**
 * The typed error behind a `DecodeError`, if a failed step or a newer version is the reason for it.
 *
 * @since 0.1.0
 * @category errors
 */
export const failureOf = (error: DecodeError): Option.Option<MigrationFailed | NewerVersion> =>
  Option.map(Option.flatMap(Option.fromNullable(error.issue), find), ({ problem }) => problem(error.key))

type AnySchema = Schema.Schema<unknown, unknown, unknown>
type AnyStep = Chain.Step<Upgrade<unknown, unknown, unknown>>
type Parsed = Effect.Effect<unknown, ParseResult.ParseIssue, unknown>

/** What a versioned schema is made of, with its types erased. */
interface Parts {
  readonly versions: ReadonlyArray<Version>
  readonly steps: ReadonlyArray<AnyStep>
  readonly unversioned: (stored: unknown) => string | undefined
}

interface Version {
  readonly name: string
  readonly schema: AnySchema
}

/** An issue that knows the typed error to make of it, once the key is known. */
class VersionIssue extends ParseResult.Type {
  readonly problem: (key: string) => MigrationFailed | NewerVersion
  constructor(ast: Schema.Schema.Any["ast"], problem: (key: string) => MigrationFailed | NewerVersion) {
    super(ast, undefined, problem("").message)
    this.problem = problem
  }
}

const find = (issue: ParseResult.ParseIssue): Option.Option<VersionIssue> => {
  if (issue instanceof VersionIssue) return Option.some(issue)
  switch (issue._tag) {
    case "Pointer":
    case "Refinement":
    case "Transformation":
      return find(issue.issue)
    case "Composite":
      return Option.firstSomeOf([issue.issues].flat().map(find))
    default:
      return Option.none()
  }
}

const build = (parts: Parts) => {
  const { steps, unversioned, versions } = parts
  const names = versions.map(({ name }) => name)
  const parsers = new Map(versions.map((version) => [version.name, parserOf(version, versions, steps)]))
  // There is a first one.
  const newest = versions.at(-1) as Version
  const encode = ParseResult.encodeUnknown(newest.schema)

  const opened = (stored: unknown): Chain.Envelope | undefined => {
    if (Chain.isEnvelope(stored)) return stored
    const version = unversioned(stored)
    return version === undefined ? undefined : Chain.envelope(version, stored)
  }

  const schema = Schema.transformOrFail(Schema.Unknown, Schema.typeSchema(newest.schema), {
    decode: (stored, options, ast): Parsed => {
      const envelope = opened(stored)
      if (envelope === undefined)
        return ParseResult.fail(new ParseResult.Type(ast, stored, "It does not say its version"))
      const { "~v": version, value } = envelope
      const parse = parsers.get(version)
      if (parse !== undefined) return parse(value, options)
      return ParseResult.fail(new VersionIssue(ast, (key) => new NewerVersion({ key, version, newest: newest.name })))
    },
    encode: (value, options): Parsed =>
      ParseResult.map(encode(value, options), (encoded) => Chain.envelope(newest.name, encoded))
  })

  const with_ = (step: AnyStep, added: Parts["versions"] = []) =>
    build({ versions: [...versions, ...added], steps: [...steps, step], unversioned })

  return Object.assign(schema, {
    versions: names,
    versionOf: (stored: unknown) => Option.fromNullable(opened(stored)?.["~v"]),
    isCurrent: (stored: unknown) => Chain.isEnvelope(stored) && stored["~v"] === newest.name,
    next: (schema: AnySchema, upgrade: AnyStep["upgrade"], options?: { readonly version?: string | undefined }) => {
      const name = options?.version ?? String(versions.length + 1)
      if (names.includes(name)) throw new Error(`There is a version ${name} already`)
      return with_({ from: newest.name, to: name, upgrade }, [{ name, schema }])
    },
    skip: (from: string, upgrade: AnyStep["upgrade"]) => {
      if (!names.includes(from) || from === newest.name) throw new Error(`There is no earlier version ${from}`)
      return with_({ from, to: newest.name, upgrade })
    }
  })
}

/** Decodes a value of a version, and takes it up to the newest. */
const parserOf = ({ name, schema }: Version, versions: Parts["versions"], steps: ReadonlyArray<AnyStep>) => {
  const decode = ParseResult.decodeUnknown(schema)
  const names = versions.map(({ name }) => name)
  const path = (Chain.path(names, steps, name) ?? []).map((step) => run(step, versions))
  return (stored: unknown, options: ParseOptions): Parsed =>
    path.reduce<Parsed>(ParseResult.flatMap, decode(stored, options))
}

/** Runs a step; what it gives must be a value of the version that it leads to. */
const run = ({ from, to, upgrade }: AnyStep, versions: Parts["versions"]): ((value: unknown) => Parsed) => {
  // A step leads to a version that is there.
  const schema = Schema.typeSchema((versions.find(({ name }) => name === to) as Version).schema)
  const validate = ParseResult.validate(schema)
  const failed = (rest: { readonly cause?: unknown; readonly issue?: ParseResult.ParseIssue }) =>
    new VersionIssue(schema.ast, (key) => new MigrationFailed({ key, from, to, ...rest }))
  return (value) => {
    const result = Either.try({ try: () => upgrade(value), catch: (cause) => failed({ cause }) })
    const upgraded = Either.isRight(result) && isEffect(result.right) ? settle(result.right, failed) : result
    return ParseResult.flatMap(upgraded, (value) => ParseResult.mapError(validate(value), (issue) => failed({ issue })))
  }
}

const settle = (
  effect: Effect.Effect<unknown, unknown, unknown>,
  failed: (rest: { readonly cause: unknown }) => VersionIssue
): Parsed =>
  Either.isEither(effect)
    ? Either.mapLeft(effect, (cause) => failed({ cause }))
    : effect.pipe(
        Effect.catchAllDefect(Effect.fail),
        Effect.mapError((cause) => failed({ cause }))
      )

/** An Option is an Effect, too; here it is a value. */
const isEffect = (u: unknown): u is Effect.Effect<unknown, unknown, unknown> =>
  Effect.isEffect(u) && !Option.isOption(u)
