/** What Valkey does in one step. Effects and replies are the same whatever else runs beside. */

/**
 * A ban, where it supersedes what is there. KEYS: the ban, the index. ARGV: the ban as JSON, `changed`, `until`, when it is
 * forgotten, the channel, the prefix, how far ahead of this clock a decision may be. Replies -1 to one that is further ahead;
 * one that is there already gives way to any other: else nobody could take it back.
 *
 * The index is there so that a gateway finds all bans without walking through keys that are not ours.
 */
export const putBan = `
local time = redis.call('TIME')
local latest = time[1] * 1000 + ARGV[7]
local new = tonumber(ARGV[2])
if new > latest then return -1 end
local known = redis.call('HMGET', KEYS[1], 'changed', 'until')
local old = tonumber(known[1] or '')
if old and old <= latest then
  if new < old or (new == old and tonumber(ARGV[3]) <= (tonumber(known[2] or '') or 0)) then return 0 end
end
redis.call('HSET', KEYS[1], 'ban', ARGV[1], 'changed', ARGV[2], 'until', ARGV[3])
redis.call('PEXPIREAT', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[6])
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', time[1] * 1000, 'LIMIT', 0, 16)
if #gone > 0 then redis.call('ZREM', KEYS[2], unpack(gone)) end
redis.call('PEXPIREAT', KEYS[2], ARGV[4], 'NX')
redis.call('PEXPIREAT', KEYS[2], ARGV[4], 'GT')
redis.call('PUBLISH', ARGV[5], ARGV[1])
return 1
`;

/** Counters. KEYS: the counters. ARGV: for each what to add and how long it lives. */
export const count = `
local totals = {}
for i, key in ipairs(KEYS) do
  local by = tonumber(ARGV[i * 2 - 1])
  totals[i] = redis.call('INCRBY', key, by)
  if totals[i] == by then redis.call('PEXPIRE', key, ARGV[i * 2]) end
end
return totals
`;

/** A strike. KEYS: the strikes against one prefix. ARGV: time, id, length of the window, how many are enough. */
export const strike = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ARGV[3])
redis.call('ZADD', KEYS[1], 'NX', ARGV[1], ARGV[2])
local strikes = redis.call('ZCARD', KEYS[1])
if strikes >= tonumber(ARGV[4]) then redis.call('DEL', KEYS[1])
else redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return strikes
`;

/**
 * Events. KEYS: the stream, the last number of this source. ARGV: source, number of the first event, length of the stream,
 * how long stream and number live, the events.
 */
export const append = `
local known = tonumber(redis.call('GET', KEYS[2]) or 0)
local number = tonumber(ARGV[2]) - 1
for i = 5, #ARGV do
  number = number + 1
  if number > known then
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'source', ARGV[1], 'event', ARGV[i])
  end
end
if number > known then redis.call('SET', KEYS[2], number) end
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return number
`;
