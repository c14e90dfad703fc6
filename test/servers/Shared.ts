/** What the run's global setup (global.ts) hands to the test files, by vitest's provide and inject. */
import type {} from "vitest"

declare module "vitest" {
  interface ProvidedContext {
    /** Where to ask for the run's servers: `GET /redis` and `GET /postgres` answer with a URL once the server is up. */
    readonly sharedServersUrl: string
  }
}

export type Name = "redis" | "postgres"
