-- Prolongs the claim of the attempt ARGV[1] of a push, KEYS[1], for ARGV[2] milliseconds from
-- now, unless it has ended or there is a later one.
if redis.replicate_commands then redis.replicate_commands() end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stored = redis.call('HMGET', KEYS[1], 'attempt', 'status')
if stored[1] ~= ARGV[1] or stored[2] then return 0 end
redis.call('HSET', KEYS[1], 'until', string.format('%.0f', now + ARGV[2]))
return 1
