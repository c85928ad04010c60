-- ARGV: 1 the owner, how many queues that are 2 fresh and 3 again, 4 the lease. Returns
-- those of either kind, and in how many milliseconds the next is due, or -1.
may_be_full()
local function lease(key, most)
  local queues = redis.call('ZRANGEBYSCORE', key, '-inf', whole(now), 'LIMIT', 0, most)
  for _, queue in ipairs(queues) do
    redis.call('ZADD', key, whole(now + ARGV[4]), queue)
    redis.call('HSET', OWNERS, queue, ARGV[1])
  end
  return queues
end
local fresh, again, wait = lease(DUE, ARGV[2]), lease(AGAIN, ARGV[3]), -1
for key, most in pairs({ [DUE] = ARGV[2], [AGAIN] = ARGV[3] }) do
  local soonest = redis.call('ZRANGEBYSCORE', key, '(' .. whole(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if tonumber(most) > 0 and soonest[2] and (wait < 0 or soonest[2] - now < wait) then wait = soonest[2] - now end
end
return { fresh, again, wait }
