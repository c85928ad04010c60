-- ARGV: 1 the queue, 2 the owner, 3 the lease. Returns the oldest entry: its id, record,
-- attempt, and for how many milliseconds it has waited; nothing if there is none, or the
-- queue is another one's now.
may_be_full()
local head = redis.call('HGET', OWNERS, ARGV[1]) == ARGV[2] and turn_to_head(ARGV[1])
if not head then
  if redis.call('EXISTS', HEADS) == 0 then -- nothing waits: what was removed by hand counts no longer
    redis.call('DEL', WAITING)
    redis.call('HDEL', TOTALS, 'bytes')
    count(TOTALS, 'bytes', total('wasted'))
  end
  return {}
end
local id, fields = head[1], head[2]
local pending = redis.pcall('XPENDING', STREAM, GROUP, id, id, 1)
if pending.err then -- somebody has removed the group
  redis.call('XGROUP', 'CREATE', STREAM, GROUP, '0')
  pending = {}
end
local attempt = (pending[1] and pending[1][4] or tonumber(fields[4]) or 0) + 1
redis.call('XCLAIM', STREAM, GROUP, CONSUMER, 0, id, 'RETRYCOUNT', attempt, 'FORCE', 'JUSTID', 'LASTID', id)
lease_until(ARGV[1], now + ARGV[3])
return { id, fields[2], attempt, now - time_of(id) }
