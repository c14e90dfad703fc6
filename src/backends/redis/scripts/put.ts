/**
 * A batch of plain writes: each sets one key, unconditionally, with a time to live or none. This is what a busy store does
 * most, and the server's time is what many clients share; so it asks for all old entries at once, and touches the indexes
 * only for what is new to them.
 *
 * KEYS: index, expiry, version, then the entries'. ARGV: the length of an entry's prefix, then for each entry a token, such
 * as "json 60000" or "bytes -" (its kind and time to live), and the payload. Gives the first version and the time in
 * milliseconds; the versions of the others follow each other.
 *
 * A key that comes twice is right, too: the later write wins, and both took the same old entry's creation.
 *
 * @since 0.1.0
 */
import { batched, clock, digits } from "./common.ts"
import * as Script from "./Script.ts"

export const put = Script.make(`
${batched}${clock}${digits}
local prefix = ARGV[1] + 1
local now = digits(nowMs)
local endings = setmetatable({}, { __index = function(endings, token)
  local kind, ttl = string.match(token, '^(%l+) (.+)$')
  local ending = { tail = ' ' .. now .. ' - ' .. kind .. '\\n' }
  if ttl ~= '-' then
    ending.expiresMs = nowMs + ttl
    ending.expires = digits(ending.expiresMs)
    ending.tail = ' ' .. now .. ' ' .. ending.expires .. ' ' .. kind .. '\\n'
    -- Redis shows a key at the millisecond of its expiry, and an entry is gone then.
    ending.pxat = digits(ending.expiresMs - 1)
  end
  endings[token] = ending
  return ending
end })

local values, indexed, expiring, n = {}, {}, {}, #KEYS - 3
batched(n, function(from, to)
  local olds = redis.call('MGET', unpack(KEYS, from + 3, to + 3))
  for i = from, to do
    local old, created, ending = olds[i - from + 1], now, endings[ARGV[i * 2]]
    local oldExpires
    if old then
      local oldCreated, kind
      oldCreated, oldExpires, kind = string.match(old, '^1 %d+ (%d+) %d+ ([%d-]+) (%l+)\\n')
      oldExpires = tonumber(oldExpires)
      -- What is expired, or not ours, is not there.
      if (kind == 'json' or kind == 'bytes') and not (oldExpires and oldExpires <= nowMs) then created = oldCreated
      else old = false end
    end
    if not old then
      indexed[#indexed + 1] = '0'
      indexed[#indexed + 1] = string.sub(KEYS[i + 3], prefix)
    end
    -- The sweeper looks again when it comes too early: only what is new or earlier has to be told.
    if ending.expires and not (old and oldExpires and oldExpires <= ending.expiresMs) then
      expiring[#expiring + 1] = ending.expires
      expiring[#expiring + 1] = string.sub(KEYS[i + 3], prefix)
    end
    values[i] = '1 ' .. digits(last + i) .. ' ' .. created .. ending.tail .. ARGV[i * 2 + 1]
  end
end)

-- The indexes come first: an entry that is in them and nowhere else is mended, one that is missing there is lost.
batched(#indexed, function(from, to) redis.call('ZADD', KEYS[1], unpack(indexed, from, to)) end)
batched(#expiring, function(from, to) redis.call('ZADD', KEYS[2], unpack(expiring, from, to)) end)
redis.call('SET', KEYS[3], digits(last + n))
for i = 1, n do
  local pxat = endings[ARGV[i * 2]].pxat
  if pxat then redis.call('SET', KEYS[i + 3], values[i], 'PXAT', pxat) else redis.call('SET', KEYS[i + 3], values[i]) end
end
return { last + 1, nowMs }
`)
