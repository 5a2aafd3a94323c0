"""What evaluates a rule for a whole shop, and what it answers."""

from typing import Any, Protocol

from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.rule import Rule
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Reason


class Evaluator(Protocol):
    """A rule that looks at a whole shop, ready to judge. `n` is its place in the plan."""

    @property
    def n(self) -> int: ...

    @property
    def rule(self) -> Rule: ...

    def evaluate(self, shop: ShopView, at_ms: int) -> Evaluation:
        """What should be open at a moment, from what is known of the shop alone."""

    def evidence(self, shop: ShopView, finding: Finding, at_ms: int) -> Evidence:
        """The evidence for an alert, as it stands at a moment."""

    def end_reason(self, shop: ShopView, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        """Why an alert that was open no longer is."""

    def metric(self, shop: ShopView, at_ms: int) -> dict[str, Any] | None:
        """What its clause measures, as a shop's standing shows it."""
