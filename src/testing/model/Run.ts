/**
 * Runs commands on the model and on a store, and compares all that both say.
 *
 * @since 0.1.0
 */
import { strict as assert } from "node:assert"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Atomic from "../../store/Atomic.ts"
import type { Entry } from "../../store/Entry.ts"
import * as Modification from "../../store/Modification.ts"
import type { Service } from "../../store/StateStore.ts"
import { pagedKeys } from "../Case.ts"
import type { Service as Harness } from "../Harness.ts"
import * as Command from "./Command.ts"
import { Comparison, invalidKey, okOf, settle } from "./Comparison.ts"
import { isBadKey, name, type Outcome, Reference } from "./Reference.ts"

/**
 * Runs a sequence of commands in a namespace of its own. It dies where the store says something else than the model.
 *
 * @since 0.1.0
 * @category running
 */
export const sequence = (
  root: Service,
  harness: Harness,
  commands: ReadonlyArray<Command.Command>
): Effect.Effect<void, unknown> =>
  Effect.gen(function* () {
    const run = new Run(root, harness, yield* harness.nowMs)
    for (const [i, command] of commands.entries()) {
      yield* Effect.catchAllDefect(Effect.zipRight(run.step(command), run.lookAround(command)), (defect) =>
        Effect.dieMessage(`Command ${i}, ${command._tag}: ${defect instanceof Error ? defect.message : defect}`)
      )
    }
    yield* run.lookOver
  })

/** The child's default time to live. */
const childTtlMs = 7_200_000

class Run {
  readonly #spaces: readonly [Service, Service]
  readonly #harness: Harness
  readonly #model: Reference
  readonly #compare: Comparison

  constructor(root: Service, harness: Harness, nowMs: number) {
    this.#spaces = [root, root.namespace("a", { ttl: childTtlMs, placement: () => root.key("a") })]
    this.#harness = harness
    this.#model = new Reference(nowMs, [undefined, childTtlMs])
    this.#compare = new Comparison(this.#model, harness.clock)
  }

  step(command: Command.Command): Effect.Effect<void, unknown> {
    switch (command._tag) {
      case "Get":
        return this.#get(command.at)
      case "Exists": {
        const expected = isBadKey(command.at.key) ? invalidKey : { ok: this.#model.get(command.at) !== undefined }
        return this.#same(this.#service(command.at).exists(command.at.key), expected)
      }
      case "GetMany":
        return this.#getMany(command.space, command.keys)
      case "DeleteMany":
        return this.#each(
          this.#spaces[command.space].deleteMany(command.keys),
          command.keys.map((key) => ({ _tag: "Delete", at: { space: command.space, key } }))
        )
      case "SetMany":
        return this.#each(
          this.#spaces[command.space].setMany(command.items),
          command.items.map(({ key, value, ttl }) => ({
            _tag: "Set",
            at: { space: command.space, key },
            value,
            deadline: { ttl, notAfterInMs: undefined }
          }))
        )
      case "One":
        return this.#one(command.step, command.demand)
      case "Modify":
        return this.#modify(command)
      case "Commit":
        return this.#commit(command.checks, command.steps)
      case "Pages":
      case "Entries":
      case "Count":
      case "Clear":
        return this.#list(command)
      case "Keys":
        return this.#keys(command.space, command.pattern)
      case "Lapse":
        return Effect.zipRight(this.#one({ _tag: "Expire", at: command.at, ttl: 1 }, undefined), this.#advance(1))
      case "Advance":
        return this.#advance(command.ms)
      case "Sweep":
        return this.#service({ space: 0, key: "" }).sweep
    }
  }

  /** Compares the entries that a command named: what it broke is to be blamed on it. */
  lookAround(command: Command.Command): Effect.Effect<void, unknown> {
    const steps = command._tag === "One" ? [command.step] : command._tag === "Commit" ? command.steps : []
    const items = command._tag === "SetMany" ? command.items : []
    const spaces = [0, 1] as const
    return Effect.forEach(
      spaces,
      (space) => {
        const named = steps.map(({ at }) => at).filter((at) => at.space === space)
        const keys = [...named, ...(command._tag === "SetMany" && command.space === space ? items : [])].map(
          ({ key }) => key
        )
        const sound = keys.filter((key) => !isBadKey(key))
        return sound.length === 0 ? Effect.void : this.#getMany(space, sound)
      },
      { discard: true }
    )
  }

