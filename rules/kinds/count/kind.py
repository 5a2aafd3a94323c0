"""The kind `count`: what a pack writes, and how it is compiled."""

from typing import Any

from rules.kinds.count.by_order import OrderCounter
from rules.kinds.count.by_week import WeekCounter
from rules.kinds.count.evaluator import CountEvaluator
from rules.kinds.count.spec import CountSpec
from rules.kinds.count.to_sanction import SanctionCounter
from rules.kinds.shop_rule import ShopRule, Wiring


class CountRule(CountSpec, ShopRule, tag="count", tag_field="kind", kw_only=True, frozen=True):
    __doc__ = CountSpec.__doc__

    def compile(self, wiring: Wiring) -> "CountEvaluator[Any]":
        source = wiring.source(self.of)
        if self.sanction is not None:
            return SanctionCounter(wiring.n, self, source, wiring.locale)
        return (WeekCounter if self.per == "week" else OrderCounter)(wiring.n, self, source, wiring.locale)
