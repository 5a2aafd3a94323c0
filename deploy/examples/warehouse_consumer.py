"""Prints what alerts ask of a warehouse; all there is to ship is in ship_next.py.

Usage: REDIS_URL=redis://… warehouse_consumer.py WAREHOUSE GROUP NAME"""

import json
import os
import sys
from contextlib import suppress

import redis


def work(alert: dict) -> None:
    for action in alert["data"]["actions"]:
        if action["to"] == "warehouse" and alert["data"]["state"] == "open":
            print(action["do"], alert.get("order", "-"), "until", alert["data"]["due_at"], flush=True)


warehouse, group, name = sys.argv[1:]
store = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)  # not an argument: `ps` would show it
stream, after = f"shipclock:alerts:{warehouse}", "0"
while True:
    try:
        ((_, entries),) = store.xreadgroup(group, name, {stream: after}, count=100, block=2_000) or [(stream, [])]
        for entry, fields in entries:
            if fields:  # none where it has been cut off meanwhile
                work(json.loads(fields["event"]))  # may come twice: alert and revision tell
            store.xack(stream, group, entry)
        after = after if entries else ">"  # first what it had taken and not acknowledged, then what is new
    except redis.ResponseError as error:  # the group is not there: the first start, or Redis has lost everything
        if not str(error).startswith(("NOGROUP", "UNBLOCKED")):
            raise
        with suppress(redis.ResponseError):  # another consumer may be first
            store.xgroup_create(stream, group, id="0", mkstream=True)
