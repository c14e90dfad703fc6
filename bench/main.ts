/**
 * Compares this toolkit with what one would use instead. See `Runner.ts` for how. It runs what is published: the built
 * package, which this folder's tsconfig.json lets `effect-state` lead to, and not the sources through a loader.
 *
 *     npm run bench                       everything, and results.json with it
 *     npm run bench -- redis get          what has these words in its title
 *     npm run bench -- --quick            in two minutes, roughly; nothing is saved
 *     npm run bench -- --smoke            in seconds: whether it runs at all
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Case from "./Case.ts"
import { groups } from "./groups/index.ts"
import * as Print from "./Print.ts"
import * as Results from "./Results.ts"
import * as Runner from "./Runner.ts"
import * as Servers from "./Servers.ts"
import * as Workload from "./Workload.ts"

/** A contender that does not give back what was put in is not measured. */
const check = (contenders: ReadonlyArray<readonly [string, Case.Contender]>, items: ReadonlyArray<Workload.Item>) =>
  Effect.forEach(contenders, ([name, contender]) =>
    Effect.gen(function* () {
      const get = contender.calls.get
      const item = items[0]
      if (get === undefined || item === undefined) return
      const got = yield* get._tag === "Effect" ? get.run(item) : Effect.promise(() => get.run(item))
      // Some give an Option, and this toolkit an entry in it.
      const found = Option.isOption(got) ? Option.getOrUndefined(got) : got
      const { email } = Object(Object(found).value ?? found)
      if (email !== item.value.email) return yield* Effect.dieMessage(`${name} did not give the value back`)
    })
  )

const runGroup = (group: Case.Group, matches: (title: string) => boolean, effort: Runner.Effort) =>
  Effect.gen(function* () {
    const cases = group.cases.filter((one) => matches(Case.title(group, one.operation, one)))
    const extra = (group.extra ?? []).filter(({ operation }) => matches(Case.title(group, operation)))
    if (cases.length + extra.length === 0) return
    if (effort.name !== "smoke" && group.prepare !== undefined) yield* group.prepare
    const contest = yield* group.open
    const items = Workload.items(Math.min(effort.keys, group.keysMax ?? effort.keys))
    const sequence = Workload.sequence(items)
    const contenders = Object.entries({ [Runner.self]: contest.ours, ...contest.rivals }).flatMap(
      ([name, contender]) => (contender === undefined ? [] : [[name, contender] as const])
    )
    yield* Effect.forEach(contenders, ([, contender]) => contender.fill(items))
    yield* check(contenders, items)
    const results: Array<Results.Result> = []
    for (const one of cases) {
      const title = Case.title(group, one.operation, one)
      const rows = yield* Runner.measure(one, contest, sequence, effort)
      const found = rows.map(({ rival, ratio }) => ({
        ...{ title, backend: group.backend, rival, ratio },
        ...(one.rivals[rival] === undefined ? {} : { atLeast: one.rivals[rival] })
      }))
      yield* Console.log(Print.table(title, found, effort))
      results.push(...found)
    }
    for (const { operation, rival, goal, measure } of extra) {
      const title = Case.title(group, operation)
      const samples = yield* Effect.replicateEffect(measure(contest, sequence, effort), Math.min(effort.rounds, 7))
      const found = [{ title, backend: group.backend, rival, ratio: Runner.quartiles(samples), ...goal }]
      yield* Console.log(Print.table(title, found, effort))
      results.push(...found)
    }
    if (effort.name === "full") yield* Results.save(effort.name, contest.versions ?? {}, { results })
  }).pipe(Effect.scoped)

const bench = Command.make(
  "bench",
  {
    words: Args.repeated(Args.text({ name: "word" })),
    quick: Options.boolean("quick"),
    smoke: Options.boolean("smoke")
  },
  ({ words, quick, smoke }) =>
    Effect.gen(function* () {
      const effort = smoke ? Runner.efforts.smoke : quick ? Runner.efforts.quick : Runner.efforts.full
      const matches = (title: string) => {
        const all = title.toLowerCase().split(" ")
        return words.every((word) => all.includes(word.toLowerCase()))
      }
      for (const group of groups) {
        yield* runGroup(group, matches, effort)
      }
    }).pipe(Effect.provide(Servers.layer))
)

Command.run(bench, { name: "bench", version: "0" })(process.argv).pipe(
  Effect.provide(NodeContext.layer),
  NodeRuntime.runMain
)
