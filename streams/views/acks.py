"""Acks and mutes: somebody has seen an alert, or wants to hear no more of it.

Either holds until its end, until it is lifted, or until the alert gets worse: a mute never hides a worsening.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec
from msgspec import Struct, field

from rules.calendar.instants import from_rfc3339

Kind = Literal["acknowledged", "muted"]


class Step(Struct, frozen=True):
    """How bad an alert was at one of its revisions. `severity` counts from 1 (info); 0 means not open."""

    revision: int
    severity: int = 0
    stage: str = ""
    judgement: int = 0
    tier: str | None = None

    def is_worse_than(self, other: "Step") -> bool:
        """In any respect. The order of tiers isn't known here, so another tier counts as worse."""
        return (
            self.severity > other.severity
            or _BADNESS.get(self.stage, 2) > _BADNESS.get(other.stage, 2)
            or self.judgement > other.judgement
            or (self.tier is not None and self.tier != other.tier)
        )


_BADNESS = {"": 0, "due_soon": 1, "near": 1}
"""How bad a stage is: 0 not open, 1 about to happen; any other stage is 2."""


class Ack(Struct, kw_only=True, frozen=True):
    """An ack or a mute of an alert as it is in the topic, under the key `kind:alert`.

    `at` and `until` are wall-clock instants, even if the worker goes by event time. `sight` is how bad the alert was
    then.
    """

    alert: str
    kind: Kind
    at: str
    until: str | None = None
    by: str | None = None
    comment: str | None = None
    seen_step: Step = field(name="sight")

    def key(self) -> bytes:
        return ack_key(self.kind, self.alert)


def ack_key(kind: Kind, alert: str) -> bytes:
    return f"{kind}:{alert}".encode()


def holds(ack: Ack, steps: Iterable[Step], now_ms: int) -> bool:
    """Whether an ack or mute still holds, given the alert's later steps in order.

    If a revision in between is missing, it may have been a worsening, so the ack ends.
    """
    if ack.until is not None and now_ms >= from_rfc3339(ack.until):
        return False
    before = ack.seen_step
    for step in steps:
        if step.revision <= before.revision:
            continue
        if step.revision != before.revision + 1 or step.is_worse_than(before):
            return False
        before = step
    return True


class Acks:
    """The newest record of each kind for each alert."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, Ack]] = {}  # by alert, then by kind

    def apply(self, key: bytes, value: bytes | None) -> str | None:
        """Applies one record of the topic; returns its alert. Raises msgspec.DecodeError for a bad record."""
        kind, _, alert = key.decode().partition(":")
        if value is None:
            if (of_alert := self._of.get(alert)) is not None:
                of_alert.pop(kind, None)
                if not of_alert:
                    del self._of[alert]
            return alert
        ack = _decode(value)
        self._of.setdefault(ack.alert, {})[ack.kind] = ack
        return ack.alert

    def get(self, kind: Kind, alert: str) -> Ack | None:
        of_alert = self._of.get(alert)
        return None if of_alert is None else of_alert.get(kind)


_decode = msgspec.json.Decoder(Ack).decode
encode = msgspec.json.Encoder().encode
