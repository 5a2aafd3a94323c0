"""What evaluates a rule for a whole shop, and what it answers."""

from typing import Any, Protocol

from rules.kinds.evaluation import Case, Said, Verdict
from rules.kinds.rule import Rule
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Emitted
from rules.messages.alerts import Cause


class Judge(Protocol):
    """A rule that looks at a whole shop, ready to judge. `n` is its place in the plan."""

    @property
    def n(self) -> int: ...

    @property
    def rule(self) -> Rule: ...

    def judge(self, shop: ShopView, at_ms: int) -> Said:
        """What should be open at a moment, from what is known of the shop alone."""

    def case(self, shop: ShopView, verdict: Verdict, at_ms: int) -> Case:
        """The evidence for an alert, as it stands at a moment."""

    def cause_of_end(self, shop: ShopView, said: Emitted, verdict: Verdict, at_ms: int) -> Cause:
        """Why an alert that was open no longer is."""

    def metric(self, shop: ShopView, at_ms: int) -> dict[str, Any] | None:
        """What its clause measures, as a shop's standing shows it."""
