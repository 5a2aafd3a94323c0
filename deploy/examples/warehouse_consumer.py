"""Prints what alerts ask of a warehouse, and takes it back once it is over; all there is to ship is in ship_next.py.

Usage: REDIS_URL=redis://… warehouse_consumer.py WAREHOUSE GROUP NAME"""

import json
import os
import sys
import time
from contextlib import suppress

import redis

if len(sys.argv) != 4 or "REDIS_URL" not in os.environ:
    sys.exit(__doc__.splitlines()[-1])
warehouse, group, name = sys.argv[1:]
store = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)  # not an argument: `ps` would show it
stream, told = f"shipclock:alerts:{warehouse}", f"shipclock:told:{warehouse}:{group}"


def work(alert: dict) -> None:
    data, order = alert["data"], alert.get("order", "-")
    asked = [action["do"] for action in data["actions"] if action["to"] == "warehouse"]
    if data["state"] != "open":
        if store.srem(told, data["alert"]):
            print("no longer", order, "-", data["summary"], flush=True)
    elif asked and not store.sismember(told, data["alert"]):
        print(*asked, order, "until", data["due_at"], flush=True)
        store.sadd(told, data["alert"])


after, newest, read = "0", {}, []  # first what it had taken and not acknowledged, then what is new
while True:
    try:
        ((_, entries),) = store.xreadgroup(group, name, {stream: after}, count=500, block=2_000) or [(stream, [])]
        read += [entry for entry, _ in entries]
        newest |= {fields["alert"]: fields["event"] for _, fields in entries if fields}  # none where it was cut off
        if after != ">":
            after = entries[-1][0] if entries else ">"
        elif read and len(entries) < 500:  # the stream is a log: only what is newest at its end counts
            for event in newest.values():
                work(json.loads(event))  # may come twice: alert and revision tell
            store.xack(stream, group, *read)
            newest, read = {}, []
    except redis.ResponseError as error:  # the group is not there: the first start, or Redis has lost everything
        if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
            raise
        with suppress(redis.ResponseError):  # another consumer may be first
            store.xgroup_create(stream, group, id="0", mkstream=True)
    except (redis.ConnectionError, redis.TimeoutError) as error:
        print(f"Redis is away, trying again: {error}", file=sys.stderr, flush=True)
        time.sleep(2)
