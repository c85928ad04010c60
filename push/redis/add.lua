-- ARGV: 1 the queue, 2 the record, 3 the limit of all bytes, 4 for how long KEYS[13] says
-- that the push was added. Returns 1, or 0 if there is no room, and how many failed ones
-- had to go.
local size, limit = #ARGV[2], tonumber(ARGV[3])
if redis.call('EXISTS', KEYS[13]) == 1 then return { 1, 0 } end
if total('bytes') - total('wasted') + size > limit then return { 0, 0 } end
redis.call('SET', KEYS[13], 1, 'PX', ARGV[4])
local dropped = 0
while total('bytes') + size > limit and drop_failed() do dropped = dropped + 1 end
append(ARGV[1], ARGV[2], 0)
count(TOTALS, 'bytes', size)
return { 1, dropped }
