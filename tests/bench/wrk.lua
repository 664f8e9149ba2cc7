-- Sends prepared requests of equal length from a file, from an offset on, and wraps around at its end.
local file, size
local bad = 0

function init(args)
  size = tonumber(args[2])
  file = io.open(args[1], "rb")
  file:seek("set", tonumber(args[3]) * size)
end

function request()
  local prepared = file:read(size)
  if not prepared or #prepared < size then
    file:seek("set", 0)
    prepared = file:read(size)
  end
  return prepared
end

function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %f %f\n", summary.requests, summary.duration, summary.errors.status + summary.errors.connect
    + summary.errors.read + summary.errors.write + summary.errors.timeout, latency:percentile(50.0) / 1000, latency:percentile(99.0) / 1000))
end
