-- Returns the time and the record of a token, KEYS[1].
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local fields = redis.pcall('HGETALL', KEYS[1])
if fields.err then return fields end -- with its own code, in every version of Redis
return { 0, string.format('%.0f', now), fields, '' }
