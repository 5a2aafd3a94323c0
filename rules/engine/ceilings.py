"""How many shops and orders an engine may know, so that whoever sends ever new ones doesn't take all memory."""

from typing import Final, NamedTuple

from rules.calendar.instants import NEVER
from rules.messages.bad_events import BadEvent

FULL = "full"
"""Kind of a record for which there is no room."""


class Ceilings(NamedTuple):
    """Events of what is known by then go on as ever; that is never let go to make room."""

    shops: int = NEVER
    orders: int = NEVER


UNBOUNDED: Final = Ceilings()


def no_room(of: str, known: int) -> BadEvent:
    """What is wrong with an event that would begin one more."""
    return BadEvent(
        f"it would begin a new one, and {known:,} {of} are known, as many as may be (MAX_{of.upper()})", FULL
    )
