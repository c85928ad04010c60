-- Returns the number of the newest change in the ring of note.lua, KEYS[1], the change that the
-- reader knows as the newest, and those after it.
--
-- ARGV: 1 the size, 2 the number of the change that the reader knows; below zero: none, and the
-- newest one is meant, 3 how many changes are returned at most.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' then return { '0', '' } end
local function change(number) return redis.call('HGET', KEYS[1], string.format('%.0f', number % ARGV[1])) or '' end
local last, known = tonumber(redis.call('HGET', KEYS[1], 'last') or nil) or 0, tonumber(ARGV[2])
if known < 0 then known = last end
local answer = { string.format('%.0f', last), known > 0 and change(known) or '' }
for number = known + 1, math.min(last, known + ARGV[3]) do answer[#answer + 1] = change(number) end
return answer
