/**
 * A part of a range: up to a limit of its entries, after looking at 1,024 members of the index at most:
 * more than the largest page has, so that one look is enough for any but one of large values.
 *
 * KEYS: index. ARGV: an entry's prefix, the lexicographic bounds as ZRANGE takes them (from, to), "1" if in reverse, the
 * limit, "1" if the values' heads are enough. Gives 1 if the range ended or else 0, the last member
 * looked at (or an empty string), then members and values in turn.
 *
 * Members whose entry is gone are dropped from the index: what expired leaves its member behind.
 *
 * @since 0.1.0
 */
import { headOf } from "./common.ts"
import * as Script from "./Script.ts"

export const scan = Script.make(`
${headOf}
local limit = tonumber(ARGV[5])
local members
if ARGV[4] == '1' then members = redis.call('ZREVRANGEBYLEX', KEYS[1], ARGV[2], ARGV[3], 'LIMIT', 0, 1024)
else members = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[2], ARGV[3], 'LIMIT', 0, 1024) end

local function valuesOf(keys)
  if ARGV[6] == '0' then return redis.call('MGET', unpack(keys)) end
  local values = {}
  for i, key in ipairs(keys) do values[i] = headOf(key) end
  return values
end

-- Values are fetched few at a time, and no more once they are large together: nobody else is served meanwhile.
local reply, gone, looked, bytes = { 0, '' }, {}, 0, 0
while looked < #members and #reply < 2 + 2 * limit and bytes < 4194304 do
  local keys = {}
  for i = looked + 1, math.min(#members, looked + 64, looked + limit - (#reply - 2) / 2) do
    keys[#keys + 1] = ARGV[1] .. members[i]
  end
  for i, value in ipairs(valuesOf(keys)) do
    local member = members[looked + i]
    if value then
      reply[#reply + 1] = member
      reply[#reply + 1] = value
      bytes = bytes + #value
    else gone[#gone + 1] = member end
  end
  looked = looked + #keys
end
-- A replica, or a server short of memory, refuses: then somebody else will do it.
if #gone > 0 then redis.pcall('ZREM', KEYS[1], unpack(gone)) end
if looked == #members and #members < 1024 then reply[1] = 1 end
if looked > 0 then reply[2] = members[looked] end
return reply
`)
