import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = (path: string) => fileURLToPath(new URL(`src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-state$/, replacement: src("index.ts") },
      { find: /^effect-state\/(sqlite|redis|postgres)$/, replacement: `${src("backends")}/$1/index.ts` },
      { find: /^effect-state\/langgraph$/, replacement: src("interop/langgraph/index.ts") },
      { find: /^effect-state\/testing\/vitest$/, replacement: src("testing/vitest.ts") },
      { find: /^effect-state\/(url|testing)$/, replacement: `${src("")}$1/index.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/servers/global.ts"],
    setupFiles: ["test/setup/equality.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})
