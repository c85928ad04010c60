-- Has queues that rest be due: ARGV[2] of them, from the place ARGV[1] on. Returns how many
-- were looked at, and how many of them have an owner.
may_be_full()
local queues, owned = redis.call('ZRANGEBYSCORE', AGAIN, '(' .. whole(now), '+inf', 'LIMIT', ARGV[1], ARGV[2]), 0
for _, queue in ipairs(queues) do
  if redis.call('HEXISTS', OWNERS, queue) == 1 then
    owned = owned + 1
  else
    redis.call('ZADD', AGAIN, whole(now), queue)
    redis.call('HDEL', FAILURES, queue)
  end
end
return { #queues, owned }
