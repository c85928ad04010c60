-- ARGV: 1 the queue, 2 the id of an entry, 3 its name as a failed one, 4 what to tell of it,
-- 5 how many failed ones there may be. Returns how many had to go.
may_be_full()
local record, dropped = take_out(ARGV[1], ARGV[2]), 0
if not record then return 0 end
redis.call('ZADD', FAILED, whole(now), ARGV[3])
redis.call('HSET', FAILED_META, ARGV[3], ARGV[4])
redis.call('HSET', FAILED_RECORDS, ARGV[3], record)
count(FAILED_COUNTS, account_of(ARGV[1]), 1)
count(TOTALS, 'wasted', #record)
while redis.call('ZCARD', FAILED) > tonumber(ARGV[5]) and drop_failed() do dropped = dropped + 1 end
return dropped
