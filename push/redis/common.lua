-- What the scripts of the inbox share. All of them have the same keys, in one slot of a
-- cluster. Times are this server's, in Unix milliseconds.
--
-- A queue is a stream of a consumer group, of which the oldest entry alone is pending; its
-- delivery count is that of the attempts. Whoever is the owner of a queue has a lease,
-- which ends at its score in due or again.
local DUE, AGAIN, OWNERS, FAILURES, HEADS, TOTALS, WAITING = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local FAILED, FAILED_COUNTS, FAILED_META, FAILED_RECORDS, STREAM = KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local GROUP, CONSUMER = 'wxproxy', 'wxproxy'

-- Redis before 7 takes no write after TIME, unless a script asks for its writes to be
-- replicated instead of itself.
if redis.replicate_commands then redis.replicate_commands() end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function whole(n) return string.format('%.0f', n) end
local function time_of(id) return tonumber(string.match(id, '^%d+')) end
local function account_of(queue) return string.sub(queue, 1, -18) end -- without the colon and the hash

-- A Redis that is full refuses what takes memory, but not after the first write of a
-- script: what gives memory back begins with one that does nothing.
local function may_be_full() redis.call('HDEL', OWNERS, '') end

-- Adds to a number, and forgets it when it is none.
local function count(key, field, added)
  if tonumber(redis.call('HINCRBY', key, field, added)) <= 0 then redis.call('HDEL', key, field) end
end

local function total(field) return tonumber(redis.call('HGET', TOTALS, field)) or 0 end

local function lease_until(queue, score)
  local key = redis.call('ZSCORE', AGAIN, queue) and AGAIN or DUE
  redis.call('ZADD', key, whole(score), queue)
end

-- Notes what the oldest entry of a queue is now, if there is one.
local function turn_to_head(queue)
  local head = redis.call('XRANGE', STREAM, '-', '+', 'COUNT', 1)[1]
  if head then
    redis.call('ZADD', HEADS, time_of(head[1]), queue)
    return head
  end
  redis.call('DEL', STREAM)
  redis.call('ZREM', DUE, queue)
  redis.call('ZREM', AGAIN, queue)
  redis.call('ZREM', HEADS, queue)
  redis.call('HDEL', OWNERS, queue)
  redis.call('HDEL', FAILURES, queue)
end

local function append(queue, record, attempts)
  local id = redis.call('XADD', STREAM, '*', 'record', record, 'attempts', attempts)
  if redis.call('XLEN', STREAM) == 1 then
    redis.pcall('XGROUP', 'CREATE', STREAM, GROUP, '0')
    redis.call('ZADD', HEADS, time_of(id), queue)
  end
  if not redis.call('ZSCORE', DUE, queue) and not redis.call('ZSCORE', AGAIN, queue) then
    redis.call('ZADD', DUE, whole(now), queue)
  end
  count(WAITING, account_of(queue), 1)
end

-- Takes an entry out of its stream, and returns its record, if it was there.
local function take_out(queue, id)
  local entry = redis.call('XRANGE', STREAM, id, id)[1]
  redis.call('XACK', STREAM, GROUP, id)
  redis.call('HDEL', FAILURES, queue)
  if not entry then return nil end
  redis.call('XDEL', STREAM, id)
  count(WAITING, account_of(queue), -1)
  turn_to_head(queue)
  return entry[2][2]
end

-- Takes a failed one out of the list, and returns its record.
local function take_failed(member)
  local record = redis.call('HGET', FAILED_RECORDS, member)
  local meta = redis.call('HGET', FAILED_META, member)
  redis.call('ZREM', FAILED, member)
  redis.call('HDEL', FAILED_META, member)
  redis.call('HDEL', FAILED_RECORDS, member)
  if record then count(TOTALS, 'wasted', -#record) end
  if meta then count(FAILED_COUNTS, cjson.decode(meta).account, -1) end
  return record
end

-- Removes the oldest failed one.
local function drop_failed()
  local oldest = redis.call('ZRANGE', FAILED, 0, 0)[1]
  if not oldest then return false end
  local record = take_failed(oldest)
  if record then count(TOTALS, 'bytes', -#record) end
  return true
end
