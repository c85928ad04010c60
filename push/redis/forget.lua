-- Removes failed ones that are older than ARGV[1], up to ARGV[2] of them.
may_be_full()
local old = redis.call('ZRANGEBYSCORE', FAILED, '-inf', whole(now - ARGV[1]), 'LIMIT', 0, ARGV[2])
for _ = 1, #old do drop_failed() end
return #old
