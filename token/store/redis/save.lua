-- Writes the record of a token unless another replica has stored a newer token
-- meanwhile. Returns 1 if it did and 0 if not, the time, what is stored now, and
-- why that was not announced, if it was not; or -1 and the time, if the writer is
-- mistaken about it or long gone; or -2, if the record is of a later version than his.
--
-- KEYS[1] is the record, a hash. All times are this server's, in Unix
-- milliseconds, but expires_at in seconds; 0 means never.
-- ARGV: 1 the time by the writer, 2 the generation that it knows, 3 the token,
-- then 4 expires_at, 5 fetched_at, 6 stands_until, 7 next_at, 8 forced_at,
-- 9 rotated_at, then 10 errcode, 11 errmsg, 12 failures, then what to add to 13
-- fetches and 14 forced, then 15 how long to keep the record, 16 the channel, 17
-- the announcement, then 18 the day by the writer, and how many 19 fetches and 20
-- forced of it he knows to be in the record: it has fewer if Redis lost its data; and 21
-- the version of the records that the writer knows.
--
-- Redis before 5 takes no write after TIME, unless a script asks for its writes to
-- be replicated instead of itself; before 3.2 it cannot ask.
if redis.replicate_commands then redis.replicate_commands() end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local time = string.format('%.0f', now)
if math.abs(now - ARGV[1]) > 1000 then return { -1, time, {}, '' } end

-- A key that somebody used for something else, and numbers that nobody writes
-- here, as times to come, count as missing: they would stand in the way for ever.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local stored, fields = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do stored[fields[i]] = fields[i + 1] end
local version = tonumber(stored.version)
if version and version > tonumber(ARGV[21]) then return { -2, time, {}, '' } end
local function number(field, largest)
  local n = tonumber(stored[field])
  return n and n >= 0 and n <= (largest or 2 ^ 43) and math.floor(n) or 0
end
local function past(field) return number(field, now + 1000) end
local function latest(field, given) return string.format('%.0f', math.max(past(field), given)) end

-- What was spent counts, whatever comes of the rest. WeChat's days are Beijing's.
local day = string.format('%.0f', math.floor((now / 1000 + 28800) / 86400))
local function count(field, known, added)
  local n = stored.day == day and number(field) or 0
  return (day == ARGV[18] and math.max(n, known) or n) + added
end
local function set(field, value) redis.call('HSET', KEYS[1], field, value) end -- one at a time: before Redis 4 there is no other way
set('version', ARGV[21])
set('day', day)
set('fetches', count('fetches', ARGV[19], ARGV[13]))
set('forced', count('forced', ARGV[20], ARGV[14]))
set('forced_at', latest('forced_at', ARGV[8]))
set('rotated_at', latest('rotated_at', ARGV[9]))
if stored.kept ~= '1' then redis.call('PEXPIRE', KEYS[1], ARGV[15]) end -- amend.lua says which are kept

-- Of two tokens the one that was asked for later is WeChat's.
local generation = number('generation')
local written = generation == tonumber(ARGV[2]) or past('fetched_at') < tonumber(ARGV[5])
local announced = {}
if written then
  generation = string.format('%.0f', math.max(generation, ARGV[2]) + 1)
  local given = { access_token = 3, expires_at = 4, fetched_at = 5, stands_until = 6, next_at = 7, errcode = 10, errmsg = 11, failures = 12 }
  set('generation', generation)
  for field, i in pairs(given) do set(field, ARGV[i]) end
  -- Who may not announce has written all the same; the others find it later.
  announced = redis.pcall('PUBLISH', ARGV[16], ARGV[17] .. ' ' .. generation)
end
local unsaid = type(announced) == 'table' and announced.err or ''
return { written and 1 or 0, time, redis.call('HGETALL', KEYS[1]), unsaid }
