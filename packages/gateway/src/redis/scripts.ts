import { RedisScript } from '@parlance/engines/redis'

/*
 * The nodes are one hash: run → JSON [name, address, end of the lease]. Times are the server's, in milliseconds.
 */
const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/** Announces a node and ends the lease of every other one of its name. KEYS nodes; ARGV run, name, address, leaseMs, channel. */
export const joinScript = new RedisScript(`${now}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local node = cjson.decode(all[i + 1])
  if node[1] == ARGV[2] and all[i] ~= ARGV[1] and node[3] > now then
    node[3] = 0
    redis.call('HSET', KEYS[1], all[i], cjson.encode(node))
    redis.call('PUBLISH', ARGV[5], 'left ' .. all[i])
  end
end
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode({ARGV[2], ARGV[3], now + tonumber(ARGV[4])}))
redis.call('PUBLISH', ARGV[5], 'joined ' .. ARGV[1])
return 1
`)

/**
 * Renews a lease. KEYS nodes; ARGV run, leaseMs, name. Answers 'renewed', 'lapsed', or 'taken' by another node of its name, which
 * may be all that is remembered by now: what ended is swept.
 */
export const renewScript = new RedisScript(`${now}
local own = redis.call('HGET', KEYS[1], ARGV[1])
if own then
  local node = cjson.decode(own)
  if node[3] > now then
    node[3] = now + tonumber(ARGV[2])
    redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(node))
    return 'renewed'
  end
end
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local other = cjson.decode(all[i + 1])
  if all[i] ~= ARGV[1] and other[1] == ARGV[3] and other[3] > now then return 'taken' end
end
return 'lapsed'
`)

/** Ends a lease. KEYS nodes; ARGV run, channel. */
export const leaveScript = new RedisScript(`
local own = redis.call('HGET', KEYS[1], ARGV[1])
if own then
  local node = cjson.decode(own)
  node[3] = 0
  redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(node))
end
redis.call('PUBLISH', ARGV[2], 'left ' .. ARGV[1])
return 1
`)

/** Every node that is remembered. KEYS nodes. Answers the time and the hash. */
export const nodesScript = new RedisScript(`${now}
return {tostring(now), redis.call('HGETALL', KEYS[1])}
`)

/** Forgets a node of which nothing is left, unless it lives again. KEYS nodes; ARGV run. */
export const forgetScript = new RedisScript(`${now}
local own = redis.call('HGET', KEYS[1], ARGV[1])
if own and cjson.decode(own)[3] <= now then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1
`)

/*
 * The sessions of a subject are one hash: id → 'order:run:data'. The order is the time of registering in microseconds,
 * above every other one of the subject.
 */

/** Adds a session. KEYS sessions; ARGV id, run, data, order or '', channel or ''. Answers its order and what was there before. */
export const registerScript = new RedisScript(`
local before = redis.call('HGETALL', KEYS[1])
local order = ARGV[4]
local highest = 0
for i = 1, #before, 2 do
  local own = string.match(before[i + 1], '^%d+')
  if before[i] == ARGV[1] then order = own end
  if tonumber(own) > highest then highest = tonumber(own) end
end
if order == '' then
  local time = redis.call('TIME')
  local now = time[1] * 1000000 + time[2]
  if now <= highest then now = highest + 1 end
  order = string.format('%.0f', now)
end
redis.call('HSET', KEYS[1], ARGV[1], order .. ':' .. ARGV[2] .. ':' .. ARGV[3])
if ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[5], '') end
return {order, before}
`)

/** Removes a session. KEYS sessions; ARGV id, channel. */
export const unregisterScript = new RedisScript(`
if redis.call('HDEL', KEYS[1], ARGV[1]) == 1 then redis.call('PUBLISH', ARGV[2], '') end
return 1
`)

/** Removes what a node that is gone left behind. KEYS sessions; ARGV run, channel. */
export const sweepScript = new RedisScript(`
local all = redis.call('HGETALL', KEYS[1])
local swept = 0
for i = 1, #all, 2 do
  if string.match(all[i + 1], '^%d+:([^:]*):') == ARGV[1] then
    redis.call('HDEL', KEYS[1], all[i])
    swept = swept + 1
  end
end
if swept > 0 then redis.call('PUBLISH', ARGV[2], '') end
return swept
`)
