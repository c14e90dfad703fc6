import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { StateStore } from "effect-state"
import { StoreUrl } from "effect-state/url"

describe("StoreUrl", () => {
  it("knows every accepted form", () => {
    for (const form of StoreUrl.acceptedForms) assert.isTrue(Either.isRight(StoreUrl.parse(form)), form)
  })

  it("reads which backend a URL names, and what it takes", () => {
    for (const [url, target] of [
      ["memory:", { backend: "memory" }],
      ["memory://", { backend: "memory" }],
      ["sqlite:./state.db", { backend: "sqlite", filename: "./state.db" }],
      ["sqlite:/var/state.db", { backend: "sqlite", filename: "/var/state.db" }],
      ["sqlite:///var/state.db", { backend: "sqlite", filename: "/var/state.db" }],
      ["sqlite::memory:", { backend: "sqlite", filename: ":memory:" }],
      ["SQLITE:state.db", { backend: "sqlite", filename: "state.db" }],
      ["redis://localhost", { backend: "redis", url: Redacted.make("redis://localhost") }],
      ["postgresql://u:p@h/d", { backend: "postgres", url: Redacted.make("postgresql://u:p@h/d") }]
    ] as const) {
      assert.deepStrictEqual(Either.getOrThrow(StoreUrl.parse(Redacted.make(url))), target)
    }
  })

  it("refuses anything else, naming the accepted forms and no password", () => {
    for (const url of [
      "",
      "state.db",
      "memory:something",
      "sqlite:",
      "mysql://user:s3cret@host/db",
      "redis://",
      "redis://user:s3cret@",
      "postgres://user:s3cret@ho st/db",
      "redis+cluster://user:s3cret@host"
    ]) {
      const error = String(Either.getOrThrow(Either.flip(StoreUrl.parse(Redacted.make(url)))))
      assert.include(error, StoreUrl.acceptedForms.join(", "), url)
      assert.notInclude(error, "s3cret")
    }
  })

  it.effect("builds the store that STATE_URL names", () =>
    Effect.gen(function* () {
      const store = yield* StateStore.StateStore
      yield* store.set("key", "value")
      assert.isTrue(Option.isSome(yield* store.get("key")))
      assert.strictEqual((yield* store.stats).backend, "sqlite")
    }).pipe(
      Effect.provide(StoreUrl.layerConfig),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["STATE_URL", "sqlite::memory:"]])))
    )
  )

  it.effect("fails with a ConfigError where STATE_URL is missing or wrong", () =>
    Effect.gen(function* () {
      for (const config of [new Map(), new Map([["STATE_URL", "ftp://x"]])]) {
        const error = yield* Layer.build(StoreUrl.layerConfig).pipe(
          Effect.withConfigProvider(ConfigProvider.fromMap(config)),
          Effect.scoped,
          Effect.flip
        )
        assert.include(["MissingData", "InvalidData"], "_op" in error ? error._op : error._tag)
      }
    })
  )
})
