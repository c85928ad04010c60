-- ARGV: 1 the queue, 2 the owner, 3 the id of the entry that was not sent, 4 how many attempts
-- were made without this one.
if redis.call('HGET', OWNERS, ARGV[1]) ~= ARGV[2] then return 0 end
may_be_full()
redis.call('XCLAIM', STREAM, GROUP, CONSUMER, 0, ARGV[3], 'RETRYCOUNT', ARGV[4], 'JUSTID')
return 1
