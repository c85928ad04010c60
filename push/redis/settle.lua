-- Notes what became of the attempt ARGV[1] of a push, KEYS[1], unless there is a later one.
-- ARGV: 2 the status, 3 the reply, 4 for how long that is known, in milliseconds.
local attempt = tonumber(redis.call('HGET', KEYS[1], 'attempt')) or 0
if attempt > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'attempt', ARGV[1], 'status', ARGV[2], 'reply', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
