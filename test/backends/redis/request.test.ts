import { assert, describe, it } from "@effect/vitest"
import { encode, Request } from "../../../src/backends/redis/request.ts"
import { collect } from "../Garbage.ts"

const error = new Error("late")

const request = () => {
  const ends: Array<unknown> = []
  const request = new Request("GET", encode(["GET", "a"]), 0, (error, reply) => ends.push(error ?? reply))
  return { ends, request }
}

describe("a request", () => {
  it("ends once, though its reply comes after it was given up", () => {
    const { ends, request: late } = request()
    late.reject(error)
    late.resolve("OK")
    late.reject(error)
    assert.deepStrictEqual(ends, [error])
  })

  it("ends once, though it is given up after its reply came", () => {
    const { ends, request: answered } = request()
    answered.resolve("OK")
    answered.reject(error)
    assert.deepStrictEqual(ends, ["OK"])
  })

  it("that was given up is written as it is, if the driver still has to: the replies would not fit the commands", () => {
    const { request: late } = request()
    late.reject(error)
    assert.strictEqual(late.toWritable().toString(), "*2\r\n$3\r\nGET\r\n$1\r\na\r\n")
  })

  it("lets go of its caller as it ends", async () => {
    const held = (end: (request: Request) => void) => {
      const caller = { replies: 0 }
      const request = new Request("GET", encode(["GET", "a"]), 0, () => {
        caller.replies += 1
      })
      end(request)
      return { caller: new WeakRef(caller), request }
    }
    const [open, answered, givenUp] = [
      held(() => {}),
      held((request) => request.resolve("OK")),
      held((request) => request.reject(error))
    ]
    await collect()
    assert.deepStrictEqual(
      [open, answered, givenUp].map(({ caller, request }) => [request.name, caller.deref()?.replies]),
      [
        ["GET", 0],
        ["GET", undefined],
        ["GET", undefined]
      ]
    )
  })
})
