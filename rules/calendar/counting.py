"""How working-day deadlines are counted, beside the country's holidays: their end, their cut-off and their week."""

import re
from typing import Final, Literal, NamedTuple

from rules.calendar.instants import HOUR_MS

Ends = Literal["day"]
"""A deadline ends with the local day in which it lies."""

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class TimeOfDay(int):
    """A time by the local clock, in ms since midnight, written `14:00`."""

    @classmethod
    def parse(cls, text: object) -> "TimeOfDay":
        """Raises ValueError."""
        if isinstance(text, int):
            raise ValueError('write it in quotes, like "14:00": YAML takes it for a number otherwise')
        match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", str(text))
        if match is None:
            raise ValueError(f'{text!r} is no time of day; write it like "14:00"')
        return cls(int(match[1]) * HOUR_MS + int(match[2]) * 60_000)


class WorkingWeek(str):
    """The days of a week on which is worked, written `mon-sat`."""

    @property
    def days(self) -> tuple[int, ...]:
        """The days; 0 is Monday."""
        first, last = map(_DAYS.index, self.split("-"))
        return tuple(day % 7 for day in range(first, last + 1 if first <= last else last + 8))

    @classmethod
    def parse(cls, text: object) -> "WorkingWeek":
        """Raises ValueError."""
        if not isinstance(text, str) or not re.fullmatch(rf"({'|'.join(_DAYS)})-({'|'.join(_DAYS)})", text):
            raise ValueError(f"{text!r} is no working week; write it like mon-sat")
        return cls(text)


class Counting(NamedTuple):
    """`ends`: it ends with the local day. `cutoff`: what starts from that time of day on counts for the next working
    day. `week`: the days that are working days, in place of the country's."""

    ends: Ends | None = None
    cutoff: TimeOfDay | None = None
    week: WorkingWeek | None = None


PLAIN: Final = Counting()
