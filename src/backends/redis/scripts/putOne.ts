/**
 * A plain write that is alone: what `put.ts` does to many, in straight lines. A batch of one would pay for the tables and
 * loops as much as for the write itself.
 *
 * KEYS: index, expiry, version, the entry's. ARGV: the length of an entry's prefix, kind, time to live or "-", payload.
 * Gives the version and the time in milliseconds.
 *
 * @since 0.1.0
 */
import { clock, digits } from "./common.ts"
import * as Script from "./Script.ts"

export const putOne = Script.make(`
local olds = redis.call('MGET', KEYS[3], KEYS[4])
local counter, old = olds[1], olds[2]
${clock}${digits}
local kind, ttl, now, version = ARGV[2], ARGV[3], digits(nowMs), digits(last + 1)
redis.call('SET', KEYS[3], version)

local created, oldExpires, oldKind
if old then
  created, oldExpires, oldKind = string.match(old, '^1 %d+ (%d+) %d+ ([%d-]+) (%l+)\\n')
  oldExpires = tonumber(oldExpires)
  -- What is expired, or not ours, is not there.
  if not (oldKind == 'json' or oldKind == 'bytes') or (oldExpires and oldExpires <= nowMs) then created = nil end
end
if not created then redis.call('ZADD', KEYS[1], '0', string.sub(KEYS[4], ARGV[1] + 1)) end
local head = '1 ' .. version .. ' ' .. (created or now) .. ' ' .. now .. ' '
if ttl == '-' then
  redis.call('SET', KEYS[4], head .. '- ' .. kind .. '\\n' .. ARGV[4])
else
  local expiresMs = nowMs + ttl
  local expires = digits(expiresMs)
  -- The sweeper looks again when it comes too early: only what is new or earlier has to be told.
  if not (created and oldExpires and oldExpires <= expiresMs) then
    redis.call('ZADD', KEYS[2], expires, string.sub(KEYS[4], ARGV[1] + 1))
  end
  -- Redis shows a key at the millisecond of its expiry, and an entry is gone then.
  redis.call('SET', KEYS[4], head .. expires .. ' ' .. kind .. '\\n' .. ARGV[4], 'PXAT', digits(expiresMs - 1))
end
return { last + 1, nowMs }
`)
