"""What evaluating a rule for a shop comes to: which alerts should be open, and what proves each."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from rules.kinds.rule import Advice, Cost
from rules.messages.alert_state import Open
from rules.messages.alerts import Reason


class Finding(Struct, gc=False):
    """That an alert about `subject` should be open; `reason` is why it came to that."""

    open: Open
    reason: Reason
    subject: str = "-"
    episode: str = "-"


class Evidence(Struct, gc=False):
    """What a rule knows about one alert, beside its stage."""

    details: dict[str, Any]
    names: Mapping[str, object] = {}
    order: str | None = None
    value: float | None = None
    threshold: float | None = None
    headroom: float | None = None
    cost: Cost | None = None  # where it isn't the rule's own
    money: dict[str, Decimal] = {}
    points: Decimal | None = None
    ledger: str | None = None
    actions: tuple[Advice, ...] = ()
    summary: str | None = None  # where it isn't the rule's own


Evaluation = tuple[list[Finding], int]
"""What should be open, and when that may change without any new fact (epoch ms)."""