  /** Compares all entries, as streams and as small pages. */
  readonly lookOver: Effect.Effect<void, unknown> = Effect.suspend(() =>
    Effect.forEach(
      [0, 1] as const,
      (space) =>
        Effect.zipRight(
          this.step({ _tag: "Entries", space, range: {}, limit: 1, reverse: false }),
          this.step({ _tag: "Pages", space, range: {}, limit: 2, reverse: true })
        ),
      { discard: true }
    )
  )

  #service({ space }: Command.At): Service {
    return this.#spaces[space]
  }

  #advance(ms: number) {
    return Effect.flatMap(this.#harness.advance(ms), () =>
      Effect.map(this.#harness.nowMs, (nowMs) => {
        this.#model.nowMs = Math.max(nowMs, this.#model.nowMs + ms)
      })
    )
  }

  #same(actual: Effect.Effect<unknown, { readonly _tag: string }>, expected: Outcome<unknown>) {
    return Effect.map(settle(actual), (actual) => assert.deepEqual(actual, expected))
  }

  #get(at: Command.At) {
    return Effect.map(settle(this.#service(at).get(at.key)), (actual) => {
      if (isBadKey(at.key)) return assert.deepEqual(actual, invalidKey)
      this.#compare.sameEntry(at, okOf(actual))
    })
  }

  #getMany(space: 0 | 1, keys: ReadonlyArray<string>) {
    return Effect.map(settle(this.#spaces[space].getMany(keys)), (actual) => {
      if (keys.some(isBadKey)) return assert.deepEqual(actual, invalidKey)
      const found = okOf(actual)
      assert.equal(found.length, keys.length)
      for (const [i, key] of keys.entries()) this.#compare.sameEntry({ space, key }, found[i] ?? Option.none())
    })
  }

  /** Reads what a demand for the current version needs to know. */
  #look(checks: ReadonlyArray<Command.Check>) {
    return Effect.forEach(checks, ({ at, demand }) => (demand === "current" ? this.#get(at) : Effect.void))
  }

  #one(step: Command.Step, demand: Command.Demand | undefined): Effect.Effect<void, unknown> {
    const { at } = step
    const key = at.key
    const service = this.#service(at)
    const isChecked = demand !== undefined && (step._tag === "Set" || (step._tag === "Delete" && demand !== "absent"))
    const checks = isChecked ? [{ at, demand }] : []
    return Effect.flatMap(this.#look(checks), () => {
      const resolved = checks.map((check) => this.#compare.resolve(check))
      const ifVersion = resolved[0]?.version
      const call = (): Effect.Effect<unknown, { readonly _tag: string }> => {
        switch (step._tag) {
          case "Set":
            return service.set(key, step.value, { ...this.#options(step.deadline), ifVersion })
          case "Delete":
            return service.delete(key, { ifVersion: ifVersion === "absent" ? undefined : ifVersion })
          case "Add":
            return service.add(key, step.delta)
          case "Expire":
            return service.expire(key, step.ttl)
          case "Persist":
            return service.persist(key)
        }
      }
      return Effect.map(settle(call()), (actual) => {
        const expected = this.#model.transact(
          resolved.map(({ check }) => check),
          [step]
        )
        if ("error" in expected) return assert.deepEqual(actual, expected)
        this.#compare.sameResult(step, expected.ok, 0, okOf(actual))
      })
    })
  }

  #each(
    actual: Effect.Effect<
      ReadonlyArray<unknown>,
      { readonly results: ReadonlyArray<Either.Either<unknown, { readonly _tag: string }>> }
    >,
    steps: ReadonlyArray<Command.Step>
  ) {
    const results = Effect.match(actual, {
      onSuccess: (results) => results.map((result) => Either.right(result)),
      onFailure: ({ results }) => results
    })
    return Effect.map(results, (results: ReadonlyArray<Either.Either<unknown, { readonly _tag: string }>>) => {
      assert.equal(results.length, steps.length)
      for (const [i, step] of steps.entries()) {
        const expected = this.#model.transact([], [step])
        const result = results[i]
        if (result === undefined || Either.isLeft(result)) assert.deepEqual({ error: result?.left._tag }, expected)
        else this.#compare.sameResult(step, okOf(expected), 0, result.right)
      }
    })
  }

  #modify({ at, decision, value }: Extract<Command.Command, { readonly _tag: "Modify" }>) {
    const seen: Array<Option.Option<Entry>> = []
    const answer = Symbol("answer")
    const actual = this.#service(at).modify(at.key, (current) => {
      seen.push(current)
      return Effect.succeed([
        answer,
        decision === "write"
          ? Modification.write(value)
          : decision === "delete"
            ? Modification.delete
            : Modification.keep
      ])
    })
    return Effect.map(settle(actual), (actual) => {
      if (isBadKey(at.key)) return assert.deepEqual(actual, invalidKey)
      assert.equal(seen.length, 1, "nobody is in the way")
      this.#compare.sameEntry(at, seen[0] ?? Option.none())
      const steps: ReadonlyArray<Command.Step> =
        decision === "write"
          ? [{ _tag: "Set", at, value, deadline: { ttl: "keep", notAfterInMs: undefined } }]
          : decision === "delete"
            ? [{ _tag: "Delete", at }]
            : []
      const expected = this.#model.transact([], steps)
      assert.deepEqual(actual, "error" in expected ? expected : { ok: answer })
    })
  }

  #commit(demands: ReadonlyArray<Command.Check>, steps: ReadonlyArray<Command.Step>) {
    return Effect.flatMap(this.#look(demands), () => {
      const resolved = demands.map((demand) => this.#compare.resolve(demand))
      const checked = resolved.reduce<Atomic.Atomic>(
        (atomic, { check, version }) => atomic.pipe(Atomic.check(this.#fullKey(check.at), version)),
        Atomic.make
      )
      const atomic = steps.reduce((atomic, step) => atomic.pipe(this.#change(step)), checked)
      return Effect.map(settle(this.#spaces[0].commit(atomic)), (actual) => {
        const expected = this.#model.transact(
          resolved.map(({ check }) => check),
          steps
        )
        if ("error" in expected) return assert.deepEqual(actual, expected)
        const { results, version } = okOf(actual)
        assert.deepEqual(results, expected.ok.results)
        for (const { _tag, at } of steps) {
          if (_tag === "Set" || _tag === "Add") this.#compare.versions.learn(name(at), expected.ok.write, version)
        }
      })
    })
  }

  #fullKey(at: Command.At) {
    return this.#service(at).key(at.key)
  }

  #change(step: Command.Step) {
    const key = this.#fullKey(step.at)
    switch (step._tag) {
      case "Set":
        return Atomic.set(key, step.value, this.#options(step.deadline))
      case "Add":
        return Atomic.add(key, step.delta)
      case "Expire":
        return Atomic.expire(key, step.ttl)
      case "Persist":
        return Atomic.persist(key)
      case "Delete":
        return Atomic.delete(key)
    }
  }

  #options({ notAfterInMs, ttl }: Command.Deadline): Atomic.WriteOptions {
    return { ttl, notAfterMs: notAfterInMs === undefined ? undefined : this.#model.nowMs + notAfterInMs }
  }

  #list({ _tag, limit, range, reverse, space }: Extract<Command.Command, Command.ListOptions>) {
    const service = this.#spaces[space]
    const listed = this.#model.list(space, range)
    if ("error" in listed) return this.#same(service.count(range), listed)
    const keys = reverse ? [...listed.ok].reverse() : listed.ok
    switch (_tag) {
      case "Pages":
        return Effect.map(pagedKeys(service, range, { limit, reverse }), (actual) => assert.deepEqual(actual, keys))
      case "Entries":
        return Effect.map(Stream.runCollect(service.entries(range, { reverse })), (entries) => {
          assert.deepEqual(
            Array.from(entries, ({ key }) => key),
            keys
          )
          for (const entry of entries) this.#compare.sameEntry({ space, key: entry.key }, Option.some(entry))
        })
      case "Count":
        return this.#same(service.count(range), { ok: keys.length })
      case "Clear":
        return Effect.map(this.#same(service.clear(range), { ok: keys.length }), () => {
          for (const key of keys) this.#model.transact([], [{ _tag: "Delete", at: { space, key } }])
        })
    }
  }

  #keys(space: 0 | 1, pattern: string) {
    return Effect.map(Stream.runCollect(this.#spaces[space].keys(pattern)), (keys) => {
      const all = okOf(this.#model.list(space, {}))
      assert.deepEqual(
        [...keys],
        all.filter((key) => Command.patterns[pattern]?.test(key))
      )
    })
  }
}
