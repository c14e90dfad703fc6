/**
 * Removes what is left of expired entries. Redis has freed their values by itself; their members in the indexes remain.
 *
 * KEYS: index, expiry. ARGV: an entry's prefix, how many to look at. Gives how many were removed, and 1 if there may be
 * more.
 *
 * An entry's time here may be too early, because a later deadline isn't told; so the entry itself is asked, and its time
 * set right.
 *
 * @since 0.1.0
 */
import { headOf } from "./common.ts"
import * as Script from "./Script.ts"

export const sweep = Script.make(`
${headOf}
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local members = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', nowMs), 'LIMIT', 0, ARGV[2])
local gone, later = {}, {}
for _, member in ipairs(members) do
  local key = ARGV[1] .. member
  local head = headOf(key)
  local expires = head and string.match(head, '^1 %d+ %d+ %d+ ([%d-]+) ')
  if not head or (expires and expires ~= '-' and tonumber(expires) <= nowMs) then
    if head then redis.call('UNLINK', key) end
    gone[#gone + 1] = member
  elseif expires and expires ~= '-' then
    later[#later + 1] = expires
    later[#later + 1] = member
  end
end
-- Removals come first: a server that is short of memory takes them, and then all that follows.
if #members > 0 then redis.call('ZREM', KEYS[2], unpack(members)) end
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
if #later > 0 then redis.call('ZADD', KEYS[2], unpack(later)) end
return { #gone, #members == tonumber(ARGV[2]) and 1 or 0 }
`)
