"""Every alert by its newest record, with its earlier revisions."""

from collections import OrderedDict
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from rules.calendar.instants import to_ms
from streams.views.acks import Step

RESOLVED_KEPT = 20_000
"""How many resolved alerts are kept, the latest ones; open ones are all kept."""

TRAIL_KEPT = 100
"""How many revisions of one alert are kept."""

SEVERITIES: Final = {"info": 1, "warning": 2, "critical": 3}


class _Data(Struct, gc=False):
    alert: str
    revision: int
    state: str
    severity: str
    stage: str
    judgement: int | None = None
    tier: str | None = None


class _Head(Struct, gc=False):
    """The fields of an alert's record that it is looked up by; the rest is passed on as it came."""

    time: Annotated[datetime, Meta(tz=True)]
    platform: str
    shop: str
    data: _Data


_head = msgspec.json.Decoder(_Head).decode


class Held:
    """One alert: the head of its newest record, and all its records as they came, the newest last."""

    __slots__ = ("head", "trail")

    def __init__(self, head: _Head, value: bytes) -> None:
        self.head = head
        self.trail = [value]

    def renew(self, head: _Head, value: bytes) -> None:
        self.head = head
        self.trail.append(value)
        if len(self.trail) > TRAIL_KEPT:
            del self.trail[0]

    @property
    def at_ms(self) -> int:
        """When its newest record was written (epoch ms)."""
        return to_ms(self.head.time)

    @property
    def id(self) -> str:
        return self.head.data.alert

    @property
    def revision(self) -> int:
        return self.head.data.revision

    @property
    def is_open(self) -> bool:
        return self.head.data.state == "open"

    @property
    def rank(self) -> tuple[bool, int, int, str]:
        """The order of lists: open alerts first, then the most severe, then the newest."""
        return not self.is_open, -SEVERITIES.get(self.head.data.severity, 0), -self.at_ms, self.id

    def record(self) -> dict[str, Any]:
        """The newest record."""
        found: dict[str, Any] = msgspec.json.decode(self.trail[-1])
        return found

    def records(self) -> list[dict[str, Any]]:
        """All kept records, the oldest first."""
        return [msgspec.json.decode(value) for value in self.trail]

    def steps(self) -> list[Step]:
        """How bad it was at each kept revision, the oldest first."""
        return [_step(_head(value).data) for value in self.trail]

    def step(self) -> Step:
        """How bad it is now."""
        return _step(self.head.data)


def _step(data: _Data) -> Step:
    if data.state != "open":
        return Step(data.revision)
    return Step(data.revision, SEVERITIES.get(data.severity, 0), data.stage, data.judgement or 0, data.tier)


class Alerts:
    """All open alerts, and those resolved last."""

    def __init__(self, resolved_kept: int = RESOLVED_KEPT) -> None:
        self.open: dict[str, Held] = {}
        # The latest last. (Finding a plain dict's first key takes long once many before it have been deleted.)
        self.resolved: OrderedDict[str, Held] = OrderedDict()
        self._resolved_kept = resolved_kept

    def take(self, key: bytes, value: bytes | None) -> Held | None:
        """Applies one record of the topic; returns the alert if the record is new.

        Raises msgspec.DecodeError and ValueError for a bad record.
        """
        if value is None:
            alert = key.decode()
            self.open.pop(alert, None)
            self.resolved.pop(alert, None)
            return None
        head = _head(value)
        held = self.get(head.data.alert)
        if held is None:
            held = Held(head, value)
        elif head.data.revision <= held.revision:
            return None  # written again, as after a replay
        else:
            held.renew(head, value)
        self._sort(head.data.alert, held)
        return held

    def get(self, alert: str) -> Held | None:
        return self.open.get(alert) or self.resolved.get(alert)

    def having(self, state: str | None) -> list[Held]:
        """Alerts in a state (any, if None), unordered."""
        found = [] if state == "resolved" else list(self.open.values())
        return found + ([] if state == "open" else list(self.resolved.values()))

    def _sort(self, alert: str, held: Held) -> None:
        if held.is_open:
            self.open[alert] = held
            self.resolved.pop(alert, None)
            return
        self.open.pop(alert, None)
        self.resolved[alert] = held
        self.resolved.move_to_end(alert)
        if len(self.resolved) > self._resolved_kept:
            self.resolved.popitem(last=False)
