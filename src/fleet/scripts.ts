/** Lua scripts that Valkey runs atomically. */

/**
 * A key of the wrong type, or one that holds no number where a number is needed or the greatest one, would stop sharing until someone deletes it.
 * So it is deleted and recreated, and its name is recorded for the gateways to report.
 */
const safely = `
local function safely(key, ...)
  local reply = redis.pcall(...)
  if type(reply) ~= 'table' or not reply.err then return reply end
  if not (string.find(reply.err, 'WRONGTYPE') or string.find(reply.err, 'not an integer') or string.find(reply.err, 'not a valid float')
    or string.find(reply.err, 'would overflow')) then
    error(reply.err)
  end
  redis.call('DEL', key)
  redis.call('SET', string.match(key, '^{[^}]*}:') .. 'repaired', key, 'PX', 3600000)
  return redis.call(...)
end
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
`;

/**
 * Stores a ban if it supersedes the known one. KEYS: the ban, the index, the log of changes. ARGV: the ban as JSON, `changed`,
 * `until`, when it is forgotten, the channel (empty: do not publish), the prefix, how far in the future a decision may be
 * dated, how long changes are logged. Replies -1 to a ban dated further ahead. A stored ban dated further ahead is replaced by
 * any other, or nobody could lift it.
 *
 * The index lets a gateway find all bans without scanning keys of other programs.
 */
export const putBan = `${safely}
local time = now()
local latest = time + ARGV[7]
local new = tonumber(ARGV[2])
if new > latest then return -1 end
local known = safely(KEYS[1], 'HMGET', KEYS[1], 'changed', 'until')
local old = tonumber(known[1] or '')
if old and old <= latest then
  if new < old or (new == old and tonumber(ARGV[3]) <= (tonumber(known[2] or '') or 0)) then
    safely(KEYS[2], 'ZADD', KEYS[2], 'NX', ARGV[4], ARGV[6])
    return 0
  end
end
redis.call('HSET', KEYS[1], 'ban', ARGV[1], 'changed', ARGV[2], 'until', ARGV[3])
redis.call('PEXPIREAT', KEYS[1], ARGV[4])
safely(KEYS[2], 'ZADD', KEYS[2], ARGV[4], ARGV[6])
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', time, 'LIMIT', 0, 16)
if #gone > 0 then redis.call('ZREM', KEYS[2], unpack(gone)) end
redis.call('PEXPIREAT', KEYS[2], ARGV[4], 'NX')
redis.call('PEXPIREAT', KEYS[2], ARGV[4], 'GT')
if ARGV[5] == '' then return 1 end
safely(KEYS[3], 'ZADD', KEYS[3], time, ARGV[6])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', time - ARGV[8])
redis.call('PEXPIRE', KEYS[3], ARGV[8])
redis.call('PUBLISH', ARGV[5], ARGV[1])
return 1
`;

/** Reads records. KEYS: the bans. Replies with their texts; false: missing; empty: not a ban. */
export const readBans = `${safely}
local texts = {}
for i, key in ipairs(KEYS) do
  local text = redis.pcall('HGET', key, 'ban')
  if type(text) == 'table' then
    texts[i] = ''
  elseif text then
    texts[i] = text
  else
    texts[i] = redis.call('EXISTS', key) == 1 and ''
  end
end
return texts
`;

/** Compares records. KEYS: the index, the bans. ARGV: how far in the future a decision may be dated; prefix and `changed` of each. */
export const compare = `${safely}
local latest = now() + ARGV[1]
local replies = {}
for i = 2, #KEYS do
  local theirs = tonumber(safely(KEYS[i], 'HGET', KEYS[i], 'changed') or '')
  local mine = tonumber(ARGV[i * 2 - 1])
  if not theirs or theirs < mine or theirs > latest or not safely(KEYS[1], 'ZSCORE', KEYS[1], ARGV[i * 2 - 2]) then
    replies[i - 1] = 1
  elseif theirs > mine then
    replies[i - 1] = 2
  else
    replies[i - 1] = 0
  end
end
return replies
`;

