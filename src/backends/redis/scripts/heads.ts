/**
 * The first bytes of some entries, which tell all but their payloads.
 *
 * KEYS: the entries'. Gives a string for each, or nothing.
 *
 * @since 0.1.0
 */
import { headOf } from "./common.ts"
import * as Script from "./Script.ts"

export const heads = Script.make(`
${headOf}
local heads = {}
for i, key in ipairs(KEYS) do heads[i] = headOf(key) end
return heads
`)
