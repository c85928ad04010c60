-- ARGV: 1 the queue, 2 the name of a failed one, 3 how often it was tried. Puts it at the
-- end of its queue, and returns whether it was there.
may_be_full()
local record = take_failed(ARGV[2])
if record then append(ARGV[1], record, ARGV[3]) end
return record and 1 or 0
