-- Notes changes of a platform's records in a ring, KEYS[1], a hash: "last" is the number of the
-- newest one, and each has the place of its number modulo the size of the ring.
--
-- ARGV: 1 the size, 2 how many numbers to leave out, so that who reads finds that changes are
-- lost, then each change.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local last = tonumber(redis.call('HGET', KEYS[1], 'last') or nil) or 0
last = last + ARGV[2]
for i = 3, #ARGV do
  last = last + 1
  redis.call('HSET', KEYS[1], string.format('%.0f', last % ARGV[1]), string.format('%.0f ', last) .. ARGV[i])
end
if #ARGV > 2 then redis.call('HSET', KEYS[1], 'last', string.format('%.0f', last)) end
return 1
