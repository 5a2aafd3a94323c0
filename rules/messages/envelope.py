"""What events of every type carry."""

from msgspec import Struct

from rules.calendar.instants import Instant
from rules.messages.bounds import Id


class Event(Struct, tag_field="type", kw_only=True, frozen=True, gc=False):
    """What every event carries. The same (`source`, `id`) twice counts once."""

    id: Id
    source: Id
    time: Instant
    platform: Id
    shop: Id
