-- Changes fields of a record unless another replica has written it meanwhile, and keeps
-- it until somebody removes it. Returns 1 if it did and 0 if not, the time, what is stored now, and
-- why that was not announced, if it was not; or -1 and the time, if the writer is
-- mistaken about it or long gone; or -2, if the record is of a later version than his.
--
-- KEYS[1] is the record, a hash. ARGV: 1 the time by the writer in Unix milliseconds,
-- 2 the generation that he changed, 3 the version of the records that he knows, 4 the
-- channel, 5 the announcement, then each field and its value.
if redis.replicate_commands then redis.replicate_commands() end -- as in save.lua
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local time = string.format('%.0f', now)
if math.abs(now - ARGV[1]) > 1000 then return { -1, time, {}, '' } end

local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[1]) end
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or nil)
if version and version > tonumber(ARGV[3]) then return { -2, time, {}, '' } end
local generation = tonumber(redis.call('HGET', KEYS[1], 'generation') or nil)
generation = generation and generation >= 0 and generation <= 2 ^ 43 and math.floor(generation) or 0
if generation ~= tonumber(ARGV[2]) then return { 0, time, redis.call('HGETALL', KEYS[1]), '' } end

local function set(field, value) redis.call('HSET', KEYS[1], field, value) end
generation = string.format('%.0f', generation + 1)
set('version', ARGV[3])
set('generation', generation)
set('kept', '1')
for i = 6, #ARGV, 2 do set(ARGV[i], ARGV[i + 1]) end
redis.call('PERSIST', KEYS[1])
local announced = redis.pcall('PUBLISH', ARGV[4], ARGV[5] .. ' ' .. generation)
local unsaid = type(announced) == 'table' and announced.err or ''
return { 1, time, redis.call('HGETALL', KEYS[1]), unsaid }
