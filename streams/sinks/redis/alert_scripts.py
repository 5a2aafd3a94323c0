"""What Redis runs in one step for the streams of alerts.

Redis may lose single keys: where it evicts, or somebody deletes one. So the hash READ has a field for each stream that
was written, and a stream that is not there though its field is was lost: then all partitions are read again. The hash
of a stream's revisions counts only while the stream is there.
"""

from typing import Any

from streams.sinks.redis.client import READ, answer

STREAM = "shipclock:alerts:"
REVISIONS = "shipclock:revisions:"
"""By warehouse: the stream of its alerts, and the hash of the last revision written of each."""

WRITTEN = "stream:"
"""A field of READ that begins with this names a stream that was written."""

_FORGET = """
local function forget(stream, revisions)
  redis.call('DEL', revisions)
  redis.call('HDEL', KEYS[1], 'stream:' .. stream)
  for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if string.sub(field, 1, 7) == 'alerts-' then redis.call('HDEL', KEYS[1], field) end
  end
end
"""

WRITE = (
    _FORGET
    + """
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return -1 end
for n = 2, #KEYS, 2 do
  local stream, revisions = KEYS[n], KEYS[n + 1]
  if redis.call('EXISTS', stream) == 0 then
    if redis.call('HEXISTS', KEYS[1], 'stream:' .. stream) == 1 then
      forget(stream, revisions)
      return -1
    end
    redis.call('DEL', revisions)
  end
  local at = 5 + (n - 2) / 2 * 3
  local alert, revision, event = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  if tonumber(revision) > tonumber(redis.call('HGET', revisions, alert) or 0) then
    redis.call('XADD', stream, 'MAXLEN', '~', ARGV[4], '*', 'event', event, 'alert', alert, 'revision', revision)
    redis.call('HSET', revisions, alert, revision)
    redis.call('HSET', KEYS[1], 'stream:' .. stream, 1)
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 0
"""
)
"""KEYS: READ, then stream and revisions of each entry. ARGV: the field of READ, what must stand in it and what shall,
the streams' length; then alert, revision and event of each entry. -1 where another value stands in the field, or a
stream was lost."""

_LOST = (
    _FORGET
    + """
if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('HEXISTS', KEYS[1], 'stream:' .. KEYS[2]) == 0 then return 0 end
forget(KEYS[2], KEYS[3])
return 1
"""
)
"""KEYS: READ, a stream, its revisions. Has all partitions read again if the stream was lost."""


async def forget_lost_streams(redis: Any) -> None:
    """Raises Unavailable or Rejected."""
    lost = redis.register_script(_LOST)
    for field in await answer(redis.hkeys(READ)):
        if field.startswith(WRITTEN):
            stream = field.removeprefix(WRITTEN)
            if not await answer(redis.exists(stream)):
                await answer(lost([READ, stream, REVISIONS + stream.removeprefix(STREAM)]))
