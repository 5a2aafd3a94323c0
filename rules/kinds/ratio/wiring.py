"""What a plan does for ratios alone while they are compiled."""

from rules.kinds.ratio.compiled import CompiledRatio
from rules.kinds.ratio.evaluator import RatioEvaluator
from rules.kinds.ratio.spec import RatioSpec


class RatioWiring:
    """A part of the `Wiring` that rules are compiled with."""

    def count(self, rule: RatioSpec) -> CompiledRatio:
        """Has the shop's orders counted for a ratio. Ratios of the same orders share their day buckets."""
        raise NotImplementedError

    def show_ratio(self, evaluator: RatioEvaluator) -> None:
        """Has a shop's standing show the money at stake by a ratio, and what it will come to."""
        raise NotImplementedError
