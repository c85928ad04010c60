-- What wrk sends and what it prints. The folder $BENCH_CALLS has calls.txt, a path
-- and a key in each line, and body, the body of all requests.
local folder = os.getenv("BENCH_CALLS")

local file = assert(io.open(folder .. "/body", "rb"))
wrk.method, wrk.body = "POST", file:read("*a")
file:close()
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "*/*"
wrk.headers["User-Agent"] = "bench"

local calls = {}
for line in io.lines(folder .. "/calls.txt") do
  local path, key = line:match("^(%S+) (%S+)$")
  calls[#calls + 1] = { path = path, key = key ~= "-" and "Bearer " .. key or nil }
end

wrk.path, wrk.headers["Authorization"] = calls[1].path, calls[1].key

-- Without a function `request`, wrk makes the request once and never asks again.
if os.getenv("BENCH_TURNS") == "1" then
  local requests, turn = {}, 0
  function init()
    for i, call in ipairs(calls) do
      wrk.headers["Authorization"] = call.key
      requests[i] = wrk.format(nil, call.path)
    end
  end
  function request()
    turn = turn % #requests + 1
    return requests[turn]
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format("bench %d %d %d %d %d %d\n", summary.requests,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    summary.duration, latency:percentile(50), latency:percentile(99), latency:percentile(99.9)))
end
