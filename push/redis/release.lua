-- ARGV: 1 the queue, 2 the owner, 3 whether an attempt failed, then the pauses.
if redis.call('HGET', OWNERS, ARGV[1]) ~= ARGV[2] then return 0 end
may_be_full()
redis.call('HDEL', OWNERS, ARGV[1])
if ARGV[3] == '1' then
  local failures = redis.call('HINCRBY', FAILURES, ARGV[1], 1)
  redis.call('ZREM', DUE, ARGV[1])
  redis.call('ZADD', AGAIN, whole(now + ARGV[math.min(3 + failures, #ARGV)]), ARGV[1])
else
  redis.call('ZREM', AGAIN, ARGV[1])
  redis.call('ZADD', DUE, whole(now), ARGV[1])
end
return 1
