"""What evaluating a rule for a shop returns: which alerts should be open, and the evidence of each."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct

from rules.kinds.rule import Advice, Cost
from rules.messages.alert_state import Desired
from rules.messages.alerts import Reason
from rules.messages.figures import Figures, figures_of


class Finding(Struct, gc=False):
    """An alert about `subject` that should be open; `reason` is why."""

    open: Desired
    reason: Reason
    subject: str = "-"
    episode: str = "-"


class Evidence(Struct, gc=False):
    """What a rule knows about one alert, beside its stage. `details` go into the record's `evidence`, `names` into its
    summary."""

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

    def figures(self) -> Figures | None:
        """What its record says in figures."""
        return figures_of(self.value, self.headroom, self.money)


class Evaluation(Struct, frozen=True, gc=False):
    """What a rule says of a shop, or of one of its subjects, at a moment. `desired`: the alerts that should be open.
    `next_ms`: when that may differ without a new fact (epoch ms); it may be too early, never too late. `changed`: the
    evaluator's published value is another than before, so those that depend on it are to be evaluated too."""

    desired: list[Finding]
    next_ms: int
    changed: bool = False


class ActiveSanction(NamedTuple):
    """A sanction in force, from when until when (epoch ms); `NEVER` where it has no end."""

    name: str
    from_ms: int
    until_ms: int
