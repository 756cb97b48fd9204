#!lua
-- Maximum of the stored cursor and a new one. Both are decimal text without leading zeros: a Lua number
-- holds 53 bits, a sequence 64.
-- KEYS: cursor (string)
-- ARGV: sequence
local stored = redis.call('GET', KEYS[1]) or '0'
local new = ARGV[1]
if #new > #stored or (#new == #stored and new > stored) then
  redis.call('SET', KEYS[1], new)
end
return 1
