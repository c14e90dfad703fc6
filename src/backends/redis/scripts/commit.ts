/**
 * A batch of commits of any kind: the meaning of `store/Plan.ts`, on the server.
 *
 * Every commit is planned on what the ones before it left behind, without a write; a refused one leaves nothing. Then all
 * is written at once, each key once: after the first write nothing is left that could fail.
 *
 * KEYS: index, expiry, version, then the keys of all steps in order. ARGV: the length of an entry's prefix, then for each
 * commit the numbers of its checks, of its mutations and of the arguments that follow, then
 *
 * - for a check: the version, or "-" for absent;
 * - for a mutation: P (put) or S (put, stamped), deadline, kind, payload; A (add), deadline, delta; T (touch), deadline;
 *   D (delete); I (install), version, created, updated, expires or "-", kind or "-" for a tombstone, payload.
 *
 * A deadline is keep (1 or 0), time to live and absolute end, both "-" if not set: "0 60000 -".
 *
 * Gives the time in milliseconds, and for each commit a list: 0, the version and the results; or 1 and the numbers of the
 * checks that failed; or 2 and the number of the mutation that met no counter; or 3 where the deadline of a value was to
 * be changed that this store did not write.
 *
 * @since 0.1.0
 */
import { batched, clock, digits } from "./common.ts"
import * as Script from "./Script.ts"

/** `lookup(key)`: the live entry under a key as the commits so far leave it, or false. */
const lookup = `
local olds, state = {}, {}
batched(#KEYS - 3, function(from, to)
  local values = redis.call('MGET', unpack(KEYS, from + 3, to + 3))
  for i = from, to do olds[KEYS[i + 3]] = values[i - from + 1] end
end)

local function isLive(expires) return not expires or expires > nowMs end

local function parse(value)
  local version, created, updated, expires, kind, start =
    string.match(value, '^1 (%d+) (%d+) (%d+) ([%d-]+) (%l+)\\n()')
  -- As strict as \`value.ts\`, which reads the same.
  local isOurs = version and (kind == 'json' or kind == 'bytes') and (expires == '-' or tonumber(expires))
  version = tonumber(version)
  if not isOurs or version < 1 or version > 9007199254740991 then return { foreign = true } end
  expires = tonumber(expires)
  return isLive(expires) and {
    version = version, created = created, updated = updated, expires = expires, kind = kind,
    value = value, start = start
  }
end

local function lookup(key)
  local entry = state[key]
  if entry == nil then
    local old = olds[key]
    -- A stamped key is known only now.
    if old == nil then old = redis.call('MGET', key)[1] olds[key] = old end
    entry = old and parse(old)
    state[key] = entry
  end
  return entry
end

local function payloadOf(entry)
  if not entry.payload then entry.payload = string.sub(entry.value, entry.start) end
  return entry.payload
end
`

/** `expiresOf(token, entry)`: when an entry ends that is written now over another, or over none. */
const deadline = `
local deadlines = setmetatable({}, { __index = function(deadlines, token)
  local keep, ttl, notAfter = string.match(token, '^(%d) (%S+) (%S+)$')
  local deadline = { keep = keep == '1', expires = ttl ~= '-' and nowMs + ttl or nil, notAfter = tonumber(notAfter) }
  deadlines[token] = deadline
  return deadline
end })

local function expiresOf(token, entry)
  local deadline = deadlines[token]
  local wanted = deadline.expires
  if deadline.keep and entry and not entry.foreign then wanted = entry.expires end
  if not deadline.notAfter then return wanted end
  return wanted and math.min(wanted, deadline.notAfter) or deadline.notAfter
end
`

/** A mutation: what to put under the key (nil: no change), its result, and the number of arguments it took. */
const mutations = `
local safe = 9007199254740991
local now = digits(nowMs)

local function written(entry, version, expires, kind, payload)
  if not isLive(expires) then return false end
  return {
    version = version, created = entry and entry.created or now, updated = now, expires = expires,
    kind = kind, payload = payload
  }
end

local function sum(entry, delta)
  if not entry then return tonumber(delta) end
  if entry.kind ~= 'json' then return nil end
  local payload = payloadOf(entry)
  local figures = string.match(payload, '^%-?(%d+)$')
  if not figures or #figures > 16 then return nil end
  local value = tonumber(payload)
  local total = value + delta
  return math.abs(value) <= safe and math.abs(total) <= safe and total or nil
end

local apply = {}

function apply.P(i, entry, version)
  return written(entry, version, expiresOf(ARGV[i], entry), ARGV[i + 1], ARGV[i + 2]), 1, 3
end
apply.S = apply.P

function apply.A(i, entry, version)
  local total = sum(entry, ARGV[i + 1])
  if not total then return nil, nil, 2 end
  -- Zero has a sign, too.
  if total == 0 then total = 0 end
  local text = total == 0 and '0' or digits(total)
  return written(entry, version, expiresOf(ARGV[i], entry), 'json', text), total, 2
end

function apply.T(i, entry)
  if not entry then return nil, 0, 1 end
  if entry.foreign then return nil, 'foreign', 1 end
  local expires = expiresOf(ARGV[i], entry)
  if not isLive(expires) then return false, 1, 1 end
  return {
    version = entry.version, created = entry.created, updated = entry.updated, expires = expires,
    kind = entry.kind, payload = payloadOf(entry)
  }, 1, 1
end

function apply.D(i, entry)
  if entry then return false, 1, 0 end
  return nil, 0, 0
end

function apply.I(i, entry)
  local version = tonumber(ARGV[i])
  last = math.max(last, version)
  if entry and not entry.foreign and entry.version >= version then return nil, 0, 6 end
  if ARGV[i + 4] == '-' then
    if entry then return false, 1, 6 end
    return nil, 0, 6
  end
  local expires = tonumber(ARGV[i + 3])
  if not isLive(expires) then return false, 1, 6 end
  return {
    version = version, created = ARGV[i + 1], updated = ARGV[i + 2], expires = expires,
    kind = ARGV[i + 4], payload = ARGV[i + 5]
  }, 1, 6
end
`

