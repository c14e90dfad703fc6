/**
 * Counts the live entries among the next 512 members of a range.
 *
 * KEYS: index. ARGV: an entry's prefix, the lexicographic bounds (from, to). Gives the number, and the last member looked at
 * or, where the range ended, an empty string. Members whose entry is gone are dropped from the index.
 *
 * @since 0.1.0
 */
import * as Script from "./Script.ts"

export const count = Script.make(`
local members = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], ARGV[3], 'LIMIT', 0, 512)
if #members == 0 then return { 0, '' } end
local keys = {}
for i, member in ipairs(members) do keys[i] = ARGV[1] .. member end
local live = redis.call('EXISTS', unpack(keys))
if live < #members then
  local gone = {}
  for i, key in ipairs(keys) do
    if redis.call('EXISTS', key) == 0 then gone[#gone + 1] = members[i] end
  end
  -- A replica refuses: then somebody else will do it.
  redis.pcall('ZREM', KEYS[1], unpack(gone))
end
return { live, #members == 512 and members[512] or '' }
`)
