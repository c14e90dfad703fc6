/**
 * What scripts share, as text to start them with.
 *
 * @since 0.1.0
 */

/** `batched(n, f)`: calls `f` with the bounds of the slices of a list; Lua's stack has no room for more at once. */
export const batched = `
local function batched(n, f)
  for from = 1, n, 1000 do f(from, math.min(from + 999, n)) end
end
`

/**
 * `nowMs`, and `last`: the version to exceed, which is the counter's or, where that was lost or lags behind, the server's
 * time in microseconds. Wants `counter`, what lies there or false.
 */
export const clock = `
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
local last = math.max(tonumber(counter or 0) or 0, time[1] * 1000000 + time[2] - 1)
`

/**
 * `digits(n)`: a whole number as text, exactly: `tostring` would turn large ones into 9.007199254741e+15. It is printed in
 * two parts, which fit 32 bits each, because `%.0f` takes the server twice as long.
 */
export const digits = `
local function digits(n)
  if n < 0 then return '-' .. digits(-n) end
  if n < 10000000 then return string.format('%d', n) end
  local high = math.floor(n / 10000000)
  return string.format('%d%07d', high, n - high * 10000000)
end
`

/**
 * `headOf(key)`: the first 96 bytes of a string, which tell all of an entry but its payload; false if there is none, or
 * something else.
 */
export const headOf = `
local function headOf(key)
  local head = redis.pcall('GETRANGE', key, 0, 95)
  if type(head) ~= 'string' then return false end
  return (head ~= '' or redis.call('EXISTS', key) == 1) and head
end
`
