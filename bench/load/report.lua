-- For wrk -s: one line of JSON with exact numbers after the run. It defines no request(), so wrk stays on its fast path.
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\n@{"durationUs":%d,"requests":%d,"bytes":%.0f,"p50Us":%d,"p99Us":%d,"badStatus":%d,"socketErrors":%d,"timeouts":%d}\n',
    summary.duration, summary.requests, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.status, e.connect + e.read + e.write, e.timeout))
end

-- With `-- MILLISECONDS` at the end of wrk's command line every connection pauses that long before each request, so that
-- the latency seen is the server's and not that of a queue this client filled.
local pause
function init(args)
  pause = tonumber(args[1])
  if pause then
    function delay()
      return math.random(1, 2 * pause)
    end
  end
end
