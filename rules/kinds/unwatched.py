"""Unwatched: no rule of any pack is in force for a shop. No pack can ask for it: the rule book adds it, so that having
no alerts never looks as if all were well."""

from typing import ClassVar

from rules.calendar.instants import NEVER
from rules.kinds.evaluation import Evaluation, Evidence, Finding
from rules.kinds.evaluator import Evaluator
from rules.kinds.shop_rule import ShopRule, Wiring
from rules.kinds.shop_view import ShopView
from rules.messages.alert_state import Desired, Emitted
from rules.messages.alerts import Reason


class Unwatched(ShopRule, tag="unwatched", tag_field="kind", kw_only=True, frozen=True):
    """An alert that is open for as long as the shop has no other rule."""

    NAMES: ClassVar[frozenset[str]] = frozenset({"shop", "key"})

    def stages(self) -> tuple[str, ...]:
        return ("crossed",)

    def compile(self, wiring: Wiring) -> "UnwatchedEvaluator":
        return UnwatchedEvaluator(wiring.n, self)


class UnwatchedEvaluator(Evaluator[Unwatched, None]):
    """Evaluates it: it holds wherever a plan has it. It ends with the plan, when the shop has got one with rules."""

    def __init__(self, n: int, rule: Unwatched) -> None:
        self.n = n
        self.rule = rule

    def evaluate(self, shop: ShopView, state: None, at_ms: int) -> Evaluation:
        return Evaluation([Finding(Desired("crossed", self.rule.severity["crossed"]), "happened")], NEVER)

    def evidence(self, shop: ShopView, state: None, finding: Finding, at_ms: int) -> Evidence:
        facts = shop.facts
        return Evidence({"site": facts.profile("site"), "programme": facts.profile("programme")}, {"key": shop.key})

    def end_reason(self, shop: ShopView, state: None, last_emitted: Emitted, finding: Finding, at_ms: int) -> Reason:
        return "no_longer_applies"


UNWATCHED = Unwatched(
    id="shipclock.unwatched",
    clause="unwatched",
    source="shipclock",
    confidence="ours",
    title="Not watched by any rule",
    title_zh="没有规则监控",
    text="No rule of the packs in use is for this shop, so nothing of it raises an alert.",
    text_zh="所用规则包中没有适用于该店铺的规则，因此不会产生任何预警。",
    severity={"crossed": "warning"},
    summary={
        "crossed": "No rule watches {key}, so nothing of it raises an alert: "
        "look at its platform's name, its site and the packs loaded"
    },
)
"""The rule of shops that have no other."""
