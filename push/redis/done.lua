-- ARGV: 1 the queue, 2 the id of an entry that was delivered.
may_be_full()
local record = take_out(ARGV[1], ARGV[2])
if record then count(TOTALS, 'bytes', -#record) end
return record and 1 or 0
