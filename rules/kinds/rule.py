"""What every rule says, whatever its kind."""

from typing import Literal

from msgspec import Struct

from rules.alerts import Severity
from rules.durations import Share

Confidence = Literal["article", "platform_help", "ours"]
"""Where a value comes from: the seed article, the platform's own help pages, or our reading of them."""


class Advice(Struct, forbid_unknown_fields=True, frozen=True):
    """What somebody should do, and at which stages (all when none are named)."""

    to: Literal["warehouse", "purchasing", "listing", "customer_service", "finance"]
    do: str
    at: tuple[str, ...] = ()


class Cost(Struct, forbid_unknown_fields=True, frozen=True):
    """What the marketplace takes: a share of the bad orders' amounts, or something put in words."""

    share: Share | None = None
    effect: str | None = None


class Rule(Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """`clause` is the paragraph of RULES.md; `summary` one line per stage, with {names} filled in."""

    id: str
    clause: str
    source: str
    confidence: Confidence
    severity: dict[str, Severity]
    summary: dict[str, str]
    actions: tuple[Advice, ...] = ()
    penalty: Cost | None = None
