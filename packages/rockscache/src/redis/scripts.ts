import { RedisScript } from '@parlance/engines/redis'

/*
 * One hash per key, in the layout of Go's rockscache 0.1: `value`, `lockUntil` (seconds; 0 on a marked value), `lockOwner`.
 * No `lockUntil`: the value is fresh. An empty value is an absence. Ours beside them, which that client leaves alone:
 *   incarnation  run id of the server process that took the entry; under another one nothing of it is believed
 *   isEmpty      the value is one of no bytes, not an absence
 *   staleUntil   when a marked value ends, in ms: the hash itself must outlive it while a lease runs
 *   waiters      channels of the processes that wait for the lease to end
 * Owners of ours begin with `~`. Every hash has a time to live.
 */

/** `now` in ms, and the entry's fields; what another incarnation left is gone. */
const head = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local key, incarnation = KEYS[1], ARGV[1]
local fields = redis.call('HMGET', key, 'value', 'lockUntil', 'lockOwner', 'incarnation', 'isEmpty', 'staleUntil', 'waiters')
local value, lockUntil, owner, isEmpty, staleUntil, waiters = fields[1], tonumber(fields[2]), fields[3], fields[5], tonumber(fields[6]), fields[7]
if fields[4] and fields[4] ~= incarnation then
  redis.call('DEL', key)
  value, lockUntil, owner, isEmpty, staleUntil = false, nil, false, false, nil
end
local isLeased = lockUntil ~= nil and lockUntil * 1000 > now
if lockUntil ~= nil and value and (value == '' and not isEmpty or staleUntil and staleUntil <= now) then
  redis.call('HDEL', key, 'value', 'isEmpty', 'staleUntil')
  value, isEmpty, staleUntil = false, false, nil
end
`

/** When a value that is hidden ends; one that was hidden by the other client has no `staleUntil`. */
const staleEnd = `
local function endOfStale(atMost)
  if staleUntil then return staleUntil end
  local ttl = redis.call('PTTL', key)
  if ttl >= 0 and ttl < atMost then return now + ttl end
  return now + atMost
end
`

const wake = `
local function wake()
  if not waiters then return end
  redis.call('HDEL', key, 'waiters')
  for channel in string.gmatch(waiters, '%S+') do redis.call('PUBLISH', channel, key) end
end
`

/** ARGV: incarnation, owner, lease in ms. Answers the state, the value or stale value or false, isEmpty, and what is left of a lease in ms. */
export const probeScript = new RedisScript(`${head}${staleEnd}
if lockUntil == nil and value then return { 'hit', value, isEmpty } end
if isLeased then return { 'busy', value, isEmpty, math.ceil(lockUntil * 1000 - now) } end
local lease = tonumber(ARGV[3])
local life = lease
if value then
  staleUntil = endOfStale(lease)
  life = math.max(lease, staleUntil - now)
  redis.call('HSET', key, 'staleUntil', staleUntil)
end
redis.call('HSET', key, 'lockUntil', string.format('%.3f', (now + lease) / 1000), 'lockOwner', ARGV[2], 'incarnation', incarnation)
redis.call('PEXPIRE', key, life)
return { 'leased', value, isEmpty }
`)

/** ARGV: incarnation, owner, value, life in ms, isEmpty as 1 or 0. Answers whether it was stored. */
export const fillScript = new RedisScript(`${head}${wake}
if not isLeased or owner ~= ARGV[2] or fields[4] ~= incarnation then return 0 end
wake()
redis.call('HDEL', key, 'lockUntil', 'lockOwner', 'isEmpty', 'staleUntil')
redis.call('HSET', key, 'value', ARGV[3], 'incarnation', incarnation)
if ARGV[5] == '1' then redis.call('HSET', key, 'isEmpty', 1) end
redis.call('PEXPIRE', key, ARGV[4])
return 1
`)

/** ARGV: incarnation, owner. */
export const releaseScript = new RedisScript(`${head}${staleEnd}${wake}
if not isLeased or owner ~= ARGV[2] then return 0 end
wake()
local left = value and endOfStale(0) - now or 0
if left <= 0 then redis.call('DEL', key) return 1 end
redis.call('HDEL', key, 'lockOwner')
redis.call('HSET', key, 'lockUntil', 0)
redis.call('PEXPIRE', key, left)
return 1
`)

/** ARGV: incarnation, ms for which the value may serve as a stale one. */
export const markScript = new RedisScript(`${head}${staleEnd}${wake}
wake()
local left = value and (value ~= '' or isEmpty) and endOfStale(tonumber(ARGV[2])) - now or 0
if left <= 0 then redis.call('DEL', key) return 0 end
redis.call('HDEL', key, 'lockOwner')
redis.call('HSET', key, 'lockUntil', 0, 'staleUntil', now + left, 'incarnation', incarnation)
redis.call('PEXPIRE', key, left)
return 1
`)

/** ARGV: incarnation, channel. Answers 0 when there is no lease, 1 when its end will be told, 2 when its owner tells nobody. */
export const waitScript = new RedisScript(`${head}
if not isLeased then return 0 end
if not owner or string.sub(owner, 1, 1) ~= '~' then return 2 end
if not waiters then redis.call('HSET', key, 'waiters', ARGV[2])
elseif not string.find(waiters, ARGV[2], 1, true) then redis.call('HSET', key, 'waiters', waiters .. ' ' .. ARGV[2]) end
return 1
`)
