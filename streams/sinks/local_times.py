"""Instants in texts for people, as the time on the wall of some zone."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from rules.calendar.instants import from_rfc3339

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def local_times(text: str, zone: str, *, named: bool = False) -> str:
    """`text` with its instants as local times, to the minute; with `named`, the zone's name beside each."""

    def local(found: re.Match[str]) -> str:
        at = datetime.fromtimestamp(from_rfc3339(found[0]) / 1000, ZoneInfo(zone))
        return f"{at:%Y-%m-%d %H:%M} {zone}" if named else f"{at:%Y-%m-%d %H:%M}"

    return INSTANT.sub(local, text)
