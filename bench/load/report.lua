-- For wrk -s: one line of JSON with exact numbers after the run, and the requests where they are more than a URL.
-- Arguments behind wrk's `--`, NAME=VALUE each:
--   requests=FILE  the bytes of the requests, a NUL behind each; one alone is sent again and again on wrk's fast path
--   order=random|sequence  which of several requests is next: drawn, or in turn
--   pause=MILLISECONDS  every connection pauses that long on average before each request, so that the latency seen is the
--                       server's and not that of a queue this client filled

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\n@{"durationUs":%d,"requests":%d,"bytes":%.0f,"p50Us":%d,"p99Us":%d,"badStatus":%d,"socketErrors":%d,"timeouts":%d}\n',
    summary.duration, summary.requests, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write, e.timeout))
end

local function read(name)
  local list = {}
  local file = assert(io.open(name, 'rb'))
  for text in file:read('*a'):gmatch('([^%z]+)%z') do list[#list + 1] = text end
  file:close()
  return list
end

function init(args)
  local given = {}
  for _, word in ipairs(args) do
    local name, value = word:match('^(%w+)=(.*)$')
    if name then given[name] = value end
  end
  local pause = tonumber(given.pause)
  if pause then
    function delay() return math.random(1, 2 * pause) end
  end
  if not given.requests then return end
  local list = read(given.requests)
  local count = #list
  wrk.format = function() return list[1] end
  if count == 1 then return end
  -- A global request() is what makes wrk ask before each request: it only looks one up.
  if given.order == 'random' then
    math.randomseed(os.time())
    local random = math.random
    function request() return list[random(count)] end
  else
    local last = 0
    function request()
      last = last % count + 1
      return list[last]
    end
  end
end
