"""Prints what a warehouse ships next, the most urgent first, or with `chase` the orders whose carrier to chase.

Usage: REDIS_URL=redis://… ship_next.py WAREHOUSE [chase]
"""

import os
import sys
from datetime import UTC, datetime

import redis

warehouse, *which = sys.argv[1:]
store = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)  # not an argument: `ps` would show it
now = datetime.now(UTC)
for order, due_ms in store.zrange(f"shipclock:{which[0] if which else 'due'}:{warehouse}", 0, -1, withscores=True):
    due = datetime.fromtimestamp(due_ms / 1000, UTC)
    print("OVERDUE" if due <= now else "       ", f"{due:%Y-%m-%d %H:%M}Z", order)
