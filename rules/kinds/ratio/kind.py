"""The kind `ratio`: what a pack writes, and how it is compiled."""

from collections.abc import Sequence
from typing import cast

from rules.kinds.evaluator import AnyEvaluator
from rules.kinds.ratio.compiled import CompiledRatio
from rules.kinds.ratio.disputes import DisputeEvaluator
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.kinds.ratio.spec import RatioSpec
from rules.kinds.ratio.wiring import RatioWiring
from rules.kinds.shop_rule import ShopRule, Wiring


class Ratio(RatioSpec, ShopRule, tag="ratio", tag_field="kind", kw_only=True, frozen=True):
    __doc__ = RatioSpec.__doc__

    def compile(self, wiring: Wiring) -> RatioEvaluator:
        if self.takes_money() and self.disputes is None:
            wiring.amounts()
        return self._evaluator(wiring.n, [wiring.for_kind(RatioWiring).count(self)])

    def combine(self, wiring: Wiring, versions: Sequence[AnyEvaluator]) -> RatioEvaluator:
        """One evaluator has all versions: each counts orders for itself, and a boundary is that of the one in force."""
        compiled = cast(Sequence[RatioEvaluator], versions)  # as `compile` made them
        evaluator = compiled[0]
        if len(compiled) > 1:
            evaluator = self._evaluator(wiring.n, [ratio for each in compiled for ratio in each.versions])
        wiring.for_kind(RatioWiring).show_ratio(evaluator)
        return evaluator

    def _evaluator(self, n: int, ratios: Sequence[CompiledRatio]) -> RatioEvaluator:
        return (RatioEvaluator if self.disputes is None else DisputeEvaluator)(n, ratios)
