"""Ceilings on the number of shops and orders that one engine knows, so that events of ever new ones can't fill the
memory."""

from typing import Final, NamedTuple

from rules.calendar.instants import NEVER
from rules.messages.bad_events import BadEvent

FULL = "full"
"""Kind of bad event: its shop or order is new, and a ceiling is reached."""


class Ceilings(NamedTuple):
    """The most shops and orders. Events of known ones are applied as before; none is dropped to make room."""

    shops: int = NEVER
    orders: int = NEVER


UNBOUNDED: Final = Ceilings()


def no_room(of: str, known: int) -> BadEvent:
    """The BadEvent for an event whose shop or order (`of`) would be one more than the ceiling."""
    return BadEvent(
        f"it would begin a new one, and {known:,} {of} are known, as many as may be (MAX_{of.upper()})", FULL
    )
