-- ARGV: 1 the owner, 2 the lease, then queues. Returns those that are another one's now.
may_be_full()
local lost = {}
for i = 3, #ARGV do
  if redis.call('HGET', OWNERS, ARGV[i]) == ARGV[1] then
    lease_until(ARGV[i], now + ARGV[2])
  else
    lost[#lost + 1] = ARGV[i]
  end
end
return lost
