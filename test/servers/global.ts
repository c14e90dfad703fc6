/**
 * The run's shared servers, started when the first test asks for one, so that pure tests don't wait for them.
 *
 * The binaries are looked for at once: a run that can't have its servers stops here and skips nothing.
 */
import * as Http from "node:http"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Binaries from "./Binaries.ts"
import * as Port from "./Port.ts"
import * as PostgresServer from "./PostgresServer.ts"
import * as RedisServer from "./RedisServer.ts"
import type { Server } from "./Server.ts"
import type { ServerError } from "./ServerError.ts"
import type * as Shared from "./Shared.ts"

// Speed over survival: nobody kills the shared servers, so they need not sync to the disk.
const servers: Record<Shared.Name, Effect.Effect<Server, ServerError, Scope.Scope>> = {
  redis: RedisServer.make({ args: ["--appendonly", "no"] }),
  postgres: PostgresServer.make({
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "300" }
  })
}

/** What is used of vitest's project; vitest/node's own types need packages that it doesn't bring. */
interface Project {
  readonly provide: (key: "sharedServersUrl", value: string) => void
}

const isName = (name: string): name is Shared.Name => Object.hasOwn(servers, name)

const setup = (project: Project) =>
  Effect.gen(function* () {
    yield* Effect.all([Binaries.redisServer(), Binaries.postgres()])
    const scope = yield* Scope.make()
    const started = {
      redis: yield* Effect.cached(Scope.extend(servers.redis, scope)),
      postgres: yield* Effect.cached(Scope.extend(servers.postgres, scope))
    }
    const answer = (request: Http.IncomingMessage, response: Http.ServerResponse) => {
      const name = request.url?.slice(1) ?? ""
      if (!isName(name)) return void response.writeHead(404).end()
      Effect.runCallback(started[name], {
        onExit: Exit.match({
          onSuccess: (server) => response.writeHead(200).end(server.url),
          onFailure: (cause) => response.writeHead(503).end(String(cause))
        })
      })
    }
    const desk = Http.createServer(answer)
    const port = yield* Port.free
    yield* Effect.async<void>((resume) => {
      desk.listen(port, Port.host, () => resume(Effect.void))
    })
    project.provide("sharedServersUrl", `http://${Port.host}:${port}`)
    return () => {
      desk.close()
      desk.closeAllConnections()
      return Effect.runPromise(Scope.close(scope, Exit.void))
    }
  })

// The bare message: a stack of the setup's own would bury what to do.
export default (project: Project): Promise<() => Promise<void>> =>
  Effect.runPromise(Effect.either(setup(project))).then((made) => {
    if (made._tag === "Right") return made.right
    const error = new Error(made.left.message)
    error.stack = made.left.message
    throw error
  })
