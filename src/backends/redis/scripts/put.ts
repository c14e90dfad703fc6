/**
 * A batch of plain writes: each sets one key, unconditionally, with a time to live or none. This is what a busy store does
 * most, and the server's time is what many clients share; so it asks for all old entries at once, touches the indexes only
 * for what is new to them, and writes all under one version: an entry costs little more than its line put together.
 *
 * KEYS: index, expiry, version, then the entries', each once, and a thousand at most: Lua's stack has no room for many
 * more. ARGV: the length of an entry's prefix, how many versions to draw, then groups of what ends alike, in the order of
 * the keys: kind, time to live or "-", the number of entries, and the payload of each. Gives the last of the versions,
 * which is that of all entries, and the time in milliseconds.
 *
 * @since 0.1.0
 */
import { clock, digits } from "./common.ts"
import * as Script from "./Script.ts"

export const put = Script.make(`
local olds = redis.call('MGET', unpack(KEYS, 3))
local counter = olds[1]
${clock}${digits}
local prefix, now, version = ARGV[1] + 1, digits(nowMs), digits(last + ARGV[2])
local head = '1 ' .. version .. ' '
redis.call('SET', KEYS[3], version)
local key, arg = 3, 3
while arg < #ARGV do
  local kind, ttl, n = ARGV[arg], ARGV[arg + 1], tonumber(ARGV[arg + 2])
  local tail, expiresMs, expires = ' ' .. now .. ' - ' .. kind .. '\\n'
  if ttl ~= '-' then
    expiresMs = nowMs + ttl
    expires = digits(expiresMs)
    tail = ' ' .. now .. ' ' .. expires .. ' ' .. kind .. '\\n'
  end

  local createds, indexed, expiring = {}, {}, {}
  for i = 1, n do
    local old, created, oldExpires, kind = olds[key + i - 2]
    if old then
      created, oldExpires, kind = string.match(old, '^1 %d+ (%d+) %d+ ([%d-]+) (%l+)\\n')
      oldExpires = tonumber(oldExpires)
      -- What is expired, or not ours, is not there.
      if not (kind == 'json' or kind == 'bytes') or (oldExpires and oldExpires <= nowMs) then created = nil end
    end
    if not created then
      indexed[#indexed + 1] = '0'
      indexed[#indexed + 1] = string.sub(KEYS[key + i], prefix)
    end
    -- The sweeper looks again when it comes too early: only what is new or earlier has to be told.
    if expires and not (created and oldExpires and oldExpires <= expiresMs) then
      expiring[#expiring + 1] = expires
      expiring[#expiring + 1] = string.sub(KEYS[key + i], prefix)
    end
    createds[i] = created or now
  end

  -- The indexes come first: an entry that is in them and nowhere else is mended, one that is missing there is lost.
  if #indexed > 0 then redis.call('ZADD', KEYS[1], unpack(indexed)) end
  if #expiring > 0 then redis.call('ZADD', KEYS[2], unpack(expiring)) end
  if expires then
    -- Redis shows a key at the millisecond of its expiry, and an entry is gone then.
    local pxat = digits(expiresMs - 1)
    for i = 1, n do
      redis.call('SET', KEYS[key + i], head .. createds[i] .. tail .. ARGV[arg + 2 + i], 'PXAT', pxat)
    end
  else
    for i = 1, n do redis.call('SET', KEYS[key + i], head .. createds[i] .. tail .. ARGV[arg + 2 + i]) end
  end
  key, arg = key + n, arg + 3 + n
end
return { tonumber(version), nowMs }
`)
