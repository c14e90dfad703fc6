import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { KeyRing } from "effect-state"

const secret = Buffer.alloc(32, 0xfb)
const load = (text: string) =>
  Effect.withConfigProvider(Effect.either(KeyRing.config("KEYS")), ConfigProvider.fromMap(new Map([["KEYS", text]])))

describe("KeyRing", () => {
  it.effect("comes from one setting, the primary key first", () =>
    Effect.gen(function* () {
      for (const encoding of ["base64", "base64url"] as const) {
        const old = Buffer.alloc(32, 7).toString(encoding)
        const ring = Either.getOrThrow(yield* load(`new:${secret.toString(encoding)}, old:${old}`))
        assert.strictEqual(ring.primary, "new")
        assert.deepStrictEqual([...ring.keys.keys()], ["new", "old"])
        assert.deepStrictEqual(Redacted.value(ring.keys.get("new") ?? assert.fail()), Uint8Array.from(secret))
      }
    })
  )

  it.effect("refuses any other length, and says nothing of the key", () =>
    Effect.gen(function* () {
      const short = secret.subarray(1).toString("base64")
      const sound = secret.toString("base64")
      for (const text of [
        `a:${short}`,
        `a:${sound}AAAA`,
        sound,
        `:${sound}`,
        `a:${sound},a:${sound}`,
        "a:?",
        "",
        `${"i".repeat(65)}:${sound}`
      ]) {
        const error = Either.getOrThrow(Either.flip(yield* load(text)))
        assert.notInclude(String(error), short.slice(0, 8))
      }
    })
  )

  it("keeps a copy: wiping the given bytes changes nothing", () => {
    const given = Uint8Array.from(secret)
    const ring = Either.getOrThrow(KeyRing.make({ primary: { id: "a", key: Redacted.make(given) } }))
    given.fill(0)
    assert.deepStrictEqual(Redacted.value(ring.keys.get("a") ?? assert.fail()), Uint8Array.from(secret))
  })
})
