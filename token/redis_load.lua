-- Returns the time and the record of a token, KEYS[1].
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
return { 0, string.format('%.0f', now), redis.call('HGETALL', KEYS[1]) }