/** Deletes records whose text is unchanged. KEYS: the index, the changes, the bans. ARGV: prefix and text of each. */
export const dropBans = `${safely}
for i = 3, #KEYS do
  local prefix, text = ARGV[i * 2 - 5], ARGV[i * 2 - 4]
  local found = redis.pcall('HGET', KEYS[i], 'ban')
  if type(found) == 'table' or not found or found == text then
    redis.call('PEXPIRE', KEYS[i], 60000)
    safely(KEYS[1], 'ZREM', KEYS[1], prefix)
    safely(KEYS[2], 'ZREM', KEYS[2], prefix)
  end
end
return 1
`;

/**
 * Announces a gateway. KEYS: the epoch, the index, when gateways were seen, their descriptions. ARGV: an epoch in case there is
 * none, the gateway, its description, how long a silent gateway is remembered, how long it counts as live. One seen in the future is
 * forged, or the clock was set back: a live one announces itself again.
 */
export const pulse = `${safely}
local time = now()
local epoch = safely(KEYS[1], 'GET', KEYS[1])
if not epoch then
  epoch = ARGV[1]
  redis.call('SET', KEYS[1], epoch)
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
safely(KEYS[3], 'ZADD', KEYS[3], time, ARGV[2])
safely(KEYS[4], 'HSET', KEYS[4], ARGV[2], ARGV[3])
local function forget(first, last)
  local gone = redis.call('ZRANGEBYSCORE', KEYS[3], first, last, 'LIMIT', 0, 16)
  if #gone > 0 then
    redis.call('ZREM', KEYS[3], unpack(gone))
    redis.call('HDEL', KEYS[4], unpack(gone))
  end
end
forget('-inf', time - ARGV[4])
forget(time + ARGV[5], '+inf')
redis.call('PEXPIRE', KEYS[3], ARGV[4])
redis.call('PEXPIRE', KEYS[4], ARGV[4])
local repaired = redis.pcall('GET', string.match(KEYS[1], '^{[^}]*}:') .. 'repaired')
return {epoch, safely(KEYS[2], 'ZCARD', KEYS[2]), time, redis.call('ZCOUNT', KEYS[3], time - ARGV[5], '+inf'), repaired}
`;

/** Claims a task for one gateway. KEYS: the task. ARGV: the gateway, for how long. */
export const claim = `${safely}
local holder = safely(KEYS[1], 'GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** Adds to counters. KEYS: the counters. ARGV: the increase and the lifetime of each. */
export const count = `${safely}
local totals = {}
for i, key in ipairs(KEYS) do
  local by = tonumber(ARGV[i * 2 - 1])
  totals[i] = safely(key, 'INCRBY', key, by)
  if totals[i] == by then redis.call('PEXPIRE', key, ARGV[i * 2]) end
end
return totals
`;

/**
 * Adds a strike. KEYS: the strikes against one prefix. ARGV: time, id, length of the window, the threshold, the time of the last
 * decision on the client, before which strikes no longer count.
 */
export const strike = `${safely}
safely(KEYS[1], 'ZREMRANGEBYSCORE', KEYS[1], '-inf', math.max(ARGV[1] - ARGV[3], ARGV[5]))
redis.call('ZADD', KEYS[1], 'NX', ARGV[1], ARGV[2])
local strikes = redis.call('ZCARD', KEYS[1])
if strikes >= tonumber(ARGV[4]) then redis.call('DEL', KEYS[1])
else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return strikes
`;

/**
 * Appends events. KEYS: the stream, the last number of this source. ARGV: source, number of the first event, length of the
 * stream, lifetime of stream and number, the events.
 */
export const append = `${safely}
local known = tonumber(safely(KEYS[2], 'GET', KEYS[2]) or '') or 0
local number = tonumber(ARGV[2]) - 1
for i = 5, #ARGV do
  number = number + 1
  if number > known then
    safely(KEYS[1], 'XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'source', ARGV[1], 'event', ARGV[i])
  end
end
if number > known then redis.call('SET', KEYS[2], number) end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return number
`;
