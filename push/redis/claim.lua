-- Claims a push, KEYS[1], for the call named ARGV[1], which the client sends again if it is
-- not answered in time. ARGV: 2 the attempt whose end the caller has waited for, 3 for how
-- long a claim holds, 4 for how long all is known, in milliseconds. Returns whether the push
-- is the caller's, the attempt, what became of it (0 if that is not known), and the reply.
if redis.replicate_commands then redis.replicate_commands() end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stored = redis.call('HMGET', KEYS[1], 'attempt', 'by', 'until', 'status', 'reply')
local attempt, status = tonumber(stored[1]) or 0, tonumber(stored[4]) or 0
if attempt > 0 then
  if stored[2] == ARGV[1] and status == 0 then return { 1, attempt, 0, '' } end
  if status == 200 or status ~= 0 and attempt == tonumber(ARGV[2]) then return { 0, attempt, status, stored[5] or '' } end
  if status == 0 and now < (tonumber(stored[3]) or 0) then return { 0, attempt, 0, '' } end
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'attempt', attempt + 1, 'by', ARGV[1], 'until', string.format('%.0f', now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return { 1, attempt + 1, 0, '' }