/** `plan(i, k)`: what one commit comes to, its arguments being at `i` and its keys at `k`; its changes go into `state`. */
const plan = `
local dirty, isDirty = {}, {}

local function conflictsOf(checks, i, k)
  local conflicts = { 1 }
  for n = 0, checks - 1 do
    local entry, wanted = lookup(KEYS[k + n]), ARGV[i + n]
    local holds
    if wanted == '-' then holds = not entry else holds = entry and entry.version == tonumber(wanted) end
    if not holds then conflicts[#conflicts + 1] = n end
  end
  return conflicts
end

local function plan(checks, mutations, i, k)
  local conflicts = conflictsOf(checks, i, k)
  if #conflicts > 1 then return conflicts end
  i, k = i + checks, k + checks
  local lastBefore, version = last, last + 1
  last = version
  local results, changed, changes = { 0, version }, {}, {}
  for n = 0, mutations - 1 do
    local op, key = ARGV[i], KEYS[k + n]
    if op == 'S' then key = key .. string.format('%016.0f', version) end
    local entry = changes[key]
    if entry == nil then entry = lookup(key) end
    local change, result, took = apply[op](i + 1, entry, version)
    if result == nil or result == 'foreign' then
      last = lastBefore
      return result == nil and { 2, checks + n } or { 3 }
    end
    if change ~= nil then
      if changes[key] == nil then changed[#changed + 1] = key end
      changes[key] = change
    end
    results[#results + 1] = result
    i = i + 1 + took
  end
  for _, key in ipairs(changed) do
    if not isDirty[key] then dirty[#dirty + 1] = key isDirty[key] = true end
    state[key] = changes[key]
  end
  return results
end
`

/** Writes what is in `state` for the keys that are `dirty`, and the counter. */
const write = `
local prefix = ARGV[1] + 1
local indexed, expiring, removed, names, sets = {}, {}, {}, {}, {}
for _, key in ipairs(dirty) do
  local entry, old, name = state[key], olds[key] and parse(olds[key]), string.sub(key, prefix)
  if not entry then
    removed[#removed + 1] = key
    names[#names + 1] = name
  else
    if not old or old.foreign then
      indexed[#indexed + 1] = '0'
      indexed[#indexed + 1] = name
    end
    -- The sweeper looks again when it comes too early: only what is new or earlier has to be told.
    if entry.expires and not (old and old.expires and old.expires <= entry.expires) then
      expiring[#expiring + 1] = digits(entry.expires)
      expiring[#expiring + 1] = name
    end
    sets[#sets + 1] = key
  end
end

-- Removals come first: a server that is short of memory takes them, and then all that follows.
batched(#removed, function(from, to)
  redis.call('ZREM', KEYS[1], unpack(names, from, to))
  redis.call('ZREM', KEYS[2], unpack(names, from, to))
  redis.call('UNLINK', unpack(removed, from, to))
end)
-- Then the indexes: an entry that is in them and nowhere else is mended, one that is missing there is lost.
batched(#indexed, function(from, to) redis.call('ZADD', KEYS[1], unpack(indexed, from, to)) end)
batched(#expiring, function(from, to) redis.call('ZADD', KEYS[2], unpack(expiring, from, to)) end)
if last > drawnBefore then redis.call('SET', KEYS[3], digits(last)) end
for _, key in ipairs(sets) do
  local entry = state[key]
  local value = '1 ' .. digits(entry.version) .. ' ' .. entry.created .. ' ' .. entry.updated .. ' ' ..
    (entry.expires and digits(entry.expires) or '-') .. ' ' .. entry.kind .. '\\n' .. entry.payload
  -- Redis shows a key at the millisecond of its expiry, and an entry is gone then.
  if entry.expires then redis.call('SET', key, value, 'PXAT', digits(entry.expires - 1))
  else redis.call('SET', key, value) end
end
`

export const commit = Script.make(`
local counter = redis.call('GET', KEYS[3])
${batched}${clock}${digits}${lookup}${deadline}${mutations}${plan}
local reply, drawnBefore, i, k = { nowMs }, last, 2, 4
while i <= #ARGV do
  local checks, mutations, size = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  reply[#reply + 1] = plan(checks, mutations, i + 3, k)
  i, k = i + 3 + size, k + checks + mutations
end
${write}
return reply
`)
