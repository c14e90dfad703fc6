/**
 * State in the process: the floor is a Map of JSON texts, because a store that hands out copies can't do less.
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { Cacheable } from "cacheable"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { MemoryStore, StateStore } from "effect-state"
import { Keyv } from "keyv"
import { createStorage } from "unstorage"
import type { Group } from "../Case.ts"
import { ofEffects, ofPromises } from "./Rival.ts"
import { toolkit } from "./Toolkit.ts"

const goals = { "Map + JSON": 0.65, keyv: 2.5, unstorage: 1.2, cacheable: 1.2, "naive service": 5 }
const others = { KeyValueStore: undefined }

export const memory: Group = {
  backend: "memory",
  setting: "",
  cases: [
    { operation: "get", fibers: 1, rivals: { ...goals, ...others } },
    { operation: "set", fibers: 1, rivals: { ...goals, ...others } },
    { operation: "get", fibers: 64, style: "forEach", rivals: { "Map + JSON": undefined, keyv: undefined } }
  ],
  open: Effect.gen(function* () {
    const store = Context.get(yield* Layer.build(MemoryStore.layer()), StateStore.StateStore)
    const texts = new Map<string, string>()
    const keyv = new Keyv()
    const storage = createStorage()
    const cacheable = new Cacheable()
    const naive = Context.get(yield* Layer.build(NaiveStore.layer), NaiveStore)
    const keyValues = Context.get(yield* Layer.build(KeyValueStore.layerMemory), KeyValueStore.KeyValueStore)
    return {
      ours: toolkit(store),
      rivals: {
        "Map + JSON": ofEffects(
          ({ key }) => Effect.sync(() => JSON.parse(texts.get(key) ?? "null")),
          ({ key, value }) => Effect.sync(() => texts.set(key, JSON.stringify(value)))
        ),
        keyv: ofPromises(
          ({ key }) => keyv.get(key),
          ({ key, value }) => keyv.set(key, value)
        ),
        unstorage: ofPromises(
          ({ key }) => storage.getItem(key),
          ({ key, value }) => storage.setItem(key, value)
        ),
        cacheable: ofPromises(
          ({ key }) => cacheable.get(key),
          ({ key, value }) => cacheable.set(key, value)
        ),
        "naive service": ofEffects(
          ({ key }) => naive.get(key),
          ({ key, value }) => naive.set(key, value)
        ),
        KeyValueStore: ofEffects(
          ({ key }) =>
            Effect.map(
              keyValues.get(key),
              Option.map((text) => JSON.parse(text))
            ),
          ({ key, value }) => keyValues.set(key, JSON.stringify(value))
        )
      }
    }
  })
}

/** The service that one writes in five minutes: spans by `Effect.fn`, JSON by Schema. */
class NaiveStore extends Context.Tag("bench/NaiveStore")<
  NaiveStore,
  {
    readonly get: (key: string) => Effect.Effect<Option.Option<unknown>, unknown>
    readonly set: (key: string, value: unknown) => Effect.Effect<void, unknown>
  }
>() {
  static readonly layer = Layer.sync(NaiveStore, () => {
    const texts = new Map<string, string>()
    const Json = Schema.parseJson(Schema.Unknown)
    return {
      get: Effect.fn("get")(function* (key: string) {
        const text = texts.get(key)
        return text === undefined ? Option.none() : Option.some(yield* Schema.decode(Json)(text))
      }),
      set: Effect.fn("set")(function* (key: string, value: unknown) {
        const text = yield* Schema.encode(Json)(value)
        yield* Effect.sync(() => texts.set(key, text))
      })
    }
  })
}
