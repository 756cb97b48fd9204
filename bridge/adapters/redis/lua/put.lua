#!lua
-- Compare-and-set of one record, with its lane's indexes. All keys are of one lane, so of one Cluster slot.
-- KEYS: record (hash), open index (sorted set), recent index (sorted set)
-- ARGV: expected version, next version, body, index member, lock time (unix s), '1' if nothing is left to do
-- Returns 1 if written, 0 if another version is stored.
-- An open record is indexed before it is written, and taken off only after.
local stored = redis.call('HGET', KEYS[1], 'version') or '0'
if stored ~= ARGV[1] then
  return 0
end
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[4])
if ARGV[6] ~= '1' then
  redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'body', ARGV[3])
if ARGV[6] == '1' then
  redis.call('ZREM', KEYS[2], ARGV[4])
end
return 1
